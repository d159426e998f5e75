import { Ago } from "./parts/time";
import type { Viewer } from "./viewer";
import type { Session } from "./session";
import { useStore } from "./store";

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
  return (
    <footer>
      <span role="status" className={`connection connection-${connection.kind}`}>
        {connection.kind === "connected" && "live"}
        {connection.kind === "away" && (
          <>
            reconnecting, away since <Ago at={new Date(connection.since).toISOString()} />
          </>
        )}
        {connection.kind === "refused" && `no longer signed in: ${connection.reason}`}
      </span>
      <span>
        {viewer.id}
        {!viewer.scopes.includes("jobs:submit") && ", reads only"}
        {viewer.scopes.includes("jobs:read:all") && ", sees everybody's jobs"}
      </span>
      {viewer.id !== "local" && <button onClick={onSignOut}>Sign out</button>}
    </footer>
  );
}
