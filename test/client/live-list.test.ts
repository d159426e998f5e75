import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import {
  createGatewayClient,
  type JobFieldsFragment,
  type JobFilter,
  JOBS,
  type JobStatus,
} from "runcomfy-graphql-client";
import { createLiveList } from "runcomfy-graphql-client/live-list";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { listen } from "../support/listen.ts";

type Page = { readonly first: number; readonly after: string | null };
const REQUEST = z.object({
  variables: z.object({ first: z.number(), after: z.string().nullable() }),
});

const UNAVAILABLE = { errors: [{ message: "Try again.", extensions: { code: "UNAVAILABLE" } }] };

function toJob(number: number, status: JobStatus, version = 1): JobFieldsFragment {
  return {
    id: `job_${number}`,
    ownerId: "local",
    version,
    status,
    tags: [],
    isStarred: false,
    queuePosition: null,
    isCancellable: false,
    isFinished: false,
    isPaused: false,
    createdAt: new Date(1_750_000_000_000 + number * 1_000).toISOString(),
    startedAt: null,
    finishedAt: null,
    input: {},
    error: null,
    deployment: { id: "lantern", name: "Paper Lantern" },
    assets: [],
  };
}

/** What a gateway says that has the jobs from 1 to `newest`, all in progress. */
function toPage(newest: number, { first, after }: Page) {
  const start = after === null ? newest : Number(after) - 1;
  const count = Math.max(0, Math.min(first, start));
  const nodes = Array.from({ length: count }, (_, index) => toJob(start - index, "IN_PROGRESS"));
  const rest = start - count;
  return {
    totalCount: newest,
    searchedTo: rest > 0 ? (nodes.at(-1)?.createdAt ?? null) : null,
    edges: nodes.map((node) => ({ cursor: node.id.slice(4), node })),
    pageInfo: { hasNextPage: rest > 0, endCursor: String(rest + 1) },
  };
}

/** A list of a gateway that answers so, or with null that it can't, and what notifies it of changes. */
async function openList(
  answer: (page: Page) => unknown,
  { filter = {}, pageSize = 100 }: { readonly filter?: JobFilter; readonly pageSize?: number } = {},
) {
  const server = createServer(async (request, response) => {
    const { variables } = REQUEST.parse(await json(request));
    const jobs = await answer(variables);
    response.end(JSON.stringify(jobs === null ? UNAVAILABLE : { data: { jobs } }));
  });
  const { origin } = await listen(server);
  const gateway = createGatewayClient({ url: `${origin}/graphql` });
  let report: (job: JobFieldsFragment | null) => void = () => undefined;
  const list = createLiveList<JobFieldsFragment>({
    filter,
    pageSize,
    read: async (page) => (await gateway.request(JOBS, { filter, ...page })).jobs,
    listen(notify) {
      report = notify;
      notify(null);
      return () => undefined;
    },
  });
  onTestFinished(list.subscribe(() => undefined));
  const shown = () => list.get().jobs.map(({ id, status }) => [id, status]);
  return { list, shown, report: (job: JobFieldsFragment | null) => report(job) };
}

/** Of a gateway with so many jobs; its viewer is further down. */
async function openListBelow(total: number, filter: JobFilter = {}) {
  const opened = await openList((page) => toPage(total, page), { filter });
  opened.list.setViewport({ first: 10, last: 20, isAtTop: false });
  await expect.poll(() => opened.list.get().totalCount).toBe(total);
  return opened;
}

test("however often new jobs change, they are counted once while one is further down", async () => {
  const { list, report } = await openListBelow(1_000);
  const tellTo = (last: number) => {
    for (let version = 1; version <= 5; version += 1)
      for (let number = 1_001; number <= last; number += 1)
        report(toJob(number, "IN_PROGRESS", version));
  };
  tellTo(1_050);
  await expect.poll(() => list.get().news).toBe(50);
  expect(list.get().totalCount).toBe(1_050);
  tellTo(1_150);
  await expect.poll(() => list.get().news).toBeGreaterThan(100);
  expect(list.get().totalCount).toBeLessThanOrEqual(1_150);
});

test("jobs that came and no longer fit are not counted", async () => {
  const { list, report } = await openListBelow(100, { status: ["IN_PROGRESS"] });
  for (let number = 101; number <= 150; number += 1) report(toJob(number, "IN_PROGRESS"));
  await expect.poll(() => list.get().totalCount).toBe(150);
  for (let number = 101; number <= 150; number += 1) report(toJob(number, "SUCCEEDED", 2));
  await expect.poll(() => list.get()).toMatchObject({ news: 0, totalCount: 100 });
});

