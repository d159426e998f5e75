import { LISTED_JOB } from "../queries";
import type { Session } from "../session";
import type { JobList } from "../jobs/live-job-list";

/** Asks for the addresses of a job's files where one has expired, which they do in a day or two. */
export function createAskAgain({ gateway }: Session, list: JobList): (id: string) => void {
  const beingAsked = new Set<string>();
  return async (id) => {
    if (beingAsked.has(id)) return;
    beingAsked.add(id);
    // Where no answer comes, the next look at it asks again.
    const data = await gateway.request(LISTED_JOB, { id }).catch(() => null);
    beingAsked.delete(id);
    const isListed = list.state.get().rows.some((row) => row.id === id);
    if (data?.job && isListed) list.receive(data.job);
    else if (data?.job === null) list.remove([id]);
  };
}
