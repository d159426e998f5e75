import type { Client } from "urql";

import { LISTED_JOB } from "../queries";
import type { JobList } from "../jobs/live-job-list";

/** Asks for the addresses of a job's files where one has expired, which they do in a day or two. */
export function createAskAgain(client: Client, list: JobList): (id: string) => void {
  const beingAsked = new Set<string>();
  return async (id) => {
    if (beingAsked.has(id)) return;
    beingAsked.add(id);
    const { data, error } = await client
      .query(LISTED_JOB, { id }, { requestPolicy: "network-only" })
      .toPromise();
    beingAsked.delete(id);
    const isListed = list.state.get().rows.some((row) => row.id === id);
    if (data?.job && isListed) list.receive(data.job);
    else if (data?.job === null && !error) list.remove([id]);
  };
}
