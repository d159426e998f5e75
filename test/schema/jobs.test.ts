import { expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import type { JobFilter } from "../support/gql/operations.ts";
import {
  DeploymentDocument,
  JobDocument,
  JobsDocument,
  NodeDocument,
} from "../support/gql/operations.ts";
import { CATALOGUE, openInProcessGateway } from "./in-process-gateway.ts";

type Gateway = Awaited<ReturnType<typeof openInProcessGateway>>;

const START_MS = Date.parse("2025-07-22T13:00:00Z");

async function addJobs(gateway: Gateway, count: number, deploymentId = "warm-glow") {
  const jobs = [];
  // Three jobs share each moment, so that only the id orders them.
  for (let index = 0; index < count; index++) {
    const createdAt = new Date(START_MS + Math.floor(index / 3) * 1_000);
    jobs.push(await gateway.addJob({ deploymentId, createdAt }));
  }
  return jobs
    .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1))
    .map((job) => job.id);
}

function idsOf(page: { jobs: { edges: readonly { node: { id: string } }[] } }) {
  return page.jobs.edges.map((edge) => edge.node.id);
}

async function codeOf(gateway: Gateway, text: string) {
  const { errors } = await gateway.answer(text);
  return { code: errors?.[0]?.extensions["code"], message: errors?.[0]?.message };
}

test("a finished job is returned in full, except for numbers of its output that JavaScript can't hold", async () => {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  const sentAt = new Date("2025-07-22T13:00:00.500Z");
  const submitted = await gateway.addJob({ tags: ["b", "a"], sentAt });
  const accepted = await gateway.observe(submitted, { kind: "accepted", requestId: "request-1" });
  const queued = await gateway.observe(accepted, { kind: "queued", queuePosition: 0 });
  const running = await gateway.observe(queued, { kind: "running" });
  // As it is read from the upstream.
  const output = JSON.parse(
    '{ "images": ["https://files.example/0.png"], "seed": 9007199254740993, "score": 1e309 }',
  );
  await gateway.observe(running, { kind: "succeeded", output, finishedAt: null });

  const { job } = await gateway.run(JobDocument, { id: submitted.id });
  expect(job).toEqual({
    id: submitted.id,
    deployment: { id: "warm-glow", name: "Warm Glow" },
    requestId: "request-1",
    tags: ["b", "a"],
    status: "SUCCEEDED",
    queuePosition: null,
    input: { prompt: "a glow" },
    output: { images: ["https://files.example/0.png"], seed: 9_007_199_254_740_992, score: null },
    assets: [
      {
        url: "https://files.example/0.png",
        path: "images[0]",
        kind: "IMAGE",
        expiresAt: "2025-07-29T13:00:04.000Z",
      },
    ],
    error: null,
    history: [
      { version: 1, status: "SUBMITTING", at: "2025-07-22T13:00:00.000Z" },
      { version: 2, status: "IN_QUEUE", at: "2025-07-22T13:00:01.000Z" },
      { version: 4, status: "IN_PROGRESS", at: "2025-07-22T13:00:03.000Z" },
      { version: 5, status: "SUCCEEDED", at: "2025-07-22T13:00:04.000Z" },
    ],
    isCancellable: false,
    isFinished: true,
    queueSeconds: 2.5,
    version: 5,
    createdAt: "2025-07-22T13:00:00.000Z",
    sentAt: "2025-07-22T13:00:00.500Z",
    startedAt: "2025-07-22T13:00:03.000Z",
    finishedAt: "2025-07-22T13:00:04.000Z",
    updatedAt: "2025-07-22T13:00:04.000Z",
  });
});

test("a job that failed says why and has no output", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  const error = { code: "LOST", message: "It is lost.", retryable: true } as const;
  await gateway.observe(job, { kind: "failed", error, finishedAt: null });

  const answer = await gateway.run(JobDocument, { id: job.id });
  expect(answer.job).toMatchObject({ status: "FAILED", error, output: null, assets: [] });
});

