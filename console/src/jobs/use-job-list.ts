import { useEffect, useMemo } from "react";

import type { JobFilter } from "../gql";
import { type Session, useChanges, useSession } from "../session";
import { createJobList, type JobList } from "./live-job-list";

export function useJobList(screen: "jobs" | "gallery", filter: JobFilter): JobList {
  const { gateway, lists } = useSession();
  const key = JSON.stringify(filter);
  const list = useMemo(() => {
    const last = lists.get(screen);
    if (last?.key === key) return last.list;
    const given: JobFilter = JSON.parse(key);
    const made = createJobList(gateway, given);
    lists.set(screen, { key, list: made });
    return made;
  }, [gateway, lists, screen, key]);
  useEffect(() => list.renew(), [list]);
  useChanges((job) => (job === null ? list.renew() : list.receive(job)));
  return list;
}

/** Takes deleted jobs out of the lists, also of those that nobody looks at, and in other tabs. */
export function removeFromLists({ lists, feed }: Session, ids: readonly string[]): void {
  for (const { list } of lists.values()) list.remove(ids);
  feed.notifyOtherTabs();
}

/** Reads the lists anew where nobody tells which jobs are gone. */
export function renewLists({ lists, feed }: Session): void {
  for (const { list } of lists.values()) list.renew();
  feed.notifyOtherTabs();
}
