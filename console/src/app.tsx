import { useMemo, useState } from "react";
import { Provider, useQuery } from "urql";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";

import { VIEWER } from "./documents";
import { Foot } from "./foot";
import { Keys } from "./keys";
import { useLive } from "./live";
import { Deployments } from "./screens/deployments";
import { Gallery } from "./screens/gallery";
import { JobPage } from "./screens/job";
import { Jobs } from "./screens/jobs";
import { Run } from "./screens/run";
import { explain, openSession, type Session } from "./session";
import { SignIn } from "./sign-in";
import type { Viewer } from "./viewer";

const CREDENTIAL = "credential";

/** The console: signs in where that is needed, then shows one screen at a time. */
export function App() {
  const [credential, setCredential] = useState(() => sessionStorage.getItem(CREDENTIAL) ?? "");
  const session = useMemo(() => openSession(credential), [credential]);

  return (
    <Provider value={session.client}>
      <Entrance
        key={credential}
        session={session}
        onSignIn={(given, isKept) => {
          if (isKept) sessionStorage.setItem(CREDENTIAL, given);
          setCredential(given);
        }}
        onSignOut={() => {
          sessionStorage.removeItem(CREDENTIAL);
          setCredential("");
        }}
      />
    </Provider>
  );
}

function Entrance({
  session,
  onSignIn,
  onSignOut,
}: {
  readonly session: Session;
  readonly onSignIn: (credential: string, isKept: boolean) => void;
  readonly onSignOut: () => void;
}) {
  const [{ data, error }, ask] = useQuery({ query: VIEWER });
  if (data) return <Screens session={session} viewer={data.viewer} onSignOut={onSignOut} />;
  if (error?.response?.status === 401) return <SignIn onSignIn={onSignIn} />;
  if (error) {
    return (
      <main className="center">
        <p role="alert">{explain(error)}</p>
        <button onClick={() => ask({ requestPolicy: "network-only" })}>Try again</button>
      </main>
    );
  }
  return <main className="center">Asking…</main>;
}

const SCREENS = [
  ["/run", "Run"],
  ["/jobs", "Jobs"],
  ["/gallery", "Gallery"],
  ["/deployments", "Deployments"],
] as const;

function Screens({
  session,
  viewer,
  onSignOut,
}: {
  readonly session: Session;
  readonly viewer: Viewer;
  readonly onSignOut: () => void;
}) {
  const [location] = useLocation();
  useLive();
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <header>
        <nav aria-label="Screens">
          {SCREENS.map(([path, name]) => (
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
      <main id="main" tabIndex={-1}>
        <Switch>
          <Route path="/run">{() => <Run viewer={viewer} />}</Route>
          <Route path="/run/:deploymentId">
            {({ deploymentId }) => (
              <Run key={deploymentId} viewer={viewer} deploymentId={deploymentId} />
            )}
          </Route>
          <Route path="/jobs">{() => <Jobs viewer={viewer} />}</Route>
          <Route path="/jobs/:id">{({ id }) => <JobPage key={id} id={id} viewer={viewer} />}</Route>
          <Route path="/gallery">{() => <Gallery />}</Route>
          <Route path="/deployments">{() => <Deployments />}</Route>
          <Route path="/">{() => <Redirect to="/run" />}</Route>
          <Route>{() => <p className="empty">Nothing is here. Choose a screen above.</p>}</Route>
        </Switch>
      </main>
      <Foot session={session} viewer={viewer} onSignOut={onSignOut} />
      <Keys />
    </>
  );
}
