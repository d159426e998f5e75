import type { ExecutionResult } from "graphql";
import { assertObjectType, getNamedType, isLeafType } from "graphql";
import { expect, test } from "vitest";

import { Stream } from "../../src/runtime/stream.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
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

/** A job that the upstream has: from then on it is reported. */
async function addJob(gateway: Gateway, deploymentId?: string) {
  const job = await gateway.addJob(deploymentId === undefined ? {} : { deploymentId });
  return await gateway.observe(job, { kind: "accepted", requestId: "request-1" });
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
  const history = [{ version: 1 }, { version: 2 }];
  expect(await next(stream)).toMatchObject({
    jobsUpdated: { reset: false, reason: "STATUS", job: { id: job.id, version: 2, history } },
  });
  const moved = await gateway.observe(job, { kind: "queued", queuePosition: 2 });
  expect(await next(stream)).toMatchObject({
    jobsUpdated: { reason: "PROGRESS", job: { id: job.id, version: 3 } },
  });
  const output = { text: "done" };
  await gateway.observe(moved, { kind: "succeeded", output, finishedAt: null });
  expect(await next(stream)).toMatchObject({
    jobsUpdated: { reason: "STATUS", job: { output, history: [...history, { version: 4 }] } },
  });
  const other = await addJob(gateway);
  expect(await next(stream)).toMatchObject({ jobsUpdated: { job: { id: other.id } } });
  await stream.return();
});

test("a filter lets through what matches in its newest state", async () => {
  const gateway = await openInProcessGateway();
  const filter = { status: ["IN_PROGRESS"], deploymentId: "cold-light", tag: "b" };
  const stream = await watch(gateway, { filter });
  const facts = { deploymentId: "cold-light", tags: ["a", "b"] };
  await gateway.observe(await gateway.addJob({ ...facts, tags: ["a"] }), { kind: "running" });
  await gateway.observe(await gateway.addJob({ tags: ["b"] }), { kind: "running" });
  const job = await gateway.addJob(facts);
  const accepted = await gateway.observe(job, { kind: "accepted", requestId: "request-1" });
  await gateway.observe(accepted, { kind: "running" });
  const reported = { jobsUpdated: { job: { id: job.id, status: "IN_PROGRESS" } } };
  expect(await next(stream)).toMatchObject(reported);
  await stream.return();
});

test("an empty cursor is one reset without a job, and no error", async () => {
  const gateway = await openInProcessGateway();
  const stream = await watch(gateway, { after: "" });
  const reset = await next(stream);
  expect(reset).toMatchObject({ jobsUpdated: { reset: true, reason: null, job: null } });
  const job = await addJob(gateway);
  expect(await next(stream)).toMatchObject({ jobsUpdated: { job: { id: job.id } } });
  const again = await watch(gateway, { after: cursorOf(reset) });
  expect(await next(again)).toMatchObject({ jobsUpdated: { reset: false, job: { id: job.id } } });
  await stream.return();
  await again.return();
});

test("what can't be a cursor, or in a filter, is answered with BAD_USER_INPUT", async () => {
  const gateway = await openInProcessGateway();
  for (const variables of [
    { after: "junk" },
    { after: "\u0000" },
    { filter: { deploymentId: "../x" } },
    { filter: { tag: "" } },
    { filter: { text: "cat" } },
    { filter: { ownerId: "\u0000" } },
  ])
    expect(await gateway.subscribe(WATCH, variables)).toMatchObject({
      errors: [{ extensions: { code: "BAD_USER_INPUT" } }],
    });
});

const TYPED = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  outputSchema: { properties: { text: { type: "string" } } },
});
const JOB_FIELDS = Object.values(
  assertObjectType(createSchema(TYPED).getType("Job")).getFields(),
).map(({ name, type }) => (isLeafType(getNamedType(type)) ? name : `${name} { __typename }`));

test("no field of a job that was deleted meanwhile is reported as if it were missing", async () => {
  const gateway = await openInProcessGateway({ catalogue: TYPED });
  const after = await gateway.store.feed.readHead();
  const job = await addJob(gateway, "wg");
  await gateway.observe(job, { kind: "succeeded", output: { text: "done" }, finishedAt: null });
  const streams = await Promise.all(
    JOB_FIELDS.map((field) => {
      const text = `subscription ($after: String) { jobsUpdated(after: $after) { job { id ${field} } } }`;
      return watch(gateway, { after }, text);
    }),
  );
  await gateway.store.jobs.delete(job.id);
  const other = await addJob(gateway, "wg");
  for (const [index, stream] of streams.entries()) {
    const field = JOB_FIELDS[index] ?? "";
    const reported = await next(stream);
    expect(reported, field).not.toMatchObject({ jobsUpdated: { job: null } });
    expect(reported, field).not.toMatchObject({ jobsUpdated: { job: { history: [] } } });
    // Where what it asks for is gone, the change is.
    if (/^(input|output|typedOutput|assets|history)/.test(field))
      expect(reported, field).toMatchObject({ jobsUpdated: { job: { id: other.id } } });
    await stream.return();
  }
});

test("documents that can't be read cost the change its fields, and not the stream", async () => {
  const unreadable = () => Promise.reject(new Error("unreadable"));
  const gateway = await openInProcessGateway();
  gateway.store.documents.read = unreadable;
  gateway.store.jobs.readHistories = unreadable;
  const stream = await watch(gateway);
  const job = await addJob(gateway);
  const reported = (await stream.next()).value;
  expect(reported).toMatchObject({ errors: [{ extensions: { code: "INTERNAL_SERVER_ERROR" } }] });
  await gateway.observe(job, { kind: "running" });
  expect((await stream.next()).done).toBe(false);
  await stream.return();
});
