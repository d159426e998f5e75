import type { JobRowFragment } from "../gql";
import { picturesOf, type Shown, toJobId } from "../model/pictures";
import { LISTED_JOB } from "../session/queries";
import { useQuery } from "../session/session";
import { type Others, useAround } from "../session/use-around";

/** How many are offered on either side to compare with. */
const NEAR = 8;

/** A picture, or why there is none; neither while it is fetched. */
export type Opened = {
  readonly picture?: Shown | undefined;
  readonly problem?: string | undefined;
};

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