test("what was reported while a page is read is not undone by the page, which is of before that", async () => {
  const gate = Promise.withResolvers<void>();
  const { list, shown, report } = await openList(
    async (page) => {
      if (page.after !== null) await gate.promise;
      return toPage(4, page);
    },
    { filter: { status: ["IN_PROGRESS"] }, pageSize: 2 },
  );
  await expect.poll(() => list.get().jobs.length).toBe(2);
  list.loadMore();
  report(toJob(2, "SUCCEEDED", 2));
  report(toJob(5, "SUCCEEDED", 2));
  gate.resolve();
  await expect.poll(() => list.get().hasMore).toBe(false);
  expect(shown().map(([id]) => id)).toEqual(["job_4", "job_3", "job_1"]);
});

test("after an outage no job is missed, also if newer ones are reported before the list is read", async () => {
  let newest = 10;
  let gate: PromiseWithResolvers<void> | undefined;
  const { list, report } = await openList(
    async (page) => {
      await gate?.promise;
      return toPage(newest, page);
    },
    { pageSize: 5 },
  );
  const ids = () => list.get().jobs.map(({ id }) => id);
  await expect.poll(ids).toHaveLength(5);
  gate = Promise.withResolvers();
  list.loadMore();
  newest = 40;
  report(null);
  for (const number of [...Array(11).keys(), 40]) report(toJob(number, "IN_PROGRESS", 2));
  await expect.poll(() => ids()[0]).toBe("job_40");
  gate.resolve();
  const numbers = Array.from({ length: 20 }, (_, index) => `job_${40 - index}`);
  for (const length of [10, 15, 20]) {
    await expect.poll(ids).toEqual(numbers.slice(0, length));
    list.loadMore();
  }
});

test("of two outages in a row, both are caught up with, whatever came between them", async () => {
  let newest = 10;
  let isDown = false;
  const { list, report } = await openList((page) => (isDown ? null : toPage(newest, page)), {
    pageSize: 5,
  });
  const ids = () => list.get().jobs.map(({ id }) => id);
  await expect.poll(ids).toHaveLength(5);
  isDown = true;
  report(null);
  await expect.poll(() => list.get().error?.code).toBe("UNAVAILABLE");
  for (newest = 20; newest < 25;) report(toJob(++newest, "IN_PROGRESS"));
  await expect.poll(() => ids()[0]).toBe("job_25");
  isDown = false;
  report(null);
  await expect.poll(() => list.get().totalCount).toBe(25);
  // The feed never brought it, so it is counted already.
  report(toJob(15, "IN_PROGRESS", 2));
  report(toJob(++newest, "IN_PROGRESS"));
  await expect.poll(() => ids()[0]).toBe("job_26");
  expect(list.get().totalCount).toBe(26);
});

test("what the feed brings after a later page that had it already is counted once", async () => {
  let newest = 10;
  const { list, report } = await openList((page) => toPage(newest, page), { pageSize: 2 });
  await expect.poll(() => list.get().jobs).toHaveLength(2);
  newest = 11;
  list.loadMore();
  await expect.poll(() => list.get().jobs).toHaveLength(4);
  report(toJob(11, "IN_PROGRESS"));
  await expect.poll(() => list.get().jobs[0]?.id).toBe("job_11");
  expect(list.get().totalCount).toBe(11);
});

test("after an outage what is in view is read anew, however much came above it", async () => {
  let isAfter = false;
  const { list, shown, report } = await openList(
    ({ first, after }) => {
      const edges = toPage(40, { first: 40, after: null }).edges.filter(
        ({ cursor }) =>
          (isAfter || Number(cursor) < 20 || Number(cursor) > 29) &&
          (after === null || Number(cursor) < Number(after)),
      );
      const page = edges.slice(0, first).map(({ cursor, node }) => {
        const version = isAfter ? 2 : 1;
        return { cursor, node: toJob(Number(node.id.slice(4)), "IN_PROGRESS", version) };
      });
      const endCursor = page.at(-1)?.cursor ?? null;
      const pageInfo = { hasNextPage: edges.length > first, endCursor };
      return { totalCount: isAfter ? 40 : 30, searchedTo: null, edges: page, pageInfo };
    },
    { pageSize: 3 },
  );
  list.setViewport({ first: 11, last: 15, isAtTop: false });
  await expect.poll(() => list.get()).toMatchObject({ totalCount: 30, hasMore: false });
  isAfter = true;
  report(null);
  await expect.poll(() => list.get().news).toBe(10);
  await expect.poll(() => list.get().jobs[11]).toMatchObject({ id: "job_19", version: 2 });
  expect(shown()).toHaveLength(30);
});

