import type { GatewayClient } from "./create-gateway-client.ts";
import { JOBS, JOBS_UPDATED } from "./documents.ts";
import { GatewayError } from "./gateway-error.ts";
import type { JobFieldsFragment, JobFilter, JobsQuery } from "./gql.ts";

/** The gateway's. */
const MOST_IN_PAGE = 100;
const MOST_PAUSE_MS = 30_000;

export type JobListState = {
  /** Newest first. */
  readonly jobs: readonly JobFieldsFragment[];
  /** Of all that fit the filter, counted to 10,000; null until that is known. */
  readonly totalCount: number | null;
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  readonly error: GatewayError | null;
};

/**
 * The newest jobs of a filter. While somebody listens, a change is shown at once where the job is listed, and the list is
 * read again, at most once in `pauseMs` for each page of 100.
 */
export function createJobList(
  gateway: Pick<GatewayClient, "request" | "subscribe">,
  filter: JobFilter,
  { pageSize, pauseMs = 1_000 }: { readonly pageSize: number; readonly pauseMs?: number },
) {
  let state: JobListState = { jobs: [], totalCount: null, hasMore: false, error: null };
  let wanted = pageSize;
  let failures = 0;
  let isReading = false;
  let isStale = false;
  let readError: GatewayError | null = null;
  let feedError: GatewayError | null = null;
  let leave = (): void => undefined;
  let hurry = (): void => undefined;
  const listeners = new Set<() => void>();

  function set(changes: Partial<JobListState>): void {
    state = { ...state, ...changes, error: feedError ?? readError };
    for (const listener of listeners) listener();
  }

  async function read(): Promise<void> {
    isStale = true;
    if (isReading) return;
    isReading = true;
    while (isStale && listeners.size > 0) {
      isStale = false;
      const pages = Math.ceil(wanted / MOST_IN_PAGE);
      try {
        const found = await readPages();
        readError = null;
        failures = 0;
        set(found);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        isStale = error.retryable;
        failures++;
        readError = error;
        set({});
      }
      const ms = Math.min(pauseMs * pages * 2 ** failures, MOST_PAUSE_MS);
      await new Promise<void>((done) => {
        hurry = done;
        setTimeout(done, ms);
      });
    }
    isReading = false;
  }

  async function readPages(): Promise<Omit<JobListState, "error">> {
    const jobs: JobFieldsFragment[] = [];
    let after: string | null = null;
    for (;;) {
      const first = Math.min(wanted - jobs.length, MOST_IN_PAGE);
      const page: JobsQuery["jobs"] = (await gateway.request(JOBS, { filter, first, after })).jobs;
      jobs.push(...page.edges.map(({ node }) => toNewest(node)));
      const { hasNextPage: hasMore, endCursor } = page.pageInfo;
      if (!hasMore || jobs.length >= wanted) return { jobs, totalCount: page.totalCount, hasMore };
      after = endCursor;
    }
  }

  /** A page may have been read before what was heard meanwhile, and the other way round. */
  function toNewest(job: JobFieldsFragment): JobFieldsFragment {
    const known = state.jobs.find(({ id }) => id === job.id);
    return known && known.version > job.version ? known : job;
  }

  function begin(): void {
    // Of any status, or nobody would hear that a job has left a list of some.
    const { status: _status, text: _text, ...conditions } = filter;
    // An empty cursor is answered at once: with a reset.
    const variables = { filter: conditions, after: "" };
    leave();
    leave = gateway.subscribe(JOBS_UPDATED, variables, {
      next({ jobsUpdated }) {
        const { cursor, job } = jobsUpdated;
        variables.after = cursor;
        feedError = null;
        if (job) set({ jobs: state.jobs.map((one) => (one.id === job.id ? toNewest(job) : one)) });
        void read();
      },
      error(error) {
        feedError = error;
        set({});
      },
    });
  }

  function readNow(): void {
    // A feed that has ended does not come back by itself.
    if (feedError?.retryable === false && listeners.size > 0) begin();
    hurry();
    void read();
  }

  return {
    get: (): JobListState => state,
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      if (listeners.size === 1) {
        begin();
        // Also where no socket can be had.
        void read();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leave();
      };
    },
    /** Reads it again: after a delete, of which nothing tells. */
    reload: readNow,
    loadMore(): void {
      wanted += pageSize;
      readNow();
    },
  };
}
