import { Link } from "wouter";

import type { JobFilter } from "../gql";
import { MAX_NEWS } from "../jobs/live-job-list";
import { Problem } from "../parts/problem";
import { toDay } from "../parts/time";
import { useViewer } from "../viewer";

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
export function Empty({
  filter: { deploymentId, text, tag, isStarred },
}: {
  readonly filter: JobFilter;
}) {
  const viewer = useViewer();
  if (text || tag || isStarred)
    return <p className="empty">No pictures fit. Search for less, or clear a filter.</p>;
  return (
    <div className="empty">
      <p>
        {deploymentId ? "This deployment has made no pictures yet." : "No pictures yet."} What jobs
        make comes here by itself.
      </p>
      {viewer.may("jobs:submit") && (
        <Link
          className="button primary"
          href={deploymentId ? `/run/${encodeURIComponent(deploymentId)}` : "/run"}
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
          {count > MAX_NEWS ? `More than ${MAX_NEWS}` : count} new
        </button>
      )}
    </div>
  );
}

/** The end of the list: how it goes on, or that it doesn't. */
export function Older({
  error,
  hasMore,
  searchedTo,
  isBare,
  onRetry,
  onGoOn,
  onFurther,
}: {
  readonly error: Error | null;
  readonly hasMore: boolean;
  /** How far back was searched where it goes on only when asked to; else null. */
  readonly searchedTo: string | null;
  /** Whether there is nothing above. */
  readonly isBare: boolean;
  readonly onRetry: () => void;
  readonly onGoOn: () => void;
  /** Null while older ones are fetched unasked. */
  readonly onFurther: (() => void) | null;
}) {
  if (error !== null) return <Problem text={error.message} onRetry={onRetry} />;
  if (searchedTo !== null) {
    return (
      <div className="gallery-older">
        <p role="status">Searched back to {toDay(searchedTo)}.</p>
        <button onClick={onGoOn}>Go on</button>
      </div>
    );
  }
  if (onFurther !== null) {
    return (
      <div className="gallery-older">
        <p role="status">Many jobs in a row made no pictures.</p>
        <button onClick={onFurther}>Look further back</button>
      </div>
    );
  }
  if (isBare) return null;
  return (
    <div className="gallery-older">
      <p role="status">{hasMore ? "Fetching older ones…" : "These were all."}</p>
    </div>
  );
}