test("an id that is nobody's finds nothing, and one that can't be anybody's never reaches the database", async () => {
  const gateway = await openInProcessGateway();
  for (const id of [
    "job_unknown",
    "",
    "job_\u0000",
    `job_${"x".repeat(10_000)}`,
    "../job",
    "\ud800",
  ]) {
    gateway.statements.length = 0;
    expect(await gateway.run(JobDocument, { id })).toEqual({ job: null });
    expect(await gateway.run(NodeDocument, { id })).toEqual({ node: null });
    expect(await gateway.run(DeploymentDocument, { id })).toEqual({ deployment: null });
    if (id !== "job_unknown") expect(gateway.statements).toEqual([]);
  }
});

test("a node is a job when its id starts with job_, else a deployment", async () => {
  const gateway = await openInProcessGateway();
  const { id } = await gateway.addJob();
  for (const [__typename, one] of [
    ["Job", id],
    ["Deployment", "warm-glow"],
  ] as const)
    expect(await gateway.run(NodeDocument, { id: one })).toEqual({ node: { __typename, id: one } });
});

test("jobs come newest first, and page by page each is met once, forward and backward", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 11);
  const first = await gateway.run(JobsDocument, { first: 4 });
  const { endCursor: after, startCursor } = first.jobs.pageInfo;
  const behind = await gateway.run(JobsDocument, { first: 7, after });
  const last = await gateway.run(JobsDocument, { last: 4 });
  const { startCursor: before, endCursor } = last.jobs.pageInfo;
  const ahead = await gateway.run(JobsDocument, { last: 7, before });
  for (const [page, from, to] of [
    [first, 0, 4],
    [behind, 4, 11],
    [last, 7, 11],
    [ahead, 0, 7],
    [await gateway.run(JobsDocument, { first: 3, after }), 4, 7],
    [await gateway.run(JobsDocument, { last: 3, before }), 4, 7],
  ] as const) {
    expect(idsOf(page)).toEqual(all.slice(from, to));
    expect(page.jobs.totalCount).toBe(11);
    expect(page.jobs.pageInfo).toMatchObject({ hasPreviousPage: from > 0, hasNextPage: to < 11 });
  }
  const between = await gateway.run(JobsDocument, { after: startCursor, before: endCursor });
  expect(idsOf(between)).toEqual(all.slice(1, 10));
});

test("a page has 20 jobs when nobody says how many, and none when asked for none", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 21);
  const page = await gateway.run(JobsDocument, {});
  expect(idsOf(page)).toEqual(all.slice(0, 20));
  expect(page.jobs.pageInfo.hasNextPage).toBe(true);

  const none = await gateway.run(JobsDocument, { first: 0 });
  expect(none.jobs).toMatchObject({
    edges: [],
    // It ends in front of all.
    pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: null },
  });
  const next = await gateway.run(JobsDocument, { after: none.jobs.pageInfo.endCursor });
  expect(idsOf(next)).toEqual(all.slice(0, 20));
});

test("a filter's conditions must all hold, and the total counts what an index lets through", async () => {
  const gateway = await openInProcessGateway();
  const add = (hour: number, facts: Parameters<Gateway["addJob"]>[0]) =>
    gateway.addJob({ createdAt: new Date(Date.UTC(2025, 6, 22, hour)), ...facts });
  const early = await add(13, { ownerId: "web" });
  const middle = await add(14, { tags: ["blue"] });
  const late = await add(15, { deploymentId: "cold-light", tags: ["blue", "cold"] });
  await gateway.observe(middle, { kind: "accepted", requestId: "request-1" });
  const afterEarly = "2025-07-22T13:00:00Z";
  const counted: readonly (readonly [JobFilter, readonly Job[]])[] = [
    [{ status: ["SUBMITTING"] }, [late, early]],
    [{ status: [] }, []],
    [
      { status: null, deploymentId: null, createdAfter: null, ownerId: null },
      [late, middle, early],
    ],
    [{ deploymentId: "cold-light" }, [late]],
    [{ tag: "blue" }, [late, middle]],
    [{ tag: "blue", createdBefore: "2025-07-22T14:30:00Z" }, [middle]],
    [{ createdAfter: afterEarly, createdBefore: "2025-07-22T17:00:00+02:00" }, [middle]],
    [{ ownerId: "web" }, [early]],
  ];
  const searched: typeof counted = [
    [{ tag: "blue", status: ["SUBMITTING"] }, [late]],
    [{ text: "A  Glow" }, [late, middle, early]],
    [{ text: "glow", tag: "blue" }, [late, middle]],
  ];
  for (const [filter, found] of [...counted, ...searched]) {
    const page = await gateway.run(JobsDocument, { filter });
    expect(idsOf(page), JSON.stringify(filter)).toEqual(found.map(({ id }) => id));
    expect(page.jobs.totalCount).toBe(
      filter.text || (filter.status && filter.tag) ? null : found.length,
    );
  }
});

