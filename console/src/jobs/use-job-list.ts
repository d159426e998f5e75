import { useCallback, useEffect, useMemo } from "react";
import { type Client, useClient } from "urql";

import type { JobFilter, JobRowFragment } from "../gql/graphql";
import { useChanges } from "../live";
import { createJobList, type JobList } from "./job-list";

/** The last list of each session, so that whoever comes back from a job is where they were. */
const lists = new WeakMap<Client, { readonly key: string; readonly list: JobList }>();

export function useJobList(filter: JobFilter): JobList {
  const client = useClient();
  const key = JSON.stringify(filter);
  const list = useMemo(() => {
    const last = lists.get(client);
    if (last?.key === key) return last.list;
    const given: JobFilter = JSON.parse(key);
    const made = createJobList(client, given);
    lists.set(client, { key, list: made });
    return made;
  }, [client, key]);
  useEffect(() => list.renew(), [list]);
  const hear = useCallback(
    (job: JobRowFragment | null) => (job === null ? list.renew() : list.hear(job)),
    [list],
  );
  useChanges(hear);
  return list;
}

/** Takes deleted jobs out of the list, also of one that nobody looks at. */
export function removeFromList(client: Client, ids: readonly string[]): void {
  lists.get(client)?.list.remove(ids);
}
