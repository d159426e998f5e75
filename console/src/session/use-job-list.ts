import { useMemo } from "react";
import type { GatewayClient } from "runcomfy-graphql-client";
import { createLiveList } from "runcomfy-graphql-client/live-list";

import type { Feed } from "./feed";
import type { JobFilter, JobRowFragment as Row } from "../gql";
import { JOBS } from "./queries";
import { type Session, useSession } from "./session";

export type { Row };
export type JobList = ReturnType<typeof openList>;

const NONE: ReadonlySet<string> = new Set();

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

function openList(gateway: GatewayClient, feed: Feed, filter: JobFilter) {
  const list = createLiveList<Row>({
    filter,
    pageSize: 100,
    read: async (page) => (await gateway.request(JOBS, { filter, ...page })).jobs,
    listen(notify) {
      notify(null);
      return feed.listen(notify);
    },
  });
  /** How far one had scrolled, in which row one was and what was selected, for whoever comes back. */
  return { ...list, filter, offset: 0, current: { id: "", index: 0 }, selected: NONE };
}

/** Takes deleted jobs out of the lists, also of those that nobody looks at, and in other tabs. */
export function removeFromLists({ lists, feed }: Session, ids: readonly string[]): void {
  for (const { list } of lists.values()) list.remove(ids);
  feed.notifyOtherTabs();
}

/** Reads the lists anew where nobody tells which jobs are gone. */
export function renewLists({ lists, feed }: Session): void {
  for (const { list } of lists.values()) list.reload();
  feed.notifyOtherTabs();
}
