import { createServer } from "node:http";

import { createGatewayClient } from "runcomfy-graphql-client";
import { expect, onTestFinished, test, vi } from "vitest";

import type { JobFilter, JobRowFragment, JobStatus } from "../../console/src/gql";
import { createJobList } from "../../console/src/jobs/live-job-list";
import { listen } from "../support/listen";

function toJob(number: number, status: JobStatus, version = 1): JobRowFragment {
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
    queueSeconds: null,
    runSeconds: null,
    cost: null,
    input: {},
    error: null,
    deployment: { id: "lantern", name: "Paper Lantern" },
    assets: [],
  };
}

/** Of a gateway that has 100 of `total` jobs on its first page; whoever looks at it is further down. */
async function openList(total: number, filter: JobFilter = {}) {
  const edges = Array.from({ length: 100 }, (_, index) => {
    const node = toJob(total - index, "IN_PROGRESS");
    return { cursor: node.id, node };
  });
  const pageInfo = { hasNextPage: true, endCursor: "end" };
  const searchedTo = edges.at(-1)?.node.createdAt;
  const data = { jobs: { totalCount: total, searchedTo, edges, pageInfo } };
  const list = createJobList(await openGateway(() => data), filter);
  list.setViewport({ first: 10, last: 20, isAtTop: false });
  await expect.poll(() => list.state.get().total).toBe(total);
  return list;
}

/** Of a gateway that answers so. */
async function openGateway(toData: () => unknown) {
  const server = createServer((_, response) => response.end(JSON.stringify({ data: toData() })));
  const { origin } = await listen(server);
  vi.stubGlobal("requestAnimationFrame", queueMicrotask);
  onTestFinished(() => void vi.unstubAllGlobals());
  return createGatewayClient({ url: `${origin}/graphql` });
}

test("however often new jobs change, they are counted once while one is further down", async () => {
  const list = await openList(1_000);
  for (let version = 1; version <= 5; version += 1)
    for (let number = 1_001; number <= 1_150; number += 1)
      list.receive(toJob(number, "IN_PROGRESS", version));
  await expect.poll(() => list.state.get().news).toBeGreaterThan(100);
  expect(list.state.get().total).toBeLessThanOrEqual(1_150);
});

test("jobs that came and no longer fit are not counted", async () => {
  const list = await openList(100, { status: ["IN_PROGRESS"] });
  for (let number = 101; number <= 150; number += 1) list.receive(toJob(number, "IN_PROGRESS"));
  await expect.poll(() => list.state.get().total).toBe(150);
  for (let number = 101; number <= 150; number += 1) list.receive(toJob(number, "SUCCEEDED", 2));
  await expect.poll(() => list.state.get()).toMatchObject({ news: 0, total: 100 });
});

test("a search reads a page when asked to go on and nothing by itself, and an empty page is not its end", async () => {
  const first = toJob(9, "IN_PROGRESS");
  const second = toJob(3, "IN_PROGRESS");
  const times = [8, 5, 2].map((number) => toJob(number, "FAILED").createdAt);
  const toPage = (found: readonly JobRowFragment[], searchedTo: string | null | undefined) => ({
    jobs: {
      totalCount: null,
      searchedTo,
      edges: found.map((node) => ({ cursor: node.id, node })),
      pageInfo: { hasNextPage: searchedTo !== null, endCursor: searchedTo },
    },
  });
  const pages = [toPage([first], times[0]), toPage([], times[1]), toPage([second], null)];
  let asked = 0;
  const list = createJobList(await openGateway(() => pages[asked++]), { text: "boat" });
  const shown = () => list.state.get().rows.map(({ id, status }) => [id, status]);
  expect(list.state.get().total).toBeUndefined();
  list.renew();
  // As the feed does right after the page was opened.
  list.renew();
  await expect.poll(() => list.state.get()).toMatchObject({ total: null, searchedTo: times[0] });
  list.setViewport({ first: 0, last: 0, isAtTop: true });
  list.receive(toJob(10, "IN_PROGRESS"));
  list.receive(toJob(9, "SUCCEEDED", 2));
  await expect.poll(shown).toEqual([["job_9", "SUCCEEDED"]]);
  expect(list.state.get()).toMatchObject({ hasMore: true, news: 0 });
  list.goOn();
  await expect.poll(() => list.state.get().searchedTo).toBe(times[1]);
  expect(list.state.get()).toMatchObject({ hasMore: true });
  list.goOn();
  list.receive(toJob(3, "FAILED", 2));
  await expect.poll(() => list.state.get().hasMore).toBe(false);
  expect(list.state.get().searchedTo).toBeNull();
  expect(shown()).toEqual([
    ["job_9", "SUCCEEDED"],
    ["job_3", "FAILED"],
  ]);
  expect(asked).toBe(3);
});
