import { useMemo } from "react";

import type { JobFilter } from "../gql";
import { type JobList, openList } from "./job-list";
import { type Session, useSession } from "./session";

export function useJobList(screen: "jobs" | "gallery", filter: JobFilter): JobList {
  const { gateway, feed, lists } = useSession();
  const key = JSON.stringify(filter);
  return useMemo(() => {
    const last = lists.get(screen);
    if (last?.key === key) return last.list;
    const list = openList(gateway, feed, JSON.parse(key));
    lists.set(screen, { key, list });
    return list;
  }, [gateway, feed, lists, screen, key]);
}

/** Takes deleted jobs out of the lists, including those that are not shown, and in other tabs. */
export function removeFromLists({ lists, feed }: Session, ids: readonly string[]): void {
  for (const { list } of lists.values()) list.remove(ids);
  feed.notifyOtherTabs();
}

/** Reads the lists again when it is unknown which jobs are gone. */
export function renewLists({ lists, feed }: Session): void {
  for (const { list } of lists.values()) list.reload();
  feed.notifyOtherTabs();
}
