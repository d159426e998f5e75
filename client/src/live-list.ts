import { platform } from "./environment.ts";
import { GatewayError } from "./gateway-error.ts";
import type { JobFilter } from "./gql.ts";
import { createListState, type JobPage, type Viewport } from "./list-state.ts";
import type { ListedJob } from "./listed-job.ts";
import { toPauseMs } from "./watch.ts";

export { MAX_NEWS } from "./list-state.ts";
export { isUnmatched } from "./listed-job.ts";

const FRAME_MS = 16;
const RECOUNT_MS = 1_000;

export type JobSource<Job> = {
  /** Asks `jobs`. */
  readonly read: (page: {
    readonly first: number;
    readonly after: string | null;
  }) => Promise<JobPage<Job>>;
  /**
   * Notifies of jobs that have changed, and of null where changes may have been missed, as at the beginning. `fail` takes
   * why none come; where it is not `retryable`, the feed has ended.
   */
  readonly listen: (
    notify: (job: Job | null) => void,
    fail: (error: GatewayError) => void,
  ) => () => void;
};
export type JobListState<Job> = {
  /** Newest first. */
  readonly jobs: readonly Job[];
  /** Of all that fit the filter, counted to 10,000; undefined until that is known, null for a search. */
  readonly totalCount: number | null | undefined;
  /** Whether there are older ones; for a search, whether there may be. */
  readonly hasMore: boolean;
  /** How far back was searched, where that found less than was asked for; else null. */
  readonly searchedTo: string | null;
  readonly error: GatewayError | null;
  /** New jobs that are not shown yet; above `MAX_NEWS` for any more. */
  readonly news: number;
  /** Shown jobs that have changed so that they no longer fit the filter. */
  readonly unmatched: number;
};

/**
 * The newest jobs of a filter, `pageSize` at first, live while somebody listens. Changes are put in their place, and what may
 * have been missed is read anew. Of what has a text, which the gateway alone finds, only what is listed changes.
 *
 * Once `setViewport` is called, nothing in view moves: pages are read as the viewport comes near the end, new jobs wait
 * unless one sees the top, and what no longer fits stays until `update`.
 *
 * @example
 * const read = async (page: { first: number }) => (await gateway.request(JOBS, page)).jobs;
 * const list = createLiveList({ read, listen: () => () => undefined, filter: {}, pageSize: 20 });
 */
export function createLiveList<Job extends ListedJob>({
  read,
  listen,
  filter,
  pageSize,
}: JobSource<Job> & { readonly filter: JobFilter; readonly pageSize: number }) {
  const list = createListState<Job>(filter, pageSize, () => recountSoon());
  const listeners = new Set<() => void>();
  let readError: GatewayError | null = null;
  let feedError: GatewayError | null = null;
  let failures = 0;
  let leave: (() => void) | undefined;
  let hurry: (() => void) | undefined;
  let state = toState();

  function toState(): JobListState<Job> {
    return { ...list.get(), error: feedError ?? readError };
  }

  function publish(): void {
    state = toState();
    for (const listener of listeners) listener();
    void readNext();
  }

  const publishSoon = throttle(publish, FRAME_MS);
  const recountSoon = throttle(() => {
    list.recount();
    void readNext();
  }, RECOUNT_MS);

  /** What is worth a request, one at a time, since each may make another needless. */
  async function readNext(): Promise<void> {
    const next = listeners.size === 0 ? undefined : list.next();
    if (next === undefined) return;
    try {
      list.complete(await read(next));
      readError = null;
      failures = 0;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      readError = error;
      publish();
      await new Promise<void>((done) => {
        hurry = done;
        if (error.retryable) platform.setTimeout(done, toPauseMs(error, failures++));
      });
      list.fail();
    }
    publish();
  }

  function follow(): void {
    leave?.();
    leave = listen(
      (job) => {
        if (feedError !== null) publishSoon();
        feedError = null;
        if (job !== null) {
          if (list.receive(job)) publishSoon();
          return;
        }
        // What may be missed is read at once.
        hurry?.();
        list.reload();
        void readNext();
      },
      (error) => {
        feedError = error;
        publish();
      },
    );
  }

  /** A feed that has ended does not come back by itself. */
  function tryAgain(): void {
    if (feedError?.retryable === false && listeners.size > 0) follow();
    readError = null;
    hurry?.();
  }

  return {
    get: (): JobListState<Job> => state,

    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      if (listeners.size === 1) follow();
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) leave?.();
      };
    },

    /** Reads it again; also after an error. */
    reload(): void {
      tryAgain();
      list.reload();
      publish();
    },

    /** Reads a page more; of a search, as far as one comes. */
    loadMore(): void {
      tryAgain();
      list.loadMore();
      publish();
    },

    /** Takes out what was deleted, of which the feed does not notify. */
    remove(ids: readonly string[]): void {
      list.remove(ids);
      publish();
    },

    setViewport(seen: Viewport): void {
      if (list.setViewport(seen)) publish();
      else void readNext();
    },

    /** Shows what is new, for a viewer at the top, and drops what no longer fits. */
    update(): void {
      list.update();
      publish();
    },
  };
}

/** However often it is called meanwhile, it is done once. */
function throttle(act: () => void, ms: number): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    platform.setTimeout(() => {
      isDue = false;
      act();
    }, ms);
  };
}
