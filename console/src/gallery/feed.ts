import type { Client } from "urql";

import { JOBS } from "../documents";
import type { JobRowFragment, JobsQuery } from "../gql/graphql";
import { explain } from "../session";
import { createStore, type Store } from "../store";
import { GALLERY_JOB } from "./documents";

const PAGE = 50;
/** Of more than these the oldest are dropped, so that a page that is open for days does not fill the memory. */
const MOST_HELD = 5_000;
/** How many are left then: fewer, so that not every new one drops another. */
const KEPT = 4_000;
/** Changes that wait to be shown; where there are more, they don't wait for a picture of the screen. */
const MOST_HEARD = 1_000;

type Jobs = readonly JobRowFragment[];
/** All newest first. `arrived` came since and is shown; `waiting` came while one looked further down. */
export type FeedState = {
  readonly waiting: Jobs;
  readonly arrived: Jobs;
  readonly listed: Jobs;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly problem: string | null;
};

/** Where a page begins: after a cursor, among the jobs that are older than a moment. */
type Place = { readonly createdBefore: string | null; readonly after: string | null };

export type Feed = ReturnType<typeof createFeed>;

const EMPTY: FeedState = {
  waiting: [],
  arrived: [],
  listed: [],
  hasMore: true,
  isLoading: false,
  problem: null,
};

const START: Place = { createdBefore: null, after: null };

