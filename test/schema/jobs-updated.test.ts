import type { ExecutionResult } from "graphql";
import { assertObjectType, getNamedType, isLeafType } from "graphql";
import { expect, test, vi } from "vitest";

import { OVER, Stream } from "../../src/runtime/stream.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import type { JobChange } from "../../src/watch/watch-jobs.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const WATCH = `subscription ($filter: JobFilter, $after: String) {
  jobsUpdated(filter: $filter, after: $after) {
    cursor reset reason job { id status version output history { version } }
  }
}`;

type Gateway = Awaited<ReturnType<typeof openInProcessGateway>>;

async function watch(gateway: Gateway, variables: Record<string, unknown> = {}, text = WATCH) {
  const stream = await gateway.subscribe(text, variables);
  if (!(stream instanceof Stream)) throw new AggregateError(stream.errors ?? []);
  return stream;
}

async function next(stream: Stream<ExecutionResult>) {
  const { value } = await stream.next();
  if (!value || value.errors) throw new AggregateError(value?.errors ?? []);
  return value.data;
}

/** A job that the upstream has: from then on it is told. */
async function addJob(gateway: Gateway, deploymentId?: string) {
  const job = await gateway.addJob(deploymentId === undefined ? {} : { deploymentId });
  return await gateway.observe(job, { kind: "accepted", requestId: "request-1" });
}

/** Lets the rest between two polls pass, and what they read be told. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Whether a statement reads the feed, its end or its changes. */
function isFeedRead(sql: string): boolean {
  return /^select.*("feed_eras"|"changed")/s.test(sql);
}

/** The cursor of a change. */
function cursorOf(data: Awaited<ReturnType<typeof next>>): string {
  return String(Object(data?.["jobsUpdated"]).cursor);
}

test("a dashboard sees each change of every job, with its history as it is by then", async () => {
  const gateway = await openInProcessGateway();
  await addJob(gateway);
  const stream = await watch(gateway);
  const job = await addJob(gateway);
  expect(await next(stream)).toMatchObject({
    jobsUpdated: {
      reset: false,
      reason: "STATUS",
      job: { id: job.id, version: 2, history: [{ version: 1 }, { version: 2 }] },
    },
  });
  await gateway.observe(job, { kind: "succeeded", output: { text: "done" }, finishedAt: null });
  expect(await next(stream)).toMatchObject({
    jobsUpdated: {
      reset: false,
      job: {
        id: job.id,
        status: "SUCCEEDED",
        output: { text: "done" },
        history: [{ version: 1 }, { version: 2 }, { version: 3 }],
      },
    },
  });
  const other = await addJob(gateway);
  expect(await next(stream)).toMatchObject({ jobsUpdated: { job: { id: other.id } } });
  await stream.return();
});

test("who comes back with the last cursor hears of all jobs that changed since, each in its newest state", async () => {
  const gateway = await openInProcessGateway();
  const first = await watch(gateway);
  const job = await addJob(gateway);
  const after = cursorOf(await next(first));
  await first.return();

  const moved = await gateway.observe(job, { kind: "queued", queuePosition: 2 });
  const between = await watch(gateway, { after });
  expect(await next(between)).toMatchObject({
    jobsUpdated: { reason: "PROGRESS", job: { id: job.id, version: 3 } },
  });
  await between.return();
  const running = await gateway.observe(moved, { kind: "running" });
  const other = await addJob(gateway);
  await gateway.observe(running, { kind: "cancelled", finishedAt: null });
  const second = await watch(gateway, { after });
  expect(await next(second)).toMatchObject({ jobsUpdated: { job: { id: other.id, version: 2 } } });
  expect(await next(second)).toMatchObject({
    jobsUpdated: { reason: "STATUS", job: { id: job.id, status: "CANCELLED", version: 5 } },
  });
  await second.return();
});

test("a filter lets through what matches in its newest state", async () => {
  const gateway = await openInProcessGateway();
  const stream = await watch(gateway, {
    filter: { status: ["IN_PROGRESS"], deploymentId: "cold-light" },
  });
  await gateway.observe(await addJob(gateway), { kind: "running" });
  const job = await addJob(gateway, "cold-light");
  await gateway.observe(job, { kind: "running" });
  expect(await next(stream)).toMatchObject({
    jobsUpdated: { job: { id: job.id, status: "IN_PROGRESS" } },
  });
  await stream.return();
});

