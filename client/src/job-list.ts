import type { GatewayClient } from "./create-gateway-client.ts";
import { JOBS, JOBS_UPDATED } from "./documents.ts";
import { platform } from "./environment.ts";
import { GatewayError } from "./gateway-error.ts";
import type { JobFieldsFragment, JobFilter, JobsQuery } from "./gql.ts";
import { MAX_PAUSE_MS } from "./watch.ts";

/** The gateway's. */
const MAX_IN_PAGE = 100;

export type JobListState = {
  /** Newest first. */
  readonly jobs: readonly JobFieldsFragment[];
  /** Of all that fit the filter, counted to 10,000; undefined until that is known, null for a search. */
  readonly totalCount: number | null | undefined;
  /** Whether there are older ones; for a search, whether there may be. */
  readonly hasMore: boolean;
  /** When the oldest of the jobs was created that have been looked through; null where these were all. */
  readonly searchedTo: string | null;
  readonly error: GatewayError | null;
};

/**
 * Whether the gateway has to search for the jobs of a filter: a page may be short, or empty, and is not the last one.
 *
 * @example
 * const label = isSearch({ text: "lantern" }) ? "Search further" : "Older";
 */
export function isSearch({
  text,
  tag,
  status,
  deploymentId,
}: { readonly [Condition in keyof JobFilter]?: unknown }): boolean {
  return text != null || (tag != null && (status ?? deploymentId) != null);
}

/**
 * The newest jobs of a filter. While somebody listens, a change is shown at once where the job is listed, and the list is
 * read again, at most once in `pauseMs` for each page of 100. A search is not: it is read when asked to, a page at a time.
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
  { pageSize, pauseMs = 1_000 }: { readonly pageSize: number; readonly pauseMs?: number },
) {
  let state: JobListState = {
    jobs: [],
    totalCount: undefined,
    searchedTo: null,
    hasMore: false,
    error: null,
  };
  let wanted = pageSize;
  const isSearched = isSearch(filter);
  /** Where a search goes on, if that is what is asked for; null for its start. */
  let next: string | null = null;
  let end: string | null = null;
  /** What was told while a page is read, which may be of before that. */
  let heard: Map<string, JobFieldsFragment> | null = null;
  let failures = 0;
  let isReading = false;
  let isStale = false;
  let readError: GatewayError | null = null;
  let feedError: GatewayError | null = null;
  let leave: (() => void) | undefined;
  let hurry: (() => void) | undefined;
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
      heard = new Map();
      const pages = Math.ceil(wanted / MAX_IN_PAGE);
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
      heard = null;
      const ms = Math.min(pauseMs * pages * 2 ** failures, MAX_PAUSE_MS);
      await new Promise<void>((done) => {
        hurry = done;
        platform.setTimeout(done, ms);
      });
    }
    isReading = false;
  }

  async function readPages(): Promise<Omit<JobListState, "error">> {
    let after = next;
    const jobs = after === null ? [] : [...state.jobs];
    const most = isSearched ? jobs.length + pageSize : wanted;
    for (;;) {
      const first = Math.min(most - jobs.length, MAX_IN_PAGE);
      const page: JobsQuery["jobs"] = (await gateway.request(JOBS, { filter, first, after })).jobs;
      jobs.push(...page.edges.map(({ node }) => node));
      const { totalCount, searchedTo } = page;
      const { hasNextPage: hasMore, endCursor } = page.pageInfo;
      end = endCursor;
      if (!hasMore || jobs.length >= most || isSearched) {
        next = null;
        return { jobs: jobs.map(toNewest), totalCount, searchedTo, hasMore };
      }
      after = endCursor;
    }
  }

  /** A page may have been read before what was heard meanwhile, and the other way round. */
  function toNewest(job: JobFieldsFragment): JobFieldsFragment {
    const known = heard?.get(job.id) ?? state.jobs.find(({ id }) => id === job.id);
    return known && known.version > job.version ? known : job;
  }

  function begin(): void {
    // Of any status, or nobody would hear that a job has left a list of some.
    const { status: _status, text: _text, ...conditions } = filter;
    // An empty cursor is answered at once: with a reset.
    const variables = { filter: conditions, after: "" };
    leave?.();
    leave = gateway.subscribe(JOBS_UPDATED, variables, {
      next({ jobsUpdated }) {
        const { cursor, job } = jobsUpdated;
        variables.after = cursor;
        feedError = null;
        if (job) {
          const newest = toNewest(job);
          heard?.set(job.id, newest);
          set({ jobs: state.jobs.map((one) => (one.id === job.id ? newest : one)) });
        }
        // Of a search what is new is not shown; where changes may have been missed, it begins anew.
        if (isSearched && job !== null) return;
        next = null;
        void read();
      },
      error(error) {
        feedError = error;
        set({});
      },
    });
  }

  function readFrom(cursor: string | null): void {
    next = cursor;
    // A feed that has ended does not come back by itself.
    if (feedError?.retryable === false && listeners.size > 0) begin();
    hurry?.();
    void read();
  }

  return {
    get: (): JobListState => state,
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      if (listeners.size === 1) {
        begin();
        // Also where no socket can be had. A search is worth a moment's wait: at a reset it would begin anew.
        if (isSearched)
          platform.setTimeout(() => state.totalCount === undefined && void read(), pauseMs);
        else void read();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leave?.();
      };
    },
    /** Reads it again: after a delete, of which nothing tells. A search begins anew. */
    reload: () => readFrom(null),
    /** A page more; of a search, as far as one comes. */
    loadMore(): void {
      wanted += pageSize;
      readFrom(isSearched ? end : null);
    },
  };
}