test("jobs that are not loaded are counted again once one has changed or was deleted", async () => {
  let total = 10;
  const filter: JobFilter = { status: ["IN_PROGRESS"] };
  const answer = (page: Page) => ({ ...toPage(10, page), totalCount: total });
  const { list, report } = await openList(answer, { filter, pageSize: 2 });
  await expect.poll(() => list.get().totalCount).toBe(10);
  total = 9;
  report(toJob(1, "SUCCEEDED", 2));
  await expect.poll(() => list.get().totalCount).toBe(9);
  total = 8;
  list.remove(["job_2"]);
  await expect.poll(() => list.get().totalCount).toBe(8);
});

test("a deleted job does not come back, for as many as are remembered", async () => {
  const { list, report } = await openList((page) => toPage(10, page), { pageSize: 10 });
  await expect.poll(() => list.get().jobs.length).toBe(10);
  const hasJob = (number: number) => list.get().jobs.some(({ id }) => id === `job_${number}`);
  list.remove(["job_10", "job_9"]);
  report(toJob(9, "IN_PROGRESS"));
  expect(hasJob(9)).toBe(false);
  list.remove(Array.from({ length: 999 }, (_, at) => `job_${at + 1_000}`));
  for (const number of [9, 10]) report(toJob(number, "IN_PROGRESS"));
  await expect.poll(() => hasJob(10)).toBe(true);
  expect(hasJob(9)).toBe(false);
});

test("a list that is followed for days holds no tail that nobody sees", async () => {
  let newest = 10;
  const { list, report } = await openList((page) => toPage(newest, page), { pageSize: 5 });
  await expect.poll(() => list.get().jobs.length).toBe(5);
  for (let turn = 0; turn < 14; turn += 1) {
    for (let step = 0; step < 90; step += 1) report(toJob(++newest, "IN_PROGRESS"));
    await expect.poll(() => list.get().jobs[0]?.id, { interval: 5 }).toBe(`job_${newest}`);
  }
  // A viewer who sees everything sees what is held.
  list.setViewport({ first: 0, last: 4, isAtTop: true });
  report(toJob(++newest, "IN_PROGRESS"));
  await expect.poll(() => list.get().jobs[0]?.id).toBe(`job_${newest}`);
  expect(list.get().jobs.length).toBeLessThan(1_000);
});

test("a search reads a page when asked to go on and nothing by itself, and an empty page is not its end", async () => {
  const first = toJob(9, "IN_PROGRESS");
  const second = toJob(3, "IN_PROGRESS");
  const times = [8, 5, 2].map((number) => toJob(number, "FAILED").createdAt);
  const toFound = (found: readonly JobFieldsFragment[], searchedTo: string | null | undefined) => ({
    totalCount: null,
    searchedTo,
    edges: found.map((node) => ({ cursor: node.id, node })),
    pageInfo: { hasNextPage: searchedTo !== null, endCursor: searchedTo },
  });
  const pages = [toFound([first], times[0]), toFound([], times[1]), toFound([second], null)];
  let asked = 0;
  const { list, shown, report } = await openList(() => pages[asked++], {
    filter: { text: "boat" },
  });
  expect(list.get().totalCount).toBeUndefined();
  // As the feed does right after the page was opened.
  report(null);
  await expect.poll(() => list.get()).toMatchObject({ totalCount: null, searchedTo: times[0] });
  list.setViewport({ first: 0, last: 0, isAtTop: true });
  report(toJob(10, "IN_PROGRESS"));
  report(toJob(9, "SUCCEEDED", 2));
  await expect.poll(shown).toEqual([["job_9", "SUCCEEDED"]]);
  expect(list.get()).toMatchObject({ hasMore: true, news: 0 });
  list.loadMore();
  await expect.poll(() => list.get().searchedTo).toBe(times[1]);
  expect(list.get()).toMatchObject({ hasMore: true });
  list.loadMore();
  report(toJob(3, "FAILED", 2));
  await expect.poll(() => list.get().hasMore).toBe(false);
  expect(list.get().searchedTo).toBeNull();
  expect(shown()).toEqual([
    ["job_9", "SUCCEEDED"],
    ["job_3", "FAILED"],
  ]);
  expect(asked).toBe(3);

  // What lies behind the place where it stops now is found again when the search continues.
  pages.push(toFound([first], times[0]), toFound([second], null));
  report(null);
  await expect.poll(shown).toEqual([["job_9", "SUCCEEDED"]]);
  expect(list.get().searchedTo).toBe(times[0]);
  list.loadMore();
  await expect.poll(() => list.get().hasMore).toBe(false);
  expect(asked).toBe(5);
});
