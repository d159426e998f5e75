import { type GatewayClient, GatewayError, isSearch } from "runcomfy-graphql-client";

import { JOBS } from "../queries";
import type { JobFilter, JobRowFragment, JobsQuery } from "../gql";
import { createStore } from "../store";
import { fits, isUnmatched } from "./filters";

const PAGE = 100;
/** How near the end of what is loaded one may come before more is read. */
const MARGIN = 60;
/** New jobs that wait to be shown; where there are more, the list is read from its start instead. */
export const MAX_NEWS = PAGE;
/** Whoever follows the list's head for days would fill the memory with a tail that nobody sees. */
const MAX_ROWS = 20_000;

export type Row = JobRowFragment;
type Position = Pick<Row, "id" | "createdAt">;
type Place = { readonly cursor: string; readonly job: Position };
type Entry = {
  readonly job: Row;
  /** Null where only a change told of the job. */
  readonly cursor: string | null;
  /** By the list's own clock. */
  readonly heardAt: number;
};

export type JobListState = {
  readonly rows: readonly Row[];
  /** Of the whole list; undefined until the gateway has said it, null for a search, whose jobs nobody counts. */
  readonly total: number | null | undefined;
  /** New jobs that are not shown yet; above `MAX_NEWS` for any more. */
  readonly news: number;
  /** Shown jobs that have changed so that they no longer fit the filter. */
  readonly unmatched: number;
  readonly hasMore: boolean;
  /** How far back was searched where it goes on only when asked to; else null. */
  readonly searchedTo: string | null;
  readonly error: GatewayError | null;
};

const NONE: ReadonlySet<string> = new Set();

/** Which rows are seen, and whether there is nothing above them. */
export type Viewport = { readonly first: number; readonly last: number; readonly isAtTop: boolean };

export type JobList = ReturnType<typeof createJobList>;
/** The last list of each screen, so that whoever comes back from a job finds it read. */
export type JobLists = Map<string, { readonly key: string; readonly list: JobList }>;

/**
 * The jobs that fit a filter, newest first. Pages are read as one comes near the end, and changes are put in their place. New
 * jobs are shown at once to whoever sees the top, and wait where they would move what one looks at. Of a search only what is
 * listed changes, and it goes on by itself only behind pages that are full.
 */
