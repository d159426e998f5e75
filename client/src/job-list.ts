import type { GatewayClient } from "./create-gateway-client.ts";
import { JOBS, JOBS_UPDATED } from "./documents.ts";
import { platform } from "./environment.ts";
import type { JobFieldsFragment, JobFilter } from "./gql.ts";
import { createLiveList } from "./live-list.ts";

/** A socket is there by then, if one can be had. */
const FEED_MS = 1_000;

/**
 * The newest jobs of a filter, live while somebody listens: `pageSize` of them at first. A search is read a page at a time,
 * when asked to.
 *
 * @example
 * const list = createJobList(gateway, { status: ["SUCCEEDED"] }, { pageSize: 20 });
 * const end = list.subscribe(() => console.log(list.get().jobs));
 * list.loadMore();
 * end();
 */
export function createJobList(
  gateway: Pick<GatewayClient, "request" | "subscribe">,
  filter: JobFilter,
  { pageSize }: { readonly pageSize: number },
) {
  // Of any status and labels, or nothing would report that a job has left the list.
  const { status: _status, tag: _tag, isStarred: _isStarred, text, ...conditions } = filter;
  return createLiveList<JobFieldsFragment>({
    filter,
    pageSize,
    read: async (page) => (await gateway.request(JOBS, { filter, ...page })).jobs,
    listen(notify, fail) {
      // An empty cursor is answered at once: with a reset.
      const variables = { filter: conditions, after: "" };
      let hasBegun = false;
      function begin(): void {
        if (!hasBegun) notify(null);
        hasBegun = true;
      }
      // Also where no socket can be had. A search is worth a moment's wait: at a reset it would begin anew.
      const timer = platform.setTimeout(begin, text == null ? 0 : FEED_MS);
      const leave = gateway.subscribe(JOBS_UPDATED, variables, {
        next({ jobsUpdated: { cursor, job } }) {
          hasBegun = true;
          variables.after = cursor;
          notify(job);
        },
        error(error) {
          // Not afterwards, as if changes came again.
          begin();
          fail(error);
        },
      });
      return () => {
        platform.clearTimeout(timer);
        leave();
      };
    },
  });
}
