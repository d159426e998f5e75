import { silence } from "./live";
import { Ago } from "./parts/time";
import type { Viewer } from "./viewer";
import type { Session } from "./session";
import { useStore } from "./store";

/** What the gateway says of itself in the page that it serves. */
const GATEWAY = document.querySelector<HTMLMetaElement>("meta[name=gateway]")?.content ?? "";

/** Whether the page hears of changes, and who it is for. */
export function Foot({
  session,
  viewer,
  onSignOut,
}: {
  readonly session: Session;
  readonly viewer: Viewer;
  readonly onSignOut: () => void;
}) {
  const connection = useStore(session.connection);
  const reason = useStore(silence);
  return (
    <footer>
      <span role="status" className={`connection connection-${connection.kind}`}>
        {connection.kind === "connected" && (reason === "" ? "live" : `not live: ${reason}`)}
        {connection.kind === "away" && (
          <>
            reconnecting, away since <Ago at={new Date(connection.since).toISOString()} />
          </>
        )}
        {connection.kind === "refused" && `no longer signed in: ${connection.reason}`}
      </span>
      <span>
        {GATEWAY.includes("sandbox") ? "sandbox: nothing costs money" : "RunComfy: jobs cost money"}
      </span>
      <span>
        {viewer.id}
        {!viewer.scopes.includes("jobs:submit") && ", reads only"}
        {viewer.scopes.includes("jobs:read:all") && ", sees everybody's jobs"}
      </span>
      {GATEWAY.includes("graphiql") && <a href="/graphql">GraphiQL</a>}
      {viewer.id !== "local" && <button onClick={onSignOut}>Sign out</button>}
    </footer>
  );
}
