import { useMemo } from "react";

import { useQuery } from "../session";
import { LISTED_JOB } from "../queries";
import type { JobFilter, JobRowFragment } from "../gql";
import { AROUND } from "./gallery-queries";
import { picturesOf, type Shown, toKey } from "./pictures";

/** More than are ever submitted within a millisecond, which is as exactly as lists can be asked. */
const LENGTH = 10;

/** A picture of the address, and those beside it: from the grid, or asked for where it is further down. */
export function useOpened(
  pictures: readonly Shown[],
  jobId: string,
  n: number,
  filter: JobFilter,
  isListed: boolean,
) {
  const at = pictures.findIndex(({ key }) => key === toKey(jobId, n));
  const isElsewhere = at < 0 && isListed;
  const { data, error } = useQuery(LISTED_JOB, { id: jobId }, isElsewhere);
  const job = (isElsewhere && data?.job) || null;
  const around = useAround(job, filter);

  if (at >= 0) {
    return {
      picture: pictures[at],
      problem: null,
      before: pictures[at - 1] ?? null,
      after: pictures[at + 1] ?? null,
    };
  }
  const place = around.findIndex(({ key }) => key === toKey(jobId, n));
  const own = job ? picturesOf(job).find((one) => one.n === n) : undefined;
  return {
    picture: own ?? (isElsewhere && data ? null : undefined),
    problem: isElsewhere && error ? error.message : null,
    before: place < 0 ? null : (around[place - 1] ?? null),
    after: place < 0 ? null : (around[place + 1] ?? null),
  };
}

/** The pictures of a job and of those submitted around it, newest first. */
function useAround(job: JobRowFragment | null, filter: JobFilter): readonly Shown[] {
  const at = job ? Date.parse(job.createdAt) : 0;
  const toMoment = (milliseconds: number) => new Date(milliseconds).toISOString();
  const variables = {
    newer: { ...filter, createdAfter: toMoment(at - 1) },
    older: { ...filter, createdBefore: toMoment(at + 1) },
    length: LENGTH,
  };
  const { data } = useQuery(AROUND, variables, job !== null);
  return useMemo(() => {
    if (!data) return [];
    const jobs = [...data.newer.edges, ...data.older.edges].map(({ node }) => node);
    return [...new Map(jobs.map((job) => [job.id, job])).values()].flatMap(picturesOf);
  }, [data]);
}
