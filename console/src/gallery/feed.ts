import type { Client } from "urql";

import { JOBS } from "../documents";
import type { JobRowFragment } from "../gql/graphql";
import { explain } from "../session";
import { createStore, type Store } from "../store";
import { GALLERY_JOB } from "./documents";

const PAGE = 50;

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

export type Feed = ReturnType<typeof createFeed>;

const EMPTY: FeedState = {
  waiting: [],
  arrived: [],
  listed: [],
  hasMore: true,
  isLoading: false,
  problem: null,
};

/** The jobs that succeeded, page by page, with those that do so meanwhile in front. */
export function createFeed(client: Client, deploymentId: string | null) {
  const filter = { status: ["SUCCEEDED" as const], deploymentId };
  const state: Store<FeedState> = createStore(EMPTY);
  const heard = new Map<string, JobRowFragment>();
  const askedAgain = new Set<string>();
  let after: string | null = null;
  let isAtTop = true;
  let reading: Promise<void> = Promise.resolve();

  const change = (changes: Partial<FeedState>): void => state.set({ ...state.get(), ...changes });
  const readPage = (from: string | null) =>
    client
      .query(JOBS, { filter, first: PAGE, after: from }, { requestPolicy: "network-only" })
      .toPromise();

  /** Reads the next page, if there is one and it is not being read. */
  function more(): Promise<void> {
    const { hasMore, isLoading } = state.get();
    if (hasMore && !isLoading) reading = append();
    return reading;
  }

  async function append(): Promise<void> {
    change({ isLoading: true, problem: null });
    const from = after;
    const { data, error } = await readPage(from);
    if (from !== after) return;
    if (!data) return change({ isLoading: false, problem: error ? explain(error) : null });
    const { edges, pageInfo } = data.jobs;
    after = pageInfo.endCursor ?? null;
    const known = knownIds();
    const jobs = edges.map(({ node }) => node).filter(({ id }) => !known.has(id));
    change({
      listed: [...state.get().listed, ...jobs],
      hasMore: pageInfo.hasNextPage && after !== null,
      isLoading: false,
    });
  }

  /** Finds what was missed while the page was not connected. */
  async function catchUp(): Promise<void> {
    await reading;
    const { listed, hasMore } = state.get();
    if (listed.length === 0 && hasMore) return more();
    const { data } = await readPage(null);
    if (!data) return;
    change({ problem: null });
    const jobs = data.jobs.edges.map(({ node }) => node);
    const known = knownIds();
    if (known.size === 0 || jobs.some(({ id }) => known.has(id)))
      return jobs.toReversed().forEach(hear);
    // More than a page was missed: what is listed no longer joins on, so it all begins anew.
    after = data.jobs.pageInfo.endCursor ?? null;
    change({ ...EMPTY, listed: jobs, hasMore: data.jobs.pageInfo.hasNextPage });
  }

  function hear(job: JobRowFragment | null): void {
    if (job === null) return void catchUp();
    if (job.status !== "SUCCEEDED") return;
    if (deploymentId !== null && job.deployment.id !== deploymentId) return;
    // Many may come in the time of one picture of the screen.
    if (heard.size === 0) requestAnimationFrame(settle);
    heard.set(job.id, job);
  }

  function settle(): void {
    const { waiting, arrived, listed } = state.get();
    const update = (jobs: Jobs): Jobs =>
      jobs.some(({ id }) => heard.has(id))
        ? jobs.map((job) => newer(job, heard.get(job.id)))
        : jobs;
    const known = knownIds();
    const fresh = [...heard.values()].filter(({ id }) => !known.has(id)).toReversed();
    change({
      waiting: isAtTop ? [] : [...fresh, ...update(waiting)],
      arrived: isAtTop ? [...fresh, ...update(waiting), ...update(arrived)] : update(arrived),
      listed: update(listed),
    });
    heard.clear();
  }

  function knownIds(): ReadonlySet<string> {
    const { waiting, arrived, listed } = state.get();
    return new Set([...waiting, ...arrived, ...listed].map(({ id }) => id));
  }

  return {
    state,
    more,
    hear,
    /** Whether one looks at the newest: then what comes is shown at once. */
    setAtTop(value: boolean): void {
      isAtTop = value;
      const { waiting, arrived } = state.get();
      if (isAtTop && waiting.length > 0) change({ waiting: [], arrived: [...waiting, ...arrived] });
    },
    /** Asks once for the addresses of a job's files where one has run out. */
    async askAgain(id: string): Promise<void> {
      if (askedAgain.has(id)) return;
      askedAgain.add(id);
      const { data } = await client
        .query(GALLERY_JOB, { id }, { requestPolicy: "network-only" })
        .toPromise();
      if (data?.job) hear(data.job);
      else askedAgain.delete(id);
    },
  };
}

function newer(job: JobRowFragment, other: JobRowFragment | undefined): JobRowFragment {
  return other && other.version >= job.version ? other : job;
}