test("a filter by tag reads nothing more for each change", async () => {
  const gateway = await openInProcessGateway();
  const accept = async (tags: readonly string[]) => {
    const job = await gateway.addJob({ tags });
    return await gateway.observe(job, { kind: "accepted", requestId: "request-1" });
  };
  const text = `subscription ($filter: JobFilter) { jobsUpdated(filter: $filter) { job { id tags } } }`;
  const stream = await watch(gateway, { filter: { tag: "blue" } }, text);
  await accept(["red"]);
  gateway.statements.length = 0;
  const { id } = await accept(["red", "blue"]);
  expect(await next(stream)).toEqual({ jobsUpdated: { job: { id, tags: ["red", "blue"] } } });
  expect(gateway.statements.filter((sql) => /^select.*"job_tags"/s.test(sql))).toEqual([]);
  await stream.return();
});

test("a filter by owner lets through that owner's changes alone", async () => {
  const gateway = await openInProcessGateway();
  const change = async (ownerId: string) => {
    const job = await gateway.addJob({ ownerId });
    return await gateway.observe(job, { kind: "accepted", requestId: "r" });
  };
  const text = `subscription ($filter: JobFilter) { jobsUpdated(filter: $filter) { job { id } } }`;
  const stream = await watch(gateway, { filter: { ownerId: "web" } }, text);
  await change("app");
  const { id } = await change("web");
  expect(await next(stream)).toEqual({ jobsUpdated: { job: { id } } });
  await stream.return();
});

test("a cursor of another database is one reset without a job, and no error", async () => {
  const gateway = await openInProcessGateway();
  const other = await openInProcessGateway();
  const stream = await watch(gateway, { after: await other.store.feed.readHead() });
  const reset = await next(stream);
  expect(reset).toMatchObject({ jobsUpdated: { reset: true, reason: null, job: null } });
  const job = await addJob(gateway);
  expect(await next(stream)).toMatchObject({ jobsUpdated: { reset: false, job: { id: job.id } } });
  await stream.return();

  const again = await watch(gateway, { after: cursorOf(reset) });
  expect(await next(again)).toMatchObject({ jobsUpdated: { reset: false, job: { id: job.id } } });
  await again.return();
});

test.each([
  { after: "junk" },
  { after: "\u0000" },
  { filter: { deploymentId: "../x" } },
  { filter: { tag: "" } },
  { filter: { text: "cat" } },
  { filter: { ownerId: "\u0000" } },
])("%j is answered with BAD_USER_INPUT", async (variables) => {
  const gateway = await openInProcessGateway();
  const answer = await gateway.subscribe(WATCH, variables);
  expect(answer).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
});

const TYPED = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  outputSchema: { properties: { text: { type: "string" } } },
});
const JOB_FIELDS = Object.values(
  assertObjectType(createSchema(TYPED).getType("Job")).getFields(),
).map(({ name, type }) => (isLeafType(getNamedType(type)) ? name : `${name} { __typename }`));

test.each(JOB_FIELDS)(
  "%s of a job that was deleted meanwhile is never told as if it were missing",
  async (field) => {
    const gateway = await openInProcessGateway({ catalogue: TYPED });
    const after = await gateway.store.feed.readHead();
    const text = `subscription ($after: String) { jobsUpdated(after: $after) { job { ${field} } } }`;
    const job = await addJob(gateway, "wg");
    await gateway.observe(job, { kind: "succeeded", output: { text: "done" }, finishedAt: null });
    const stream = await watch(gateway, { after }, text);
    await gateway.store.jobs.delete(job.id);
    await addJob(gateway, "wg");
    const told = await next(stream);
    expect(told).not.toMatchObject({ jobsUpdated: { job: null } });
    expect(told).not.toMatchObject({ jobsUpdated: { job: { history: [] } } });
    await stream.return();
  },
);

test("of a job that was deleted nothing is told where its documents are asked for", async () => {
  const gateway = await openInProcessGateway();
  const after = await gateway.store.feed.readHead();
  const job = await addJob(gateway);
  await gateway.observe(job, { kind: "succeeded", output: { text: "done" }, finishedAt: null });
  const stream = await watch(gateway, { after });
  await gateway.store.jobs.delete(job.id);
  const other = await addJob(gateway);
  expect(await next(stream)).toMatchObject({
    jobsUpdated: { reset: false, job: { id: other.id } },
  });
  await stream.return();
});