/** The jobs that succeeded, page by page, with those that do so meanwhile in front. */
export function createFeed(client: Client, deploymentId: string | null) {
  const filter = { status: ["SUCCEEDED" as const], deploymentId };
  const state: Store<FeedState> = createStore(EMPTY);
  /** The ids of all jobs in the state. */
  const known = new Set<string>();
  const heard = new Map<string, JobRowFragment>();
  const beingAsked = new Set<string>();
  /** Where the next page begins; another object once what is being read no longer joins on. */
  let place = START;
  /** What was known when changes may have been missed; null once those have been found. */
  let knownBefore: ReadonlySet<string> | null = null;
  let catchUps = 0;
  let reading: Promise<unknown> = Promise.resolve();
  /** The newest of those that were dropped while they waited; they are missing above `arrived`. */
  let droppedAt: string | null = null;
  let isAtTop = true;

  const change = (changes: Partial<FeedState>): void => state.set({ ...state.get(), ...changes });
  const readPage = ({ createdBefore, after }: Place) => {
    const variables = { filter: { ...filter, createdBefore }, first: PAGE, after };
    const answer = client.query(JOBS, variables, { requestPolicy: "network-only" }).toPromise();
    reading = answer;
    return answer;
  };

  /** Reads the next page, if there is one and it is not being read, or again what could not be read. */
  async function more(): Promise<void> {
    const { hasMore, isLoading, problem } = state.get();
    if (problem !== null && knownBefore !== null) {
      change({ problem: null });
      return catchUp();
    }
    if (hasMore && !isLoading) await append();
  }

  async function append(): Promise<void> {
    change({ isLoading: true, problem: null });
    const from = place;
    const { data, error } = await readPage(from);
    if (from !== place) return;
    if (!data) return change({ isLoading: false, problem: error ? explain(error) : null });
    const { edges, pageInfo } = data.jobs;
    const jobs = edges.map(({ node }) => node).filter(({ id }) => !known.has(id));
    for (const { id } of jobs) known.add(id);
    place = { ...from, after: pageInfo.endCursor ?? null };
    change({
      listed: [...state.get().listed, ...jobs],
      hasMore: canGoOn(pageInfo),
      isLoading: false,
    });
  }

  /** Finds what was missed while the page was not connected. */
  async function catchUp(): Promise<void> {
    // Taken before anything newer is heard, which would hide how much was missed.
    knownBefore ??= new Set(known);
    const before = knownBefore;
    const own = ++catchUps;
    // Two that ask for the same at once are given one answer, which may be from before.
    await reading;
    if (own !== catchUps) return;
    const { data, error } = await readPage(START);
    if (own !== catchUps) return;
    if (!data) return change({ problem: error ? explain(error) : null });
    knownBefore = null;
    change({ problem: null });
    if (data.jobs.edges.some(({ node }) => before.has(node.id))) joinOn(data.jobs, before);
    else beginAnew(data.jobs, before);
  }

  function joinOn({ edges, pageInfo }: JobsQuery["jobs"], before: ReadonlySet<string>): void {
    const jobs = edges.map(({ node }) => node);
    const ids = toIds(jobs);
    const oldest = pageInfo.hasNextPage ? (jobs.at(-1)?.createdAt ?? "") : "";
    const { waiting, arrived, listed } = state.get();
    const deleted = [...waiting, ...arrived, ...listed].filter(
      ({ id, createdAt }) => before.has(id) && !ids.has(id) && createdAt > oldest,
    );
    remove(toIds(deleted));
    for (const job of jobs.toReversed()) hear(job);
  }

  /** More than a page was missed, or all is new: of what was known, nothing joins on. */
  function beginAnew({ edges, pageInfo }: JobsQuery["jobs"], before: ReadonlySet<string>): void {
    const jobs = edges.map(({ node }) => node);
    const ids = toIds(jobs);
    const isNewer = ({ id }: JobRowFragment): boolean => !before.has(id) && !ids.has(id);
    const waiting = state.get().waiting.filter(isNewer);
    const arrived = state.get().arrived.filter(isNewer);
    known.clear();
    for (const { id } of [...waiting, ...arrived, ...jobs]) known.add(id);
    place = { ...START, after: pageInfo.endCursor ?? null };
    droppedAt = null;
    change({ ...EMPTY, waiting, arrived, listed: jobs, hasMore: canGoOn(pageInfo) });
  }

  function hear(job: JobRowFragment | null): void {
    if (job === null) return void catchUp();
    if (job.status !== "SUCCEEDED") return;
    if (deploymentId !== null && job.deployment.id !== deploymentId) return;
    // Many may come in the time of one picture of the screen.
    if (heard.size === 0) requestAnimationFrame(settle);
    heard.set(job.id, newer(job, heard.get(job.id)));
    // Of a page that is hidden no picture is made.
    if (heard.size > MOST_HEARD) settle();
  }

  function settle(): void {
    if (heard.size === 0) return;
    const { waiting, arrived, listed } = state.get();
    const fresh = [...heard.values()].filter(({ id }) => !known.has(id)).toReversed();
    const isNew = fresh.length === heard.size;
    const update = (jobs: Jobs): Jobs =>
      !isNew && jobs.some(({ id }) => heard.has(id))
        ? jobs.map((job) => newer(job, heard.get(job.id)))
        : jobs;
    for (const { id } of fresh) known.add(id);
    change({
      waiting: isAtTop ? [] : [...fresh, ...update(waiting)],
      arrived: isAtTop ? [...fresh, ...update(waiting), ...update(arrived)] : update(arrived),
      listed: update(listed),
    });
    heard.clear();
    limit();
  }

  /** Drops what nobody looks at where there is too much of it. */
  function limit(): void {
    const { waiting, arrived, listed } = state.get();
    if (isAtTop && arrived.length + listed.length > MOST_HELD) keepFirst(KEPT);
    if (isAtTop || waiting.length <= MOST_HELD) return;
    const dropped = waiting.slice(KEPT);
    droppedAt = toNewest(dropped, droppedAt);
    remove(toIds(dropped));
  }

  /** Drops the others that are shown: they are read again once one comes there. */
  function keepFirst(count: number): void {
    const { arrived, listed } = state.get();
    const dropped = [...arrived, ...listed].slice(count);
    const newest = toNewest(dropped, droppedAt);
    droppedAt = null;
    if (newest === null) return;
    // By the next millisecond, since several may have been submitted within one.
    const createdBefore = new Date(Date.parse(newest) + 1).toISOString();
    place = { createdBefore, after: null };
    remove(toIds(dropped));
    change({ hasMore: true, isLoading: false });
  }

  function remove(ids: ReadonlySet<string>): void {
    if (ids.size === 0) return;
    const without = (jobs: Jobs): Jobs =>
      jobs.some(({ id }) => ids.has(id)) ? jobs.filter(({ id }) => !ids.has(id)) : jobs;
    for (const id of ids) {
      known.delete(id);
      heard.delete(id);
    }
    const { waiting, arrived, listed } = state.get();
    change({ waiting: without(waiting), arrived: without(arrived), listed: without(listed) });
  }

  return {
    state,
    more,
    hear,
    /** Whether one looks at the newest: then what comes is shown at once. */
    setAtTop(value: boolean): void {
      isAtTop = value;
      const { waiting, arrived } = state.get();
      if (!isAtTop || waiting.length === 0) return;
      change({ waiting: [], arrived: [...waiting, ...arrived] });
      if (droppedAt === null) limit();
      else keepFirst(waiting.length);
    },
    /** Asks for the addresses of a job's files where one has run out, which they do in a day or two. */
    async askAgain(id: string): Promise<void> {
      if (beingAsked.has(id)) return;
      beingAsked.add(id);
      const { data, error } = await client
        .query(GALLERY_JOB, { id }, { requestPolicy: "network-only" })
        .toPromise();
      beingAsked.delete(id);
      if (data?.job && known.has(id)) hear(data.job);
      else if (data?.job === null && !error) remove(new Set([id]));
    },
  };
}

function toIds(jobs: Jobs): ReadonlySet<string> {
  return new Set(jobs.map(({ id }) => id));
}

function canGoOn({ hasNextPage, endCursor }: JobsQuery["jobs"]["pageInfo"]): boolean {
  return hasNextPage && endCursor !== null;
}

/** When the newest of them was submitted, or this moment where that is later. */
function toNewest(jobs: Jobs, moment: string | null): string | null {
  return jobs.reduce<string | null>(
    (newest, { createdAt }) => (newest === null || createdAt > newest ? createdAt : newest),
    moment,
  );
}

function newer(job: JobRowFragment, other: JobRowFragment | undefined): JobRowFragment {
  return other && other.version >= job.version ? other : job;
}
