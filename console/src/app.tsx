import { useEffect, useMemo, useState } from "react";
import { createItem } from "runcomfy-graphql-client";
import { GatewayProvider, useConnection } from "runcomfy-graphql-client/react";
import { Redirect, Route, Switch, useLocation } from "wouter";

import { Bars } from "./frame/bars";
import { Boundary, forget } from "./frame/boundary";
import { Header, HeaderRow } from "./frame/header";
import { Keys } from "./frame/shortcuts";
import { REFUSED } from "./frame/sign-ins";
import { useTabNews } from "./frame/tab-news";
import { decode } from "./model/address";
import { useLoadedParts } from "./parts";
import { Run } from "./screens/run";
import { HAS_SIGN_INS } from "./session/gateway";
import { PartsContext } from "./session/part";
import { DEPLOYMENTS, FRAME, VIEWER } from "./session/queries";
import { openSession, SessionContext, useQuery, useSession } from "./session/session";
import { handed } from "./session/use-hand-over";
import { useViewer, ViewerContext } from "./session/viewer";
import { later, loadAll, OPENING } from "./ui/later";
import { Problem } from "./ui/problem";
import { useTitle } from "./ui/use-title";

const Deployments = later(async () => (await import("./screens/deployments")).Deployments, OPENING);
const Gallery = later(async () => (await import("./screens/gallery")).Gallery, OPENING);
const JobPage = later(async () => (await import("./screens/job-screen")).JobPage, OPENING);
const Jobs = later(async () => (await import("./screens/jobs")).Jobs, OPENING);
const Waiting = later(async () => (await import("./screens/waiting")).Waiting, OPENING);
const SignIn = later(async () => (await import("./frame/sign-in")).SignIn);

/** After which the first screen has come with its data. */
const REST_MS = 2_000;

/** Of the credential: empty unless it was asked to be kept. */
const kept = createItem("credential");
/** Whose the drafts are that outlive a reload. */
const lastViewer = createItem("viewer");

type Attempt = {
  readonly credential: string;
  readonly isKept: boolean;
  readonly number: number;
};

/** The console: signs in where that is needed, then shows one screen at a time. */
export function App() {
  const [attempt, setAttempt] = useState<Attempt>(() => {
    const credential = kept.get() ?? "";
    return { credential, isKept: credential !== "", number: 0 };
  });
  const { credential, number } = attempt;
  // Each attempt asks anew, also with the same credential.
  const session = useMemo(() => {
    const signIn = (given: string, isKept: boolean): void =>
      setAttempt({ credential: given, isKept, number: number + 1 });
    return openSession(credential, signIn);
  }, [credential, number]);

  return (
    <GatewayProvider value={session.gateway} key={number}>
      <SessionContext value={session}>
        <Entrance {...attempt} />
      </SessionContext>
    </GatewayProvider>
  );
}

function Entrance({ credential, isKept }: Attempt) {
  const { data, error, ask } = useQuery(VIEWER, {});
  // At the same time, as the form needs both.
  const [location] = useLocation();
  useQuery(DEPLOYMENTS, {}, /^\/(run|$)/.test(location));
  const isIn = data !== undefined;
  const isRefused = error?.code === "UNAUTHENTICATED";
  const viewerId = data?.viewer.id;
  useEffect(() => {
    if (viewerId === undefined || viewerId === lastViewer.get()) return;
    // What somebody else typed is no business of theirs.
    if (lastViewer.get() !== null) forget();
    handed.set(null);
    lastViewer.set(viewerId);
  }, [viewerId]);
  // The sign-in may end meanwhile, which the socket notices first; viewers who can't watch jobs have none.
  const { kind } = useConnection();
  const { error: frameError } = useQuery(FRAME, {}, false);
  useEffect(() => {
    if (kind === "refused" || frameError?.code === "UNAUTHENTICATED") void ask();
  }, [kind, frameError, ask]);
  useEffect(() => {
    if (isIn || isRefused) kept.set(isKept && !isRefused ? credential : "");
  }, [isIn, isRefused, isKept, credential]);

  const isSignedIn = HAS_SIGN_INS || credential !== "";
  if (data && !isRefused) {
    return (
      <ViewerContext value={{ ...data.viewer, isSignedIn }}>
        <Screens />
      </ViewerContext>
    );
  }
  return (
    <>
      <HeaderRow />
      <main className="center">
        {isRefused ? (
          <SignIn reason={isIn ? SIGNED_OUT : credential === "" ? "" : REFUSED} />
        ) : (
          error && <Problem text={error.message} onRetry={() => void ask()} />
        )}
      </main>
    </>
  );
}

const SIGNED_OUT =
  "You are signed out. You did so elsewhere, or your key or token is no longer accepted; then ask for another one. What you typed stays, and jobs that were sent go on.";

function Screens() {
  const { mayRead, parts: names } = useViewer();
  const parts = useLoadedParts(names);
  const [location] = useLocation();
  const { feed } = useSession();
  useTabNews();
  useEffect(() => (mayRead ? feed.open() : undefined), [feed, mayRead]);
  useEffect(() => {
    const timer = setTimeout(loadAll, REST_MS);
    return () => clearTimeout(timer);
  }, [parts]);
  return (
    <PartsContext value={parts}>
      <a className="unseen" href="#main">
        To the content
      </a>
      <Header />
      <Bars />
      <main id="main" tabIndex={-1}>
        {/* From one deployment to the next the chooser stays, with the focus. */}
        <Boundary key={location.startsWith("/run") ? "/run" : location}>
          <Switch>
            {/* The id of a model has slashes, which an address can only have as escapes. */}
            <Route path="/run/:deploymentId?">
              {({ deploymentId }) => <Run deploymentId={deploymentId && decode(deploymentId)} />}
            </Route>
            <Route path="/jobs">{() => <Jobs />}</Route>
            <Route path="/jobs/:id">{({ id }) => <JobPage key={id} id={id} />}</Route>
            <Route path="/waiting">{() => <Waiting />}</Route>
            <Route path="/gallery">{() => <Gallery />}</Route>
            <Route path="/deployments">{() => <Deployments />}</Route>
            {parts?.map(
              ({ screen }) =>
                screen && <Route key={screen.path} path={screen.path} component={screen.Screen} />,
            )}
            <Route path="/">{() => <Redirect to="/run" replace />}</Route>
            {/* It may be the screen of a part. */}
            <Route>{() => (parts === null ? OPENING : <Nowhere />)}</Route>
          </Switch>
        </Boundary>
      </main>
      <Keys />
    </PartsContext>
  );
}

function Nowhere() {
  useTitle("Page not found");
  return <h1 className="empty">Page not found. Choose a screen above.</h1>;
}
