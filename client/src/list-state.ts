import type { JobFilter, JobsQuery } from "./gql.ts";
import { compare, fits, isUnmatched, type ListedJob, type Position } from "./listed-job.ts";

/** The gateway's, as is how far it counts. */
const MAX_IN_PAGE = 100;
const MAX_COUNTED = 10_000;
/** How near the end of what is loaded one may come before more is read. */
const MARGIN = 60;
/** New jobs that wait to be shown; where there are more, the list is read from its start instead. */
export const MAX_NEWS = 100;
/** A list whose head is followed for days would fill the memory with a tail that nobody sees. */
const MAX_ROWS = 20_000;
const MAX_UNSEEN = 1_000;
/** Jobs that may change while a page is read, and deleted ones that are kept out. */
const MAX_RECEIVED = 1_000;

type Place = { readonly cursor: string; readonly job: Position };
/** What to read: how many rows, behind which place. */
type Next = { readonly after: Place | null; readonly first: number };
/** Which rows are seen, and whether there is nothing above them. */
export type Viewport = { readonly first: number; readonly last: number; readonly isAtTop: boolean };
type Entry<Job> = {
  readonly job: Job;
  /** Null where the job came by the feed alone. */
  readonly cursor: string | null;
  /** By the list's own clock. */
  readonly receivedAt: number;
  /** Or it waits. */
  readonly isShown: boolean;
};
type Entries<Job> = Map<string, Entry<Job>>;
export type JobPage<Job> = Omit<JobsQuery["jobs"], "edges"> & {
  readonly edges: readonly { readonly cursor: string; readonly node: Job }[];
};

/**
 * What is known of a filter's jobs, which of them are shown in which order, and what has to be read next. It knows no time
 * and no network: `createLiveList` reads pages, is notified of changes, and passes both on. `onMiscount` is called when it
 * is unknown whether a job was counted.
 */
