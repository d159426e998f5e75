import { useEffect } from "react";
import { useJob as useWatchedJob } from "runcomfy-graphql-client/react";

import type { JobRowFragment, WatchSubscription } from "../gql";
import { LISTED_JOB, WATCH } from "../session/queries";
import { useChanges, useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { removeRecent } from "./recent";

export type WatchedJob = JobRowFragment &
  Partial<Pick<WatchSubscription["jobUpdated"], "estimate">>;

/** One of the recent jobs in its newest state, null until that is known; with its estimate where that is wanted. */
export function useRecentJob(id: string, isEstimated: boolean) {
  const { id: viewerId, mayRead } = useViewer();
  const { data, error, ask } = useQuery(LISTED_JOB, { id }, mayRead);
  useChanges((change) => {
    if (change === null && mayRead) void ask();
  });
  const listed = data?.job ?? null;
  const isWatched = isEstimated && mayRead && listed !== null && !listed.isFinished;
  const { job: watched } = useWatchedJob(isWatched ? id : null, WATCH);
  // Viewers who may not read jobs have only the answer to the submit.
  const isGone = data ? data.job === null : !mayRead;
  useEffect(() => {
    if (isGone) removeRecent(viewerId, id);
  }, [isGone, viewerId, id]);
  const isNewest = watched !== null && watched.version >= (listed?.version ?? 0);
  const job: WatchedJob | null = isNewest ? watched : listed;
  return { job, error, ask };
}
