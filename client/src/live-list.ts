import { platform } from "./environment.ts";
import { GatewayError } from "./gateway-error.ts";
import type { JobFilter, JobsQuery } from "./gql.ts";
import { compare, fits, isUnmatched, type ListedJob, type Position } from "./listed-job.ts";
import { MAX_PAUSE_MS } from "./watch.ts";

/** The gateway's, as is how far it counts. */
const MAX_IN_PAGE = 100;
const MAX_COUNTED = 10_000;
/** How near the end of what is loaded one may come before more is read. */
const MARGIN = 60;
/** New jobs that wait to be shown; where there are more, the list is read from its start instead. */
export const MAX_NEWS = 100;
/** Whoever follows the list's head for days would fill the memory with a tail that nobody sees. */
const MAX_ROWS = 20_000;
const MAX_UNSEEN = 1_000;
/** Jobs that may change while a page is read, and deleted ones that are kept out. */
const MAX_HEARD = 1_000;
const FRAME_MS = 16;
const RECOUNT_MS = 1_000;

type Place = { readonly cursor: string; readonly job: Position };
/** What to read: behind which place, and how many rows are before it. */
type Next = { readonly after: Place | null; readonly at: number };
/** Which rows are seen, and whether there is nothing above them. */
type Viewport = { readonly first: number; readonly last: number; readonly isAtTop: boolean };
type Entry<Job> = {
  readonly job: Job;
  /** Null where the job came by the feed alone. */
  readonly cursor: string | null;
  /** By the list's own clock. */
  readonly heardAt: number;
  /** Or it waits. */
  readonly isShown: boolean;
};

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
type JobPage<Job> = Omit<JobsQuery["jobs"], "edges"> & {
  readonly edges: readonly { readonly cursor: string; readonly node: Job }[];
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
 * Once `setViewport` is called, nothing moves that one looks at: pages are read as one comes near the end, new jobs wait
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
  const entries = new Map<string, Entry<Job>>();
  const removed = new Set<string>();
  const listeners = new Set<() => void>();
  /** What came by the feed while a page is read, which may be of before that. */
  const heard = new Map<string, Job>();
  /** The ids of what is shown. */
  let order: readonly string[] = [];
  /** Where the next page begins; null where the list ends. */
  let end: Place | null = null;
  let totalCount: number | null | undefined;
  let searchedTo: string | null = null;
  let readError: GatewayError | null = null;
  let feedError: GatewayError | null = null;
  let failures = 0;
  let clock = 0;
  /** What was heard earlier may have changed unheard. */
  let staleBefore = 0;
  let isTopStale = true;
  let isMiscounted = false;
  /** Whether there may be jobs between those that are shown and the newest. */
  let isBehind = false;
  let isReading = false;
  let readSince = 0;
  /** What was heard later may have a gap to what is listed, until the list is read from its start. */
  let knownBefore = Infinity;
  /** Whether rows stay in their place. */
  let isSteady = false;
  let viewport: Viewport = { first: 0, last: pageSize - 1, isAtTop: true };
  let leave: (() => void) | undefined;
  let hurry: (() => void) | undefined;
  let state = toState();

  function toState(): JobListState<Job> {
    const ids = isSteady ? order : order.slice(0, viewport.last + 1);
    const jobs = ids.flatMap((id) => entries.get(id)?.job ?? []);
    return {
      jobs,
      totalCount: totalCount == null ? totalCount : Math.max(totalCount, jobs.length),
      hasMore: end !== null || ids.length < order.length,
      searchedTo,
      error: feedError ?? readError,
      news: isBehind ? MAX_NEWS + 1 : entries.size - order.length,
      unmatched: jobs.filter((job) => isUnmatched(job, filter)).length,
    };
  }

  function publish(): void {
    if (viewport.isAtTop) showNews();
    if (!isSteady) dropUnmatched();
    state = toState();
    for (const listener of listeners) listener();
    void readNext();
  }

  const publishSoon = throttle(publish, FRAME_MS);
  const recountSoon = throttle(() => {
    isMiscounted = typeof totalCount === "number" && !isBehind;
    void readNext();
  }, RECOUNT_MS);

  function findShown(): readonly Entry<Job>[] {
    return [...entries.values()].filter(({ isShown }) => isShown);
  }

  function sort(): void {
    order = findShown()
      .toSorted((a, b) => compare(a.job, b.job))
      .map(({ job }) => job.id);
  }

  function showNews(): void {
    const most = isSteady ? MAX_ROWS : viewport.last + MAX_UNSEEN;
    // Never what one looks at: it would be read again at once.
    if (isBehind || (order.length > most && !isNearEnd())) isTopStale = isBehind = true;
    if (entries.size === order.length) return;
    for (const [id, entry] of entries) entries.set(id, { ...entry, isShown: true });
    sort();
  }

  function dropUnmatched(): void {
    const jobs = [...entries.values()].map(({ job }) => job);
    drop(jobs.filter((job) => isUnmatched(job, filter)).map(({ id }) => id));
  }

  function drop(ids: readonly string[]): void {
    for (const id of ids) if (entries.delete(id)) count(-1);
    if (ids.length > 0) sort();
  }

  function isNearEnd(): boolean {
    return viewport.last >= order.length - (isSteady ? MARGIN : 0);
  }

  function receive(job: Job): void {
    if (isReading) heard.set(job.id, job);
    if (heard.size > MAX_HEARD) renew();
    const known = entries.get(job.id);
    const isOld = known !== undefined && known.job.version > job.version;
    if (isOld || totalCount === undefined || removed.has(job.id)) return;
    if (known === undefined && end !== null && compare(job, end.job) > 0) {
      // Nobody knows whether it was counted.
      if ((filter.status ?? filter.tag ?? filter.isStarred) != null) recountSoon();
      return;
    }
    if (known?.isShown || fits(job, filter)) {
      if (known === undefined) count(1);
      const { cursor, isShown } = known ?? { cursor: null, isShown: false };
      entries.set(job.id, { job, cursor, heardAt: ++clock, isShown });
      if (entries.size - order.length > MAX_NEWS) fallBehind();
    } else if (known !== undefined) drop([job.id]);
    // Most changes are of others, and whoever shows the list draws it anew each time.
    else return;
    publishSoon();
  }

  /** Until so many are new that nobody knows any more which of them were counted. */
  function count(jobs: number): void {
    if (isReading) recountSoon();
    else if (totalCount != null && totalCount < MAX_COUNTED && !isBehind) totalCount += jobs;
  }

  function fallBehind(): void {
    isBehind = true;
    for (const [id, { isShown }] of entries) if (!isShown) entries.delete(id);
  }

  /** What is worth a request, one at a time, since each may make another needless. */
  async function readNext(): Promise<void> {
    const next = isReading || listeners.size === 0 ? undefined : findNext();
    if (next === undefined) return;
    const { after, at } = next;
    const first = Math.min(isSteady ? pageSize : viewport.last + 1 - at, MAX_IN_PAGE);
    const wasTopStale = isTopStale;
    isReading = true;
    readSince = ++clock;
    heard.clear();
    if (after === null) isTopStale = isMiscounted = false;
    try {
      const page = await read({ first, after: after?.cursor ?? null });
      merge(page, page.edges.length === first, after?.job);
      readError = null;
      failures = 0;
      for (const job of heard.values()) receive(job);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      readError = error;
      isTopStale ||= wasTopStale;
      isMiscounted ||= after === null;
      publish();
      const seconds = Math.max(error.retryAfterSeconds ?? 0, 2 ** failures++);
      await new Promise<void>((done) => {
        hurry = done;
        if (error.retryable) platform.setTimeout(done, Math.min(1_000 * seconds, MAX_PAUSE_MS));
      });
    }
    isReading = false;
    publish();
  }

  function findNext(): Next | undefined {
    const start = { after: null, at: 0 };
    if (isTopStale || isMiscounted) return start;
    const stale = order
      .slice(viewport.first, viewport.last + 1)
      .map((id) => entries.get(id))
      .find((entry) => entry !== undefined && entry.heardAt < staleBefore);
    if (stale !== undefined) {
      // Also what waits: a page may have nothing else.
      let after: Place | null = null;
      for (const { cursor, job } of entries.values())
        if (
          cursor !== null &&
          compare(job, stale.job) < 0 &&
          (!after || compare(job, after.job) > 0)
        )
          after = { cursor, job };
      if (after === null) return isBehind ? undefined : start;
      const { job } = after;
      return { after, at: findShown().filter((one) => compare(one.job, job) <= 0).length };
    }
    const isWanted = searchedTo === null && isNearEnd();
    return end !== null && isWanted ? { after: end, at: order.length } : undefined;
  }

  /** Takes over what the gateway says of a stretch of the list: what is in it, and what no longer is. */
  function merge(page: JobPage<Job>, isFull: boolean, after?: Position): void {
    const { edges, pageInfo } = page;
    const stoppedAt = isFull ? edges.at(-1)?.node : { id: "", createdAt: page.searchedTo ?? "" };
    const last = pageInfo.hasNextPage ? stoppedAt : undefined;
    const isKnown = ({ node: { id } }: (typeof edges)[number]) =>
      (entries.get(id)?.heardAt ?? Infinity) < knownBefore;
    const isGap = last !== undefined && !edges.some(isKnown);
    const isNew = after === undefined && (isGap || isBehind || order.length === 0);
    if (isNew && order.length > 0 && !viewport.isAtTop) return fallBehind();

    // What lies behind a search that stops short is found again by whoever goes on.
    const isCut = isNew || (last !== undefined && !isFull);
    const oldest = entries.get(order.at(-1) ?? "")?.job;
    const listed = new Set(edges.map(({ node }) => node.id));
    for (const [id, { job, heardAt }] of entries) {
      if (listed.has(id) || (after !== undefined && compare(job, after) <= 0)) continue;
      const isBeyond = last !== undefined && compare(job, last) > 0;
      if (isBeyond ? isCut : heardAt < readSince) entries.delete(id);
    }
    for (const { node, cursor } of edges) {
      if (removed.has(node.id)) continue;
      const old = entries.get(node.id);
      const job = old !== undefined && old.job.version > node.version ? old.job : node;
      const wouldMove = oldest !== undefined && compare(job, oldest) < 0 && !viewport.isAtTop;
      const heardAt = Math.max(readSince, old?.heardAt ?? 0);
      entries.set(job.id, { job, cursor, heardAt, isShown: old?.isShown || !wouldMove });
    }
    sort();
    if (after === undefined) {
      // A later page may have counted what the feed has not brought yet.
      totalCount = page.totalCount;
      knownBefore = staleBefore > readSince ? staleBefore : Infinity;
    }
    if (isNew) isBehind = false;
    if (isCut || (end !== null && (last === undefined || compare(last, end.job) > 0))) {
      end = last === undefined ? null : { cursor: pageInfo.endCursor ?? "", job: last };
      searchedTo = end === null || isFull ? null : page.searchedTo;
    }
  }

  /** Has what is seen read anew, and the rest once it is seen. */
  function renew(): void {
    hurry?.();
    heard.clear();
    // What is searched for the first time has missed nothing.
    if (filter.text != null && isReading && totalCount === undefined) return;
    staleBefore = ++clock;
    knownBefore = Math.min(knownBefore, staleBefore);
    isTopStale = true;
    void readNext();
  }

  function follow(): void {
    leave?.();
    leave = listen(
      (job) => {
        if (feedError !== null) publishSoon();
        feedError = null;
        if (job === null) renew();
        else receive(job);
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
    /** Whether a job that did fit no longer does. */
    isUnmatched: (job: Job): boolean => isUnmatched(job, filter),

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
      renew();
      publish();
    },

    /** Reads a page more; of a search, as far as one comes. */
    loadMore(): void {
      tryAgain();
      searchedTo = null;
      const seen = Math.min(order.length - 1, viewport.last);
      viewport = { ...viewport, last: isSteady ? order.length : seen + pageSize };
      publish();
    },

    /** Takes out what was deleted, of which the feed does not notify. */
    remove(ids: readonly string[]): void {
      for (const id of ids) removed.add(id);
      for (const id of removed) if (removed.size > MAX_HEARD) removed.delete(id);
      // Nobody knows whether what is not loaded was counted.
      if (ids.some((id) => !entries.has(id))) recountSoon();
      drop(ids);
      publish();
    },

    setViewport(seen: Viewport): void {
      const cameToTop = seen.isAtTop && !viewport.isAtTop;
      isSteady = true;
      viewport = seen;
      if (cameToTop) publish();
      else void readNext();
    },

    /** Shows what is new, for whoever then looks at the top, and drops what no longer fits. */
    update(): void {
      dropUnmatched();
      if (isBehind || entries.size > order.length) viewport = { ...viewport, isAtTop: true };
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
