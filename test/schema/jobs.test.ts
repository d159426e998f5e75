import { expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
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
  // Three jobs share each moment, so that only the id tells their order.
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

test("a finished job is told in full", async () => {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  const submitted = await gateway.addJob({ tags: ["b", "a"] });
  const accepted = await gateway.observe(submitted, { kind: "accepted", requestId: "request-1" });
  const queued = await gateway.observe(accepted, { kind: "queued", queuePosition: 0 });
  const running = await gateway.observe(queued, { kind: "running" });
  const output = { images: ["https://files.example/0.png"] };
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
    output,
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
    version: 5,
    createdAt: "2025-07-22T13:00:00.000Z",
    startedAt: "2025-07-22T13:00:03.000Z",
    finishedAt: "2025-07-22T13:00:04.000Z",
    updatedAt: "2025-07-22T13:00:04.000Z",
  });
});

test("of an output, numbers beyond 2^53 lose digits and those beyond 1e308 are null", async () => {
  const gateway = await openInProcessGateway();
  const submitted = await gateway.addJob();
  const accepted = await gateway.observe(submitted, { kind: "accepted", requestId: "request-1" });
  // As it is read from the upstream.
  const output = JSON.parse('{ "seed": 9007199254740993, "score": 1e309, "loss": 0.1 }');
  await gateway.observe(accepted, { kind: "succeeded", output, finishedAt: null });
  const { job } = await gateway.run(JobDocument, { id: submitted.id });
  expect(JSON.stringify(job?.output)).toBe('{"seed":9007199254740992,"score":null,"loss":0.1}');
});

test("a job that failed says why and has no output", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  const error = { code: "LOST", message: "It is lost.", retryable: true } as const;
  await gateway.observe(job, { kind: "failed", error, finishedAt: null });

  const answer = await gateway.run(JobDocument, { id: job.id });
  expect(answer.job).toMatchObject({ status: "FAILED", error, output: null, assets: [] });
});

test.each(["job_unknown", "", "job_\u0000", `job_${"x".repeat(10_000)}`, "../job", "\ud800"])(
  "there is no job %j",
  async (id) => {
    const gateway = await openInProcessGateway();
    expect(await gateway.run(JobDocument, { id })).toEqual({ job: null });
    expect(await gateway.run(NodeDocument, { id })).toEqual({ node: null });
    expect(await gateway.run(DeploymentDocument, { id })).toEqual({ deployment: null });
  },
);

test("an id that can't be anybody's never reaches the database", async () => {
  const gateway = await openInProcessGateway();
  gateway.statements.length = 0;
  await gateway.run(JobDocument, { id: "job_\u0000" });
  await gateway.run(DeploymentDocument, { id: "\u0000" });
  expect(gateway.statements).toEqual([]);
});

test("a node is a job when its id starts with job_, else a deployment", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  expect(await gateway.run(NodeDocument, { id: job.id })).toEqual({
    node: { __typename: "Job", id: job.id },
  });
  expect(await gateway.run(NodeDocument, { id: "warm-glow" })).toEqual({
    node: { __typename: "Deployment", id: "warm-glow" },
  });
});

test("jobs come newest first, and going forward page by page meets each once", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 11);
  const met: string[] = [];
  let after: string | null = null;
  const previous: boolean[] = [];
  for (;;) {
    const page: Awaited<ReturnType<typeof runPage>> = await runPage(after);
    expect(page.jobs.totalCount).toBe(11);
    met.push(...idsOf(page));
    previous.push(page.jobs.pageInfo.hasPreviousPage);
    after = page.jobs.pageInfo.endCursor;
    if (!page.jobs.pageInfo.hasNextPage) break;
  }
  expect(met).toEqual(all);
  expect(previous).toEqual([false, true, true]);

  function runPage(cursor: string | null) {
    return gateway.run(JobsDocument, { first: 4, after: cursor });
  }
});

test("going backward page by page meets each job once, each page newest first", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 11);
  const pages: string[][] = [];
  let before: string | null = null;
  for (;;) {
    const page: Awaited<ReturnType<typeof runPage>> = await runPage(before);
    pages.unshift(idsOf(page));
    expect(page.jobs.pageInfo.hasNextPage).toBe(before !== null);
    before = page.jobs.pageInfo.startCursor;
    if (!page.jobs.pageInfo.hasPreviousPage) break;
  }
  expect(pages.map((page) => page.length)).toEqual([3, 4, 4]);
  expect(pages.flat()).toEqual(all);

  function runPage(cursor: string | null) {
    return gateway.run(JobsDocument, { last: 4, before: cursor });
  }
});

