import type { JobListState } from "runcomfy-graphql-client/live-list";
import { Link } from "wouter";

import { NoMatches } from "../filters/no-matches";
import type { Asked } from "../filters/use-filters";
import { MEDIA, type Media } from "../model/filters";
import { formatCount, toCountText, toDay } from "../model/words";
import type { JobList, Row } from "../session/job-list";
import { toFormPath } from "../session/use-hand-over";
import { useViewer } from "../session/viewer";
import { Problem } from "../ui/problem";

/** How the list goes on, or that it doesn't. */
export function End({
  list,
  state: { error, hasMore, searchedTo, totalCount: total },
  asked,
  isBare,
  onFurther,
}: {
  readonly list: JobList;
  readonly state: JobListState<Row>;
  readonly asked: Asked;
  /** Whether there is nothing above. */
  readonly isBare: boolean;
  /** Null while older ones are fetched unasked. */
  readonly onFurther: (() => void) | null;
}) {
  if (error !== null) return <Problem text={error.message} onRetry={list.reload} />;
  if (isBare && !hasMore && total !== undefined) return <Empty {...asked} />;
  const isStopped = searchedTo !== null;
  const further = isStopped ? list.loadMore : onFurther;
  const kind = toKind(asked.filters.media);
  return (
    <div className="empty stack gallery-end">
      <p role="status">
        {isStopped && `Searched back to ${toDay(searchedTo)}.`}
        {!isStopped && onFurther !== null && `Many jobs in a row made no ${kind}.`}
        {further === null && (hasMore || isBare ? `Fetching ${kind}…` : `No more ${kind}`)}
      </p>
      {further !== null && (
        <button onClick={further}>{isStopped ? "Go on" : "Look further back"}</button>
      )}
    </div>
  );
}

/** Says what to clear or, where nothing is asked for but a deployment, how to make the first picture. */
function Empty(asked: Asked) {
  const viewer = useViewer();
  const { deployment } = asked.filters;
  if (asked.set.length > (deployment === "" ? 0 : 1)) return <NoMatches {...asked} />;
  return (
    <div className="empty stack">
      <p>
        {deployment ? "This deployment has made no pictures yet." : "No pictures yet."} What jobs
        make comes here by itself.
      </p>
      {viewer.may("jobs:submit") && (
        <p>
          <Link className="button primary" href={deployment ? toFormPath(deployment) : "/run"}>
            Make the first one
          </Link>
        </p>
      )}
    </div>
  );
}

/** How much there is, as far as that is known: the gateway counts jobs, whatever they made, and no searches. */
export function tellFound(
  { jobs, totalCount: total, hasMore }: JobListState<Row>,
  files: number,
  media: Media,
): string {
  if (total === undefined) return "";
  const soFar = hasMore ? " so far" : "";
  if (media.length > 0) return `${formatCount(files)} ${toKind(media, files)}${soFar}`;
  return total === null ? `${toCountText(jobs.length)} found${soFar}` : toCountText(total);
}

/** What files of these kinds are called. */
function toKind(media: Media, count = 2): string {
  const names = MEDIA.flatMap(({ word, name }) => (media.includes(word) ? name.toLowerCase() : []));
  const [name = "pictures"] = names.length > 1 ? ["files"] : names;
  return count === 1 ? name.slice(0, -1) : name;
}