test("what can't be an argument is refused in words that name it", async () => {
  const gateway = await openInProcessGateway();
  const encode = (text: string) => Buffer.from(text).toString("base64url");
  for (const [given, argument] of [
    ["first: 101", "first"],
    ["last: 101", "last"],
    ["first: 1, last: 1", "first"],
    ['after: "nonsense"', "after"],
    ['after: "\\u0000"', "after"],
    [`after: "${encode("99999999999999999:job_1")}"`, "after"],
    [`after: "${encode("1:deployment")}"`, "after"],
    [`after: "${encode("1:job_x")}!!"`, "after"],
    [`after: "${encode("01:job_x")}"`, "after"],
    [`before: "${encode("job_x")}"`, "before"],
    ['filter: {deploymentId: "../x"}', "filter.deploymentId"],
    ['filter: {ownerId: "\\u0000"}', "filter.ownerId"],
    ['filter: {tag: ""}', "filter.tag"],
    ['filter: {text: "ab"}', "filter.text"],
    ['filter: {text: "abc\\u0000"}', "filter.text"],
  ]) {
    const { code, message } = await codeOf(gateway, `{ jobs(${given}) { totalCount } }`);
    expect(code, given).toBe("BAD_USER_INPUT");
    expect(message).toContain(`\`${argument}\``);
    expect(message).toMatch(/Give|Ask|Take/);
  }
});

test("the uploads of a page of jobs cost one statement", async () => {
  const gateway = await openInProcessGateway();
  const uploads = [await gateway.addUpload({ file: "b.png" }), await gateway.addUpload({})];
  for (let count = 0; count < 3; count += 1) await gateway.addJob({ uploads });
  gateway.statements.length = 0;
  const page = await gateway.answer(`{ jobs { edges { node { uploads { id url } } } } }`);
  expect(JSON.stringify(page).split('"url":"http')).toHaveLength(7);
  expect(gateway.statements).toHaveLength(2);
});

test("a page of 100 jobs with everything in it costs three statements", async () => {
  const gateway = await openInProcessGateway();
  for (let index = 0; index < 100; index++) {
    const job = await gateway.addJob({ deploymentId: `deployment-${index % 7}` });
    const output = { image: "https://files.example/0.png" };
    await gateway.observe(job, { kind: "succeeded", output, finishedAt: null });
  }
  gateway.statements.length = 0;
  const page = await gateway.run(JobsDocument, { first: 100 });
  expect(page.jobs.edges).toHaveLength(100);
  expect(
    page.jobs.edges.every(({ node }) => node.history.length === 2 && node.assets.length === 1),
  ).toBe(true);
  // The page with its documents, its total, and the histories.
  expect(gateway.statements).toHaveLength(3);
});

test("jobs are counted only when somebody asks, and read together where they are asked for one by one", async () => {
  const gateway = await openInProcessGateway();
  const [a, b] = [await gateway.addJob(), await gateway.addJob()];
  for (const text of [
    "{ jobs { edges { node { id status deployment { id name } } } } }",
    `{ a: job(id: "${a.id}") { id } b: job(id: "${b.id}") { id } }`,
    `{ a: node(id: "1") { id } b: node(id: "2") { id } }`,
  ]) {
    gateway.statements.length = 0;
    expect((await gateway.answer(text)).errors).toBeUndefined();
    expect(gateway.statements).toHaveLength(1);
  }
});

test("a job that vanishes while it is read is not found", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  const { jobs } = gateway.store;
  jobs.listWhole = async (range) => {
    const page = await jobs.list(range);
    await jobs.withdraw(job.id);
    return { ...page, documents: [] };
  };
  const { code, message } = await codeOf(gateway, "{ jobs { edges { node { input } } } }");
  expect(code).toBe("NOT_FOUND");
  expect(message).toContain(job.id);
});
