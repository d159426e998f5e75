import { useEffect, useMemo } from "react";
import { useJob as useWatchedJob } from "runcomfy-graphql-client/react";

import { type Field, readFields } from "../model/fields";
import type { JobQuery } from "../gql";
import { JOB, WATCH } from "../session/queries";
import { useAgain, useChanges, useQuery } from "../session/session";
import { INPUT_SCHEMA } from "../actions/action-queries";

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

/** What a deployment's input may hold; of none, and of one that is not listed, nothing. */
export function useFields(deploymentId: string): readonly Field[] {
  const { data } = useQuery(INPUT_SCHEMA, { deploymentId }, deploymentId !== "");
  const inputSchema = data?.deployment?.inputSchema;
  return useMemo(() => readFields(inputSchema), [inputSchema]);
}