test("documents that can't be read cost the change its fields, and not the stream", async () => {
  const unreadable = () => Promise.reject(new Error("unreadable"));
  const gateway = await openInProcessGateway({
    reads: { readDocuments: unreadable, readHistory: unreadable },
  });
  const stream = await watch(gateway);
  const job = await addJob(gateway);
  const told = (await stream.next()).value;
  expect(told).toMatchObject({ errors: [{ extensions: { code: "INTERNAL_SERVER_ERROR" } }] });
  await gateway.observe(job, { kind: "running" });
  expect((await stream.next()).done).toBe(false);
  await stream.return();
});

test("1,000 dashboards in step cost one statement for the documents of a change, and one for its history", async () => {
  const gateway = await openInProcessGateway();
  const streams = await Promise.all(Array.from({ length: 1_000 }, () => watch(gateway)));
  const job = await addJob(gateway);
  await Promise.all(streams.map(next));
  gateway.statements.length = 0;
  await gateway.observe(job, { kind: "succeeded", output: { text: "done" }, finishedAt: null });
  const told = await Promise.all(streams.map(next));
  for (const data of told) {
    expect(data).toMatchObject({ jobsUpdated: { job: { output: { text: "done" } } } });
  }
  const reads = gateway.statements.filter((sql) => sql.startsWith("select"));
  expect(reads.filter((sql) => sql.includes('"output"'))).toHaveLength(1);
  expect(reads.filter((sql) => sql.includes('"job_events"'))).toHaveLength(1);
  await Promise.all(streams.map((stream) => stream.return()));
});

test("watchers of one owner who came at different moments read nothing at others' changes, and share what they read at their own", async () => {
  const viewer = createViewer({ ownerId: "quiet", scopes: new Set(["jobs:read"]) });
  const gateway = await openInProcessGateway({ viewer });
  const change = async (ownerId: string) => {
    const job = await gateway.addJob({ ownerId });
    return await gateway.observe(job, { kind: "accepted", requestId: "r" });
  };
  const streams: Awaited<ReturnType<typeof watch>>[] = [];
  const first: ReturnType<typeof next>[] = [];
  for (let count = 0; count < 20; count++) {
    const stream = await watch(gateway, {}, "subscription { jobsUpdated { job { id } } }");
    streams.push(stream);
    first.push(next(stream));
    await change("busy");
  }
  await settle();
  gateway.statements.length = 0;
  for (let count = 0; count < 5; count++) await change("busy");
  await settle();
  expect(gateway.statements.filter(isFeedRead)).toEqual([]);

  await change("quiet");
  await Promise.all(first);
  gateway.statements.length = 0;
  const told = streams.map(next);
  const { id } = await change("quiet");
  expect(await Promise.all(told)).toEqual(streams.map(() => ({ jobsUpdated: { job: { id } } })));
  // Where the feed ends, and what leads there.
  expect(gateway.statements.filter(isFeedRead)).toHaveLength(2);
  await Promise.all(streams.map((stream) => stream.return()));
});

test("a stream that fails ends with the error as its last event", async () => {
  const pull = vi.fn().mockRejectedValueOnce(new Error("broken")).mockResolvedValue(OVER);
  const watchJobs = async () => new Stream<JobChange>(pull, () => undefined);
  const stream = await watch(await openInProcessGateway({ watchJobs }));
  expect((await stream.next()).value).toMatchObject({
    errors: [{ extensions: { code: "INTERNAL_SERVER_ERROR" } }],
  });
  expect((await stream.next()).done).toBe(true);
});

test("an empty cursor begins with a reset, and misses nothing from then on", async () => {
  const gateway = await openInProcessGateway();
  await addJob(gateway);
  const stream = await watch(gateway, { after: "" });
  expect(await next(stream)).toMatchObject({ jobsUpdated: { reset: true, job: null } });
  const job = await addJob(gateway);
  expect(await next(stream)).toMatchObject({ jobsUpdated: { reset: false, job: { id: job.id } } });
  await stream.return();
});
