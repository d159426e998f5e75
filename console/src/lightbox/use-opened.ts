import { useMemo } from "react";

import type { JobFilter, JobRowFragment } from "../gql";
import { LISTED_JOB } from "../queries";
import { useQuery } from "../session";
import { type Place, toKey } from "./address";
import { AROUND } from "./lightbox-queries";
import { picturesOf, type Shown } from "./pictures";

/** More than are ever submitted within a millisecond, which is as exactly as lists can be asked. */
const LENGTH = 10;
/** How many are offered on either side to compare with. */
const NEAR = 12;

/** What is open: `undefined` until it has come, null where there is no such picture. */
export type Opened = {
  readonly picture: Shown | null | undefined;
  readonly problem: string | null;
};

/** What the address names, and what is beside it: from a list, or asked for where it is further down. */
export function useOpened(
  pictures: readonly Shown[],
  open: Place,
  compared: Place | null,
  filter: JobFilter,
  isListed: boolean,
) {
  const one = usePicture(pictures, open, isListed);
  const around = useAround(isListed && one.isElsewhere ? one.job : null, filter);
  const all = one.isElsewhere ? around : pictures;
  const other = usePicture(all, compared, compared !== null);
  const at = all.findIndex(({ key }) => key === toKey(open));
  return {
    one,
    other: compared === null ? null : other,
    before: all[at - 1] ?? null,
    after: at < 0 ? null : (all[at + 1] ?? null),
    near: all.slice(Math.max(0, at - NEAR), at + NEAR + 1),
  };
}

function usePicture(known: readonly Shown[], place: Place | null, isWanted: boolean) {
  const key = place === null ? "" : toKey(place);
  const found = known.find((one) => one.key === key);
  const isElsewhere = found === undefined && isWanted;
  const { data, error, ask } = useQuery(LISTED_JOB, { id: place?.jobId ?? "" }, isElsewhere);
  const job = (isElsewhere && data?.job) || null;
  const own = job ? picturesOf(job).find((one) => one.key === key) : undefined;
  return {
    picture: found ?? own ?? (isElsewhere && data ? null : undefined),
    problem: isElsewhere && error ? error.message : null,
    isElsewhere,
    job,
    ask,
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
    return [...new Map(jobs.map((one) => [one.id, one])).values()].flatMap(picturesOf);
  }, [data]);
}