export function createListState<Job extends ListedJob>(
  filter: JobFilter,
  pageSize: number,
  onMiscount: () => void,
) {
  const entries: Entries<Job> = new Map();
  const removed = new Set<string>();
  /** What came by the feed while a page is read, which may be of before that. */
  const received = new Map<string, Job>();
  /** The ids of what is shown. */
  let order: readonly string[] = [];
  /** Whether rows stay in their place. */
  let isSteady = false;
  let viewport: Viewport = { first: 0, last: pageSize - 1, isAtTop: true };
  /** Where the next page begins; null where the list ends. */
  let end: Place | null = null;
  let totalCount: number | null | undefined;
  let searchedTo: string | null = null;
  let clock = 0;
  /** What came before this may have changed without notice. */
  let staleBefore = 0;
  /** What came after this may have a gap to what is listed, until the list is read from its start. */
  let knownBefore = Infinity;
  /** Whether its first page is to be read anew, or how many jobs there are. */
  let isStartStale = true;
  /** Whether there may be jobs between those that are shown and the newest. */
  let isBehind = false;
  /** What is being read, and since when. */
  let reading: Next | undefined;
  let readSince = 0;

  const countNews = (): number => entries.size - order.length;
  const isNearEnd = (): boolean => viewport.last + (isSteady ? MARGIN : 0) >= order.length;

  function showNews(): void {
    const most = isSteady ? MAX_ROWS : viewport.last + MAX_UNSEEN;
    // Never what is in view: it would be read again at once.
    if (isBehind || (order.length > most && !isNearEnd())) isStartStale = isBehind = true;
    if (countNews() === 0) return;
    for (const [id, entry] of entries) entries.set(id, { ...entry, isShown: true });
    order = sortShown(entries);
  }

  function fallBehind(): void {
    isBehind = true;
    for (const [id, { isShown }] of entries) if (!isShown) entries.delete(id);
  }

  function drop(ids: readonly string[]): void {
    for (const id of ids) if (entries.delete(id)) count(-1);
    if (ids.length > 0) order = sortShown(entries);
  }

  function dropUnmatched(): void {
    drop([...entries.values()].flatMap(({ job }) => (isUnmatched(job, filter) ? job.id : [])));
  }

  /** Until so many are new that nobody knows any more which of them were counted. */
  function count(jobs: number): void {
    if (reading) onMiscount();
    else if (totalCount != null && totalCount < MAX_COUNTED && !isBehind) totalCount += jobs;
  }

  /** Takes over a change; returns whether anything of the list changed with it. */
  function receive(job: Job): boolean {
    if (reading) received.set(job.id, job);
    if (received.size > MAX_RECEIVED) reload();
    const known = entries.get(job.id);
    const isOld = known && known.job.version > job.version;
    if (isOld || totalCount === undefined || removed.has(job.id)) return false;
    if (!known && end && compare(job, end.job) > 0) {
      // Nobody knows whether it was counted.
      if ((filter.status ?? filter.tag ?? filter.isStarred) != null) onMiscount();
      return false;
    }
    if (known?.isShown || fits(job, filter)) {
      if (!known) count(1);
      const { cursor, isShown } = known ?? { cursor: null, isShown: false };
      entries.set(job.id, { job, cursor, receivedAt: ++clock, isShown });
      if (countNews() > MAX_NEWS) fallBehind();
      return true;
    }
    if (known) drop([job.id]);
    // Most changes are of others' jobs, and each `true` redraws the list.
    return known !== undefined;
  }

  /** Has what is seen read anew, and the rest once it is seen, as changes may have been missed. */
  function reload(): void {
    received.clear();
    // What is searched for the first time has missed nothing.
    if (filter.text != null && reading && totalCount === undefined) return;
    staleBefore = ++clock;
    knownBefore = Math.min(knownBefore, staleBefore);
    isStartStale = true;
  }

  /** Behind which place it is worth to read, null for the start; undefined for nowhere. */
  function findNext(): Place | null | undefined {
    if (reading) return undefined;
    if (isStartStale) return null;
    const stale = order
      .slice(viewport.first, viewport.last + 1)
      .map((id) => entries.get(id))
      .find((entry) => entry && entry.receivedAt < staleBefore);
    if (!stale) return (searchedTo === null && isNearEnd() && end) || undefined;
    return findPlaceBefore(entries, stale.job) ?? (isBehind ? undefined : null);
  }

  /** Takes over what the gateway says of the stretch that was read: what is in it, and what no longer is. */
  function merge(page: JobPage<Job>, { after, first }: Next): void {
    const { edges, pageInfo } = page;
    const isFull = edges.length === first;
    const stoppedAt = isFull ? edges.at(-1)?.node : { id: "", createdAt: page.searchedTo ?? "" };
    const last = pageInfo.hasNextPage ? stoppedAt : undefined;
    const isKnown = (id: string) => (entries.get(id)?.receivedAt ?? Infinity) < knownBefore;
    const listed = new Set(edges.map(({ node }) => node.id));
    const isGap = last && ![...listed].some(isKnown);
    const isNew = after === null && (isGap || isBehind || order.length === 0);
    if (isNew && order.length > 0 && !viewport.isAtTop) return fallBehind();

    // What lies behind a search that stops short is found again when it continues.
    const isCut = isNew || (last && !isFull);
    const oldest = entries.get(order.at(-1) ?? "")?.job;
    for (const [id, { job, receivedAt }] of entries) {
      if (listed.has(id) || (after && compare(job, after.job) <= 0)) continue;
      const isBeyond = last && compare(job, last) > 0;
      if (isBeyond ? isCut : receivedAt < readSince) entries.delete(id);
    }
    for (const { node, cursor } of edges) {
      if (removed.has(node.id)) continue;
      const old = entries.get(node.id);
      const job = old && old.job.version > node.version ? old.job : node;
      const wouldMove = oldest && compare(job, oldest) < 0 && !viewport.isAtTop;
      const receivedAt = Math.max(readSince, old?.receivedAt ?? 0);
      entries.set(job.id, { job, cursor, receivedAt, isShown: old?.isShown || !wouldMove });
    }
    order = sortShown(entries);
    if (after === null) {
      // A later page may have counted what the feed has not brought yet.
      totalCount = page.totalCount;
      knownBefore = staleBefore > readSince ? staleBefore : Infinity;
    }
    if (isNew) isBehind = false;
    if (isCut || (end && (!last || compare(last, end.job) > 0))) {
      end = last ? { cursor: pageInfo.endCursor ?? "", job: last } : null;
      searchedTo = end && !isFull ? page.searchedTo : null;
    }
  }

  return {
    receive,
    reload,

    /** What a screen shows: with what is new, if one sees the top, and unless rows stay without what no longer fits. */
    get() {
      if (viewport.isAtTop) showNews();
      if (!isSteady) dropUnmatched();
      const ids = isSteady ? order : order.slice(0, viewport.last + 1);
      const jobs = ids.flatMap((id) => entries.get(id)?.job ?? []);
      return {
        jobs,
        totalCount: totalCount == null ? totalCount : Math.max(totalCount, jobs.length),
        hasMore: end !== null || ids.length < order.length,
        searchedTo,
        news: isBehind ? MAX_NEWS + 1 : countNews(),
        unmatched: jobs.filter((job) => isUnmatched(job, filter)).length,
      };
    },

    /** Which page to read now, if any; until `complete` or `fail` there is no other. */
    next() {
      const after = findNext();
      if (after === undefined) return undefined;
      const wanted = isSteady ? pageSize : viewport.last + 1 - countUpTo(entries, after);
      reading = { after, first: Math.min(wanted, MAX_IN_PAGE) };
      readSince = ++clock;
      received.clear();
      if (after === null) isStartStale = false;
      return { ...reading, after: after?.cursor ?? null };
    },
    complete(page: JobPage<Job>): void {
      if (reading) merge(page, reading);
      for (const job of received.values()) receive(job);
      reading = undefined;
    },
    fail(): void {
      isStartStale ||= reading?.after === null;
      reading = undefined;
    },

    recount(): void {
      isStartStale ||= totalCount != null && !isBehind;
    },

    loadMore(): void {
      searchedTo = null;
      const seen = Math.min(order.length - 1, viewport.last);
      viewport = { ...viewport, last: isSteady ? order.length : seen + pageSize };
    },

    remove(ids: readonly string[]): void {
      for (const id of ids) removed.add(id);
      for (const id of removed) if (removed.size > MAX_RECEIVED) removed.delete(id);
      // Nobody knows whether what is not loaded was counted.
      if (ids.some((id) => !entries.has(id))) onMiscount();
      drop(ids);
    },

    /** Returns whether one has come to the top. */
    setViewport(seen: Viewport): boolean {
      const cameToTop = seen.isAtTop && !viewport.isAtTop;
      isSteady = true;
      viewport = seen;
      return cameToTop;
    },

    update(): void {
      dropUnmatched();
      if (isBehind || countNews() > 0) viewport = { ...viewport, isAtTop: true };
    },
  };
}

function sortShown(entries: Entries<Position>): readonly string[] {
  return [...entries.values()]
    .filter(({ isShown }) => isShown)
    .toSorted((a, b) => compare(a.job, b.job))
    .map(({ job }) => job.id);
}

/** How many rows are up to a place. */
function countUpTo(entries: Entries<Position>, place: Place | null): number {
  const isUpTo = (one: Position): boolean => place !== null && compare(one, place.job) <= 0;
  return [...entries.values()].filter(({ isShown, job }) => isShown && isUpTo(job)).length;
}

/** The last place before a job, also of what waits: a page may have nothing else. */
function findPlaceBefore(entries: Entries<Position>, one: Position): Place | null {
  let place: Place | null = null;
  for (const { cursor, job } of entries.values())
    if (cursor !== null && compare(job, one) < 0 && (!place || compare(job, place.job) > 0))
      place = { cursor, job };
  return place;
}