test("a page may lie between two cursors", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 6);
  const { jobs } = await gateway.run(JobsDocument, {});
  const page = await gateway.run(JobsDocument, {
    after: jobs.edges[0]?.cursor ?? "",
    before: jobs.edges[4]?.cursor ?? "",
  });
  expect(idsOf(page)).toEqual(all.slice(1, 4));
});

test("a page has 20 jobs when nobody says how many, and none when asked for none", async () => {
  const gateway = await openInProcessGateway();
  const all = await addJobs(gateway, 21);
  const page = await gateway.run(JobsDocument, {});
  expect(idsOf(page)).toEqual(all.slice(0, 20));
  expect(page.jobs.pageInfo.hasNextPage).toBe(true);

  const none = await gateway.run(JobsDocument, { first: 0 });
  expect(none.jobs.edges).toEqual([]);
  expect(none.jobs.pageInfo).toEqual({
    hasNextPage: true,
    hasPreviousPage: false,
    startCursor: null,
    // In front of all.
    endCursor: expect.any(String),
  });
  const next = await gateway.run(JobsDocument, { after: none.jobs.pageInfo.endCursor });
  expect(idsOf(next)).toEqual(all.slice(0, 20));
});

test("a filter's conditions must all hold, and the total counts what an index lets through", async () => {
  const gateway = await openInProcessGateway();
  const early = await gateway.addJob({ createdAt: new Date("2025-07-22T13:00:00Z") });
  const middle = await gateway.addJob({
    createdAt: new Date("2025-07-22T14:00:00Z"),
    tags: ["blue"],
  });
  const late = await gateway.addJob({
    createdAt: new Date("2025-07-22T15:00:00Z"),
    deploymentId: "cold-light",
    tags: ["blue", "cold"],
  });
  await gateway.observe(middle, { kind: "accepted", requestId: "request-1" });

  const filtered = async (filter: Parameters<typeof run>[0]) => {
    const page = await run(filter);
    expect(page.jobs.totalCount).toBe(page.jobs.edges.length);
    return idsOf(page);
  };
  const searched = async (filter: Parameters<typeof run>[0]) => {
    const page = await run(filter);
    expect(page.jobs.totalCount).toBeNull();
    return idsOf(page);
  };
  const run = (
    filter: NonNullable<NonNullable<Parameters<typeof gateway.run>[1]>["filter"]> & object,
  ) => gateway.run(JobsDocument, { filter });

  expect(await filtered({ status: ["SUBMITTING"] })).toEqual([late.id, early.id]);
  expect(await filtered({ status: ["SUBMITTING", "IN_QUEUE"] })).toEqual([
    late.id,
    middle.id,
    early.id,
  ]);
  expect(await filtered({ status: [] })).toEqual([]);
  expect(await filtered({ status: null, deploymentId: null, createdAfter: null })).toHaveLength(3);
  expect(await filtered({ deploymentId: "cold-light" })).toEqual([late.id]);
  expect(await filtered({ deploymentId: "unknown" })).toEqual([]);
  expect(await filtered({ deploymentId: "warm-glow", status: ["IN_QUEUE"] })).toEqual([middle.id]);
  expect(await filtered({ tag: "blue" })).toEqual([late.id, middle.id]);
  expect(await filtered({ tag: "Blue" })).toEqual([]);
  expect(await filtered({ tag: null, deploymentId: "cold-light" })).toEqual([late.id]);
  expect(await searched({ tag: "blue", status: ["SUBMITTING"] })).toEqual([late.id]);
  expect(await searched({ text: "A  Glow" })).toEqual([late.id, middle.id, early.id]);
  expect(await searched({ text: "glow", tag: "blue" })).toEqual([late.id, middle.id]);
  expect(await searched({ text: "no such words" })).toEqual([]);
  expect(await filtered({ tag: "blue", createdBefore: "2025-07-22T14:30:00Z" })).toEqual([
    middle.id,
  ]);
  expect(
    await filtered({
      createdAfter: "2025-07-22T13:00:00Z",
      createdBefore: "2025-07-22T17:00:00+02:00",
    }),
  ).toEqual([middle.id]);
});

