import { useEffect } from "react";
import { useJob as useWatchedJob } from "runcomfy-graphql-client/react";

import type { JobQuery } from "../gql";
import { WATCH } from "../session/queries";
import { useAgain, useChanges, useQuery } from "../session/session";
import { JOB } from "./job-queries";

export type FullJob = NonNullable<JobQuery["job"]>;

/** A job with all that the page shows, read anew whenever it has changed; undefined until that is known. */
export function useJob(id: string) {
  const { data, error, ask } = useQuery(JOB, { id });
  const job = data?.job;
  // No change may follow the one whose read failed.
  useAgain(ask, error !== null);

  const { job: watched } = useWatchedJob(job && !job.isFinished ? id : null, WATCH);
  const isOld = job != null && watched !== null && watched.version > job.version;
  useEffect(() => {
    if (isOld) void ask();
  }, [isOld, ask]);
  // Lists and changes have not all of its fields.
  useChanges((changed) => {
    if (changed === null || changed.id === id) void ask();
  });

  return { job, error, estimate: watched?.estimate ?? null, ask };
}
