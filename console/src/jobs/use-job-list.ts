import { useEffect, useMemo } from "react";
import { useGateway } from "runcomfy-graphql-client/react";
import { type Client, useClient } from "urql";

import type { JobFilter } from "../gql/graphql";
import { tellOtherTabs, useChanges } from "../live";
import { createJobList, type JobList } from "./live-job-list";

type Screen = "jobs" | "gallery";
type Kept = Map<Screen, { readonly key: string; readonly list: JobList }>;

/** The last list of each screen and session, so that whoever comes back from a job finds it read. */
const lists = new WeakMap<Client, Kept>();

export function useJobList(screen: Screen, filter: JobFilter): JobList {
  const client = useClient();
  const gateway = useGateway();
  const key = JSON.stringify(filter);
  const list = useMemo(() => {
    const kept: Kept = lists.get(client) ?? new Map();
    lists.set(client, kept);
    const last = kept.get(screen);
    if (last?.key === key) return last.list;
    const given: JobFilter = JSON.parse(key);
    const made = createJobList(gateway, given);
    kept.set(screen, { key, list: made });
    return made;
  }, [client, gateway, screen, key]);
  useEffect(() => list.renew(), [list]);
  useChanges((job) => (job === null ? list.renew() : list.receive(job)));
  return list;
}

/** Takes deleted jobs out of the lists, also of those that nobody looks at, and in other tabs. */
export function removeFromList(client: Client, ids: readonly string[]): void {
  for (const { list } of lists.get(client)?.values() ?? []) list.remove(ids);
  tellOtherTabs();
}

/** Reads the lists anew where nobody tells which jobs are gone. */
export function renewLists(client: Client): void {
  for (const { list } of lists.get(client)?.values() ?? []) list.renew();
  tellOtherTabs();
}