test("an operator's filter by owner finds that owner's jobs, with the other conditions too", async () => {
  const gateway = await openInProcessGateway();
  await gateway.addJob({ ownerId: "app", tags: ["blue"] });
  const job = await gateway.addJob({ ownerId: "web", tags: ["blue"] });
  await gateway.addJob({ ownerId: "web" });
  const totals = await gateway.answer(`{
    web: jobs(filter: { ownerId: "web" }) { totalCount }
    blue: jobs(filter: { ownerId: "web", tag: "blue" }) { totalCount edges { node { id } } }
    none: jobs(filter: { ownerId: "nobody" }) { totalCount }
    all: jobs(filter: { ownerId: null }) { totalCount }
  }`);
  expect(totals).toEqual({
    data: {
      web: { totalCount: 2 },
      blue: { totalCount: 1, edges: [{ node: { id: job.id } }] },
      none: { totalCount: 0 },
      all: { totalCount: 3 },
    },
  });
});

test.each([
  ["first: 101", "first"],
  ["first: -1", "first"],
  ["last: 101", "last"],
  ["last: -1", "last"],
  ["first: 1, last: 1", "first"],
  ['after: "nonsense"', "after"],
  ['before: ""', "before"],
  ['after: "\\u0000"', "after"],
  [`after: "${Buffer.from("99999999999999999:job_1").toString("base64url")}"`, "after"],
  [`after: "${Buffer.from("1:deployment").toString("base64url")}"`, "after"],
  ['filter: {deploymentId: "../x"}', "filter.deploymentId"],
  ['filter: {tag: ""}', "filter.tag"],
  ['filter: {tag: "\\u0000"}', "filter.tag"],
  ['filter: {text: "ab"}', "filter.text"],
  ['filter: {text: "abc\\u0000"}', "filter.text"],
])("jobs(%s) is refused in words that name the argument", async (given, argument) => {
  const gateway = await openInProcessGateway();
  const { code, message } = await codeOf(gateway, `{ jobs(${given}) { totalCount } }`);
  expect(code).toBe("BAD_USER_INPUT");
  expect(message).toContain(`\`${argument}\``);
  expect(message).toMatch(/Give|Ask|Take/);
});

test("a page of 100 jobs with everything in it costs four statements", async () => {
  const gateway = await openInProcessGateway();
  for (let index = 0; index < 100; index++) {
    const job = await gateway.addJob({ deploymentId: `deployment-${index % 7}` });
    await gateway.observe(job, {
      kind: "succeeded",
      output: { image: "https://files.example/0.png" },
      finishedAt: null,
    });
  }
  gateway.statements.length = 0;
  const page = await gateway.run(JobsDocument, { first: 100 });
  expect(page.jobs.edges).toHaveLength(100);
  expect(
    page.jobs.edges.every(({ node }) => node.history.length === 2 && node.assets.length === 1),
  ).toBe(true);
  // The page, its total, the histories and the documents.
  expect(gateway.statements).toHaveLength(4);
});

test("jobs are counted only when somebody asks how many there are", async () => {
  const gateway = await openInProcessGateway();
  await gateway.addJob();
  gateway.statements.length = 0;
  await gateway.answer("{ jobs { edges { node { id status deployment { id name } } } } }");
  expect(gateway.statements).toHaveLength(1);
});

test("jobs that are asked for one by one are read together", async () => {
  const gateway = await openInProcessGateway();
  const [a, b] = [await gateway.addJob(), await gateway.addJob()];
  gateway.statements.length = 0;
  const { data } = await gateway.answer(
    `{ a: job(id: "${a.id}") { id } b: job(id: "${b.id}") { id } }`,
  );
  expect(data).toEqual({ a: { id: a.id }, b: { id: b.id } });
  expect(gateway.statements).toHaveLength(1);
});

test("a job that vanishes while it is read is not found", async () => {
  const gateway = await openInProcessGateway();
  const job = createJob({
    ownerId: "local",
    deploymentId: "warm-glow",
    upstream: "sandbox",
    apiVersion: "v1",
    now: new Date(),
  });
  await gateway.store.jobs.insert({ job, input: {}, key: null });
  const { list } = gateway.store.jobs;
  gateway.store.jobs.list = async (range) => {
    const page = await list(range);
    await gateway.store.jobs.withdraw(job.id);
    return page;
  };
  const { code, message } = await codeOf(gateway, "{ jobs { edges { node { input } } } }");
  expect(code).toBe("NOT_FOUND");
  expect(message).toContain(job.id);
});