export function createJobList(gateway: Pick<GatewayClient, "request">, filter: JobFilter) {
  const shown = new Map<string, Entry>();
  const news = new Map<string, Entry>();
  const removed = new Set<string>();
  /** The ids of what is shown, in order. */
  let order: readonly string[] = [];
  /** Where the next page begins; null where the list ends. */
  let end: Place | null = null;
  let total: number | null | undefined;
  let searchedTo: string | null = null;
  // A list by a star has other conditions, too.
  const isSearched = isSearch(filter) || filter.isStarred != null;
  /** What was told while a page of a search was read, which may be of before that. */
  const heard = new Map<string, Entry>();
  let error: GatewayError | null = null;
  let clock = 0;
  /** What was heard earlier may have changed unheard. */
  let staleBefore = 0;
  let isTopStale = true;
  /** Whether there may be jobs between those that are shown and the newest. */
  let isBehind = false;
  let isReading = false;
  let isPublishing = false;
  let viewport: Viewport = { first: 0, last: 0, isAtTop: true };
  const state = createStore(toState());

  function toState(): JobListState {
    const rows = order.flatMap((id) => shown.get(id)?.job ?? []);
    return {
      rows,
      total: typeof total === "number" ? Math.max(total, rows.length) : total,
      news: isBehind ? MAX_NEWS + 1 : news.size,
      unmatched: rows.filter((job) => isUnmatched(job, filter)).length,
      hasMore: end !== null,
      searchedTo,
      error,
    };
  }

  function publish(): void {
    if (viewport.isAtTop && total !== undefined) insertNews();
    state.set(toState());
    void readNext();
  }

  /** Once a frame, however many changes come. */
  function publishSoon(): void {
    if (isPublishing) return;
    isPublishing = true;
    requestAnimationFrame(() => {
      isPublishing = false;
      publish();
    });
  }

  function sort(): void {
    order = [...shown.values()].toSorted((a, b) => compare(a.job, b.job)).map(({ job }) => job.id);
  }

  function insertNews(): void {
    // Never what one looks at: it would be read again at once.
    const isTooLong = shown.size > MAX_ROWS && !isNearEnd();
    if (isBehind || isTooLong) isTopStale = isBehind = true;
    if (news.size === 0) return;
    for (const [id, entry] of news) shown.set(id, entry);
    news.clear();
    sort();
  }

  function isNearEnd(): boolean {
    return viewport.last >= order.length - MARGIN;
  }

  function receive(job: Row): void {
    const known = shown.get(job.id) ?? news.get(job.id);
    if (removed.has(job.id) || (known !== undefined && known.job.version > job.version)) return;
    const entry = { cursor: known?.cursor ?? null, job, heardAt: ++clock };
    if (shown.has(job.id)) shown.set(job.id, entry);
    else if (isSearched) {
      if (isReading) heard.set(job.id, entry);
      return;
    } else if (!fits(job, filter)) {
      // Most changes are of others, and whoever shows the list draws it anew each time.
      if (!news.delete(job.id)) return;
      count(-1);
    } else if (end === null || compare(job, end.job) < 0) {
      news.set(job.id, entry);
      if (known === undefined) count(1);
      if (news.size > MAX_NEWS) fallBehind();
    } else return;
    publishSoon();
  }

  /** Until so many are new that nobody knows any more which of them were counted. */
  function count(jobs: number): void {
    if (typeof total === "number" && !isBehind) total += jobs;
  }

  function fallBehind(): void {
    isBehind = true;
    news.clear();
  }

  /** What is worth a request, one at a time, since each may make another needless. */
  async function readNext(): Promise<void> {
    const after = isReading || error !== null ? undefined : findNext();
    if (after === undefined) return;
    isReading = true;
    heard.clear();
    const since = ++clock;
    if (after === null) isTopStale = false;
    const variables = { filter, first: PAGE, after: after?.cursor ?? null };
    try {
      const { jobs } = await gateway.request(JOBS, variables);
      merge(jobs, after?.job ?? null, since);
    } catch (failure) {
      if (!(failure instanceof GatewayError)) throw failure;
      error = failure;
      isTopStale ||= after === null;
    }
    isReading = false;
    publish();
  }

  /** The place after which to read: null for the start, undefined for none. */
  function findNext(): Place | null | undefined {
    if (isTopStale) return null;
    const entryAt = (index: number) => shown.get(order[index] ?? "");
    for (let index = viewport.first; index <= viewport.last; index++) {
      if ((entryAt(index)?.heardAt ?? Infinity) >= staleBefore) continue;
      for (let before = index - 1; before >= 0; before--) {
        const { cursor, job } = entryAt(before) ?? {};
        if (cursor != null && job) return { cursor, job };
      }
      return isBehind ? undefined : null;
    }
    return end !== null && searchedTo === null && isNearEnd() ? end : undefined;
  }

  /** Takes over what the gateway says of a stretch of the list: what is in it, and what no longer is. */
  function merge(page: JobsQuery["jobs"], after: Position | null, since: number): void {
    const { edges, pageInfo, totalCount } = page;
    const isFull = edges.length === PAGE;
    const stoppedAt = isFull ? edges.at(-1)?.node : { id: "", createdAt: page.searchedTo ?? "" };
    const last = pageInfo.hasNextPage ? stoppedAt : undefined;
    const isGap = last !== undefined && !edges.some(({ node }) => shown.has(node.id));
    const isNew = after === null && (isGap || isBehind || shown.size === 0);
    if (isNew && shown.size > 0 && !viewport.isAtTop) return fallBehind();

    const told = new Set(edges.map(({ node }) => node.id));
    const oldest = shown.get(order.at(-1) ?? "")?.job;
    for (const [id, { job, heardAt }] of shown) {
      const isCovered =
        (after === null || compare(job, after) > 0) &&
        (last === undefined || compare(job, last) <= 0);
      if (!told.has(id) && (isCovered ? heardAt < since : isNew)) shown.delete(id);
    }
    for (const { node, cursor } of edges) {
      if (removed.has(node.id)) continue;
      const old = shown.get(node.id) ?? news.get(node.id) ?? heard.get(node.id);
      const job = old !== undefined && old.job.version > node.version ? old.job : node;
      const wouldMove = oldest !== undefined && compare(job, oldest) < 0 && !shown.has(job.id);
      const target = wouldMove && !viewport.isAtTop ? news : shown;
      target.set(job.id, { job, cursor, heardAt: Math.max(since, old?.heardAt ?? 0) });
      if (target === shown) news.delete(job.id);
    }
    sort();
    total = totalCount;
    if (isNew) isBehind = false;
    if (isNew || (end !== null && (last === undefined || compare(last, end.job) > 0))) {
      end = last === undefined ? null : { cursor: pageInfo.endCursor ?? "", job: last };
      searchedTo = end === null || isFull ? null : page.searchedTo;
    }
    for (const [id, { job }] of news)
      if (end !== null && compare(job, end.job) > 0) news.delete(id);
  }

  return {
    filter,
    state,
    /** How far one had scrolled, in which row one was and what was selected, for whoever comes back. */
    offset: 0,
    current: { id: "", index: 0 },
    selected: NONE,
    receive,

    /** Says that changes may have been missed: what is seen is read anew, and the rest once it is seen. */
    renew(): void {
      // What is searched for the first time has missed none.
      if (isSearched && isReading && total === undefined) return;
      staleBefore = ++clock;
      isTopStale = true;
      error = null;
      void readNext();
    },

    setViewport(seen: Viewport): void {
      const cameToTop = seen.isAtTop && !viewport.isAtTop;
      viewport = seen;
      if (cameToTop) publish();
      else void readNext();
    },

    /** Shows what is new, for whoever then looks at the top, and drops what no longer fits. */
    update(): void {
      for (const [id, { job }] of shown) if (isUnmatched(job, filter)) shown.delete(id);
      if (typeof total === "number") total -= order.length - shown.size;
      sort();
      if (news.size > 0 || isBehind) viewport = { ...viewport, isAtTop: true };
      publish();
    },

    retry(): void {
      error = null;
      publish();
    },

    /** Searches further back. */
    goOn(): void {
      searchedTo = null;
      if (end !== null) viewport = { ...viewport, last: Math.max(viewport.last, order.length) };
      publish();
    },

    /** Takes out what was deleted, of which nobody else tells. */
    remove(ids: readonly string[]): void {
      for (const id of ids) {
        removed.add(id);
        news.delete(id);
        if (shown.delete(id) && typeof total === "number") total -= 1;
      }
      sort();
      publish();
    },
  };
}

/** Below 0 where `a` is newer, and so comes first. */
function compare(a: Position, b: Position): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id > b.id ? -1 : 1;
}
