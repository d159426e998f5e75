import { useEffect, useMemo, useRef, useState } from "react";
import { createItem } from "runcomfy-graphql-client";
import { GatewayProvider } from "runcomfy-graphql-client/react";
import { Provider, useQuery } from "urql";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";

import { Boundary, forget } from "./boundary";
import { VIEWER } from "./queries";
import { type Account, Footer } from "./footer";
import { HAS_MCP } from "./gateway";
import { Keys } from "./shortcuts";
import { useLive } from "./live";
import { Problem } from "./parts/problem";
import { useTitle } from "./parts/use-title";
import { Agents } from "./screens/agents";
import { Deployments } from "./screens/deployments";
import { Gallery } from "./screens/gallery";
import { JobPage } from "./screens/job-screen";
import { Jobs } from "./screens/jobs";
import { Run } from "./screens/run";
import { Webhooks } from "./screens/webhooks";
import { explain, openSession } from "./session";
import { SignIn } from "./sign-in";
import { useViewer, ViewerContext } from "./viewer";

/** Of the credential: empty unless it was asked to be kept. */
const kept = createItem("credential");
/** Whose the drafts are that outlive a reload. */
const lastViewer = createItem("viewer");

/** The console: signs in where that is needed, then shows one screen at a time. */
export function App() {
  const [attempt, setAttempt] = useState<Attempt>(() => {
    const credential = kept.get() ?? "";
    return { credential, isKept: credential !== "", number: 0 };
  });
  const { credential, number } = attempt;
  // Each attempt asks anew, also with the same credential.
  const session = useMemo(() => ({ ...openSession(credential), number }), [credential, number]);
  const enter = (given: string, isKept: boolean): void =>
    setAttempt({ credential: given, isKept, number: number + 1 });

  return (
    <GatewayProvider value={session.gateway} key={number}>
      <Provider value={session.client}>
        <Entrance
          attempt={attempt}
          onSignIn={enter}
          onSignOut={() => {
            // With it goes what was typed: the next one may be somebody else.
            forget();
            location.assign("/");
          }}
        />
      </Provider>
    </GatewayProvider>
  );
}

type Attempt = {
  readonly credential: string;
  readonly isKept: boolean;
  readonly number: number;
};

function Entrance({ attempt, onSignIn, onSignOut }: Account & { readonly attempt: Attempt }) {
  const [{ data, error }, ask] = useQuery({ query: VIEWER });
  const isIn = data !== undefined;
  // A header takes no other letters: the quotes around it that a chat has bent, for one.
  const isRefused = error?.response?.status === 401 || !/^[ -~]*$/.test(attempt.credential);
  const viewerId = data?.viewer.id;
  useEffect(() => {
    if (viewerId === undefined || viewerId === lastViewer.get()) return;
    // What somebody else typed is no business of theirs.
    if (lastViewer.get() !== null) forget();
    lastViewer.set(viewerId);
  }, [viewerId]);
  useEffect(() => {
    if (isIn || isRefused) kept.set(attempt.isKept && !isRefused ? attempt.credential : "");
  }, [isIn, isRefused, attempt]);

  const isSignedIn = attempt.credential !== "";
  if (data) {
    return (
      <ViewerContext value={{ ...data.viewer, isSignedIn }}>
        <Screens {...{ onSignIn, onSignOut }} />
      </ViewerContext>
    );
  }
  if (isRefused)
    return <SignIn reason={attempt.credential === "" ? "" : REFUSED} onSignIn={onSignIn} />;
  if (error) {
    return (
      <main className="center">
        <Problem text={explain(error)} onRetry={() => ask({ requestPolicy: "network-only" })} />
      </main>
    );
  }
  return <main className="center">Asking…</main>;
}

const REFUSED = "This key or token is not accepted. Check it, or ask for another one.";

/** Each with what a credential must allow for it. */
const SCREENS = [
  ["/run", "Run", null],
  ["/jobs", "Jobs", "mayRead"],
  ["/gallery", "Gallery", "mayRead"],
  ["/deployments", "Deployments", null],
  ["/webhooks", "Webhooks", "hasWebhooks"],
] as const;

function Screens(account: Account) {
  const viewer = useViewer();
  const [location] = useLocation();
  const screens = SCREENS.filter(([, , need]) => need === null || viewer[need]);
  useLive(viewer.mayRead);
  const main = useRef<HTMLElement>(null);
  const hadFocus = useRef(false);
  useEffect(() => {
    // It was lost together with what had it, and Tab would begin with the page.
    if (hadFocus.current && document.activeElement === document.body)
      main.current?.focus({ preventScroll: true });
  }, [location]);
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <header>
        <nav aria-label="Screens">
          {screens.map(([path, name]) => (
            <Link
              key={path}
              href={path}
              aria-current={location.startsWith(path) ? "page" : undefined}
            >
              {name}
            </Link>
          ))}
        </nav>
      </header>
      <main ref={main} id="main" tabIndex={-1} onFocus={() => (hadFocus.current = true)}>
        {/* From one deployment to the next the chooser stays, with the focus. */}
        <Boundary key={location.startsWith("/run") ? "/run" : location}>
          <Switch>
            <Route path="/run/:deploymentId?">
              {({ deploymentId }) => <Run deploymentId={deploymentId && decode(deploymentId)} />}
            </Route>
            <Route path="/jobs">{() => <Jobs />}</Route>
            <Route path="/jobs/:id">{({ id }) => <JobPage key={id} id={id} />}</Route>
            <Route path="/gallery">{() => <Gallery />}</Route>
            <Route path="/deployments">{() => <Deployments />}</Route>
            <Route path="/webhooks">{() => <Webhooks />}</Route>
            {HAS_MCP && <Route path="/agents">{() => <Agents />}</Route>}
            <Route path="/">{() => <Redirect to="/run" replace />}</Route>
            <Route>{() => <Nowhere />}</Route>
          </Switch>
        </Boundary>
      </main>
      <Footer {...account} />
      <Keys />
    </>
  );
}

/** The id of a model has slashes, which an address can only have as escapes. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // A % that stands for itself.
  }
}

function Nowhere() {
  useTitle("Nothing is here");
  return <p className="empty">Nothing is here. Choose a screen above.</p>;
}
