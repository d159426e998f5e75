import { useMemo } from "react";

import type { JobFilter, JobRowFragment } from "../gql";
import type { Media } from "../model/filters";
import { picturesOf, type Shown } from "../model/pictures";
import { JOBS } from "./queries";
import { useQuery } from "./session";

/** More than are ever submitted within a millisecond, which is as exactly as lists can be asked. */
const LENGTH = 10;
/** Where most of them may be of other kinds. */
const LONG = 100;

/** What is beside a picture: jobs that fit, and of them files of these kinds, or of all. */
export type Others = { readonly filter: JobFilter; readonly media: Media };

/** What one goes through where a screen has no list of its own. */
export const ALL_THAT_CAN_BE_SEEN: Others = { filter: { status: ["SUCCEEDED"] }, media: [] };

/** The pictures of a job, the one of this key in any case, and of those submitted around it, newest first. */
export function useAround(
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
