import { useMemo } from "react";

import type { JobFilter, JobRowFragment } from "../gql";
import type { Media } from "../model/filters";
import { picturesOf, type Shown, toJobId } from "../model/pictures";
import { JOBS, LISTED_JOB } from "../session/queries";
import { useQuery } from "../session/session";

/** More than are ever submitted within a millisecond, which is as exactly as lists can be asked. */
const LENGTH = 10;
/** Where most of them may be of other kinds. */
const LONG = 100;
/** How many are offered on either side to compare with. */
const NEAR = 8;

/** A picture, or why there is none; neither while it is fetched. */
export type Opened = {
  readonly picture?: Shown | undefined;
  readonly problem?: string | undefined;
};

/** What is beside it: jobs that fit, and of them files of these kinds. */
type Others = { readonly filter: JobFilter; readonly media: Media };

/** What the address names, and what is beside it: from the screen's list, or asked for where it is further down. */
export function useOpened(
  listed: readonly Shown[],
  open: string,
  compared: string | null,
  others: Others,
) {
  const { job, ...one } = usePicture(listed, open);
  const around = useAround(job, open, others);
  const all = job ? around : listed;
  const other = usePicture(all, compared);
  const at = all.findIndex(({ key }) => key === open);
  const isAlone = at >= 0 && compared === null;
  const opened: readonly [Opened, ...Opened[]] = compared === null ? [one] : [one, other];
  return {
    opened,
    before: isAlone ? all[at - 1] : undefined,
    after: isAlone ? all[at + 1] : undefined,
    near: all.slice(Math.max(0, at - NEAR), at + NEAR + 1).filter(({ key }) => key !== open),
  };
}

/** `job` is of one that is not `listed`. */
function usePicture(
  listed: readonly Shown[],
  key: string | null,
): Opened & { readonly job?: JobRowFragment } {
  const isIt = (one: Shown): boolean => one.key === key;
  const found = listed.find(isIt);
  const isWanted = key !== null && found === undefined;
  const { data, error } = useQuery(LISTED_JOB, { id: toJobId(key ?? "") }, isWanted);
  if (found) return { picture: found };
  const picture = data?.job ? picturesOf(data.job).find(isIt) : undefined;
  if (data?.job && picture) return { picture, job: data.job };
  return { problem: data ? GONE : error?.message };
}

const GONE =
  "There is no such picture: it was deleted, or belongs to somebody else. Close this to see the others.";

/** The pictures of a job and of those submitted around it, newest first. */
function useAround(
  job: JobRowFragment | undefined,
  open: string,
  { filter, media }: Others,
): readonly Shown[] {
  const length = media.length === 0 ? LENGTH : LONG;
  const at = job ? Date.parse(job.createdAt) : 0;
  const [createdAfter, createdBefore] = [at - 1, at + 1].map((ms) => new Date(ms).toISOString());
  const newer = useQuery(JOBS, { filter: { ...filter, createdAfter }, last: length }, !!job).data;
  const older = useQuery(JOBS, { filter: { ...filter, createdBefore }, first: length }, !!job).data;
  return useMemo(() => {
    const jobs = [newer, older].flatMap((data) => data?.jobs.edges ?? []).map(({ node }) => node);
    return [...new Map(jobs.map((one) => [one.id, one])).values()].flatMap((one) => {
      const shown = new Set(picturesOf(one, media).map(({ key }) => key)).add(open);
      return picturesOf(one).filter(({ key }) => shown.has(key));
    });
  }, [newer, older, media, open]);
}
