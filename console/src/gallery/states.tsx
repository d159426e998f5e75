import { useQuery } from "urql";
import { Link } from "wouter";

import { VIEWER } from "../documents";
import type { FeedState } from "./feed";

/** Stands in for the first rows. */
export function Loading() {
  return (
    <div className="gallery-loading" role="status" aria-label="Fetching pictures…">
      {Array.from({ length: 15 }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/** Tells how to make the first picture, to whoever may. */
export function Empty({ deploymentId }: { readonly deploymentId: string | null }) {
  const [{ data }] = useQuery({ query: VIEWER, requestPolicy: "cache-first" });
  const canRun = data?.viewer.scopes.includes("jobs:submit") === true;
  return (
    <div className="empty">
      <p>
        {deploymentId === null ? "No pictures yet." : "This deployment has made no pictures yet."}{" "}
        What jobs make comes here by itself.
      </p>
      {canRun && (
        <Link
          className="button primary"
          href={deploymentId === null ? "/run" : `/run/${encodeURIComponent(deploymentId)}`}
        >
          Make the first one
        </Link>
      )}
    </div>
  );
}

/** Leads to what came while one looked further down. */
export function Waiting({
  count,
  onShow,
}: {
  readonly count: number;
  readonly onShow: () => void;
}) {
  return (
    <div className="gallery-waiting" role="status">
      {count > 0 && (
        <button className="primary" onClick={onShow}>
          {count} new
        </button>
      )}
    </div>
  );
}

/** The end of the list: how it goes on, or that it doesn't. */
export function Older({
  state: { listed, hasMore, isLoading, problem },
  isSearched,
  isFound,
  onMore,
}: {
  readonly state: FeedState;
  readonly isSearched: boolean;
  /** Whether any of what is loaded is shown. */
  readonly isFound: boolean;
  readonly onMore: () => void;
}) {
  if (problem !== null) {
    return (
      <div className="gallery-older">
        <p role="alert">{problem}</p>
        <button onClick={onMore}>Try again</button>
      </div>
    );
  }
  if (listed.length === 0) return null;
  return (
    <div className="gallery-older">
      {isLoading && <p role="status">Fetching older ones…</p>}
      {isSearched && !isFound && <p>None of their prompts has this text.</p>}
      {!isLoading && !hasMore && isFound && <p>These were all.</p>}
      {!isLoading && hasMore && isSearched && (
        <button onClick={onMore}>Search older ones too</button>
      )}
    </div>
  );
}
