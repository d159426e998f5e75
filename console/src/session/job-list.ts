import type { GatewayClient } from "runcomfy-graphql-client";
import { createLiveList, isUnmatched } from "runcomfy-graphql-client/live-list";

import type { JobFilter, JobRowFragment as Row } from "../gql";
import type { Feed } from "./feed";
import { JOBS } from "./queries";

export type { Row };
export type JobList = ReturnType<typeof openList>;

const NONE: ReadonlySet<string> = new Set();

/** The newest jobs of a filter, live, with what a screen that one comes back to has to know. */
export function openList(gateway: GatewayClient, feed: Feed, filter: JobFilter) {
  const list = createLiveList<Row>({
    filter,
    pageSize: 100,
    read: async (page) => (await gateway.request(JOBS, { filter, ...page })).jobs,
    listen(notify) {
      notify(null);
      return feed.listen(notify);
    },
  });
  /** The scroll position, the current row and the selection, for when the user comes back. */
  return {
    ...list,
    filter,
    isUnmatched: (job: Row) => isUnmatched(job, filter),
    offset: 0,
    current: { id: "", index: 0 },
    selected: NONE,
  };
}
