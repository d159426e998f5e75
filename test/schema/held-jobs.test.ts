import { expect, test } from "vitest";

import type { QueueOptions } from "../../src/engine/job/hold.ts";
import { HOLD } from "../store/store-jobs.ts";
import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

const JOBS = `... on Error { message } ... on JobNotHeldError { job { id } }`;
const LATER = new Date("2100-01-01");
const OPTIONS = HOLD.options;

/** The mutation's results, by the names of their types. */
async function change(
  { answer }: Awaited<ReturnType<typeof openInProcessGateway>>,
  field: string,
  ids: readonly string[],
  viewer = createViewer(),
) {
  const [name = "", rest = ""] = field.split(" ", 2);
  const success = `${name.charAt(0).toUpperCase()}${name.slice(1, -1)}Success`;
  const text = `mutation ($ids: [ID!]!) { results: ${name}(ids: $ids${rest}) {
    __typename ... on ${success} { job { id status error { code message } hold { reason until ahead } } } ${JOBS} } }`;
  return await answer(text, { ids }, viewer);
}

test("a HELD job says why it waits and until when, and how many of its owner's go before it", async () => {
  const gateway = await openInProcessGateway();
  const add = (options: Partial<QueueOptions>, needsApproval = false) =>
    gateway.addJob({ hold: { ...HOLD, needsApproval, options: { ...OPTIONS, ...options } } });
  const jobs = {
    first: await add({ priority: 1 }),
    next: await add({}),
    scheduled: await add({ sendAfter: LATER }),
    byHand: await add({ hold: true, sendAfter: LATER }),
    unapproved: await add({ hold: true }, true),
  };
  const { data } = await gateway.answer(
    `{ heldJobs { id status estimate { basedOn } hold { reason until priority ahead } isCancellable } }`,
  );
  const held = (id: string, reason: string, ahead: number | null, until: string | null = null) => ({
    ...{ id, status: "HELD", estimate: null, isCancellable: true },
    hold: { reason, until, priority: id === jobs.first.id ? 1 : 0, ahead },
  });
  const found: readonly { readonly id: string }[] = Object(data)["heldJobs"];
  expect(found.toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual(
    [
      held(jobs.first.id, "TURN", 0),
      held(jobs.next.id, "TURN", 1),
      held(jobs.scheduled.id, "SCHEDULED", null, LATER.toISOString()),
      held(jobs.byHand.id, "BY_HAND", null),
      held(jobs.unapproved.id, "APPROVAL", null),
    ].toSorted((one, other) => (one.id < other.id ? -1 : 1)),
  );
  expect(found[0]?.id).toBe(jobs.first.id);
});

test("a job that is not HELD has no hold, and nobody asks the database for one", async () => {
  const gateway = await openInProcessGateway();
  const { id } = await gateway.addJob();
  gateway.statements.length = 0;
  const { data } = await gateway.answer(`{ job(id: "${id}") { hold { reason ahead } } }`);
  expect(data).toEqual({ job: { hold: null } });
  expect(gateway.statements).toHaveLength(1);
});

test("how many jobs go before it is read only where it is asked for, and at once for a whole list", async () => {
  const gateway = await openInProcessGateway();
  for (let job = 0; job < 5; job++) await gateway.addJob({ hold: HOLD });
  const count = async (fields: string) => {
    gateway.statements.length = 0;
    await gateway.answer(`{ heldJobs { hold { ${fields} } } }`);
    return gateway.statements.length;
  };
  const without = await count("reason since until");
  expect(await count("reason ahead")).toBe(without + 1);
});

test("each change of HELD jobs answers for each job, in the order of the ids", async () => {
  const gateway = await openInProcessGateway();
  const { id } = await gateway.addJob({ hold: HOLD });
  const { id: sent } = await gateway.addJob();
  const results = async (field: string, viewer = createViewer()) => {
    const { data } = await change(gateway, field, [sent, id, "job_unknown", id], viewer);
    return Object(data)["results"];
  };
  const toExpected = (type: string, hold: object) => {
    const changed = { __typename: type, job: { id, status: "HELD", error: null, hold } };
    return [
      { __typename: "JobNotHeldError", message: expect.any(String), job: { id: sent } },
      changed,
      { __typename: "JobNotFoundError", message: expect.any(String) },
      changed,
    ];
  };
  const byHand = { reason: "BY_HAND", until: null, ahead: null };
  const turn = { reason: "TURN", until: null, ahead: 0 };
  expect(await results("holdJobs")).toEqual(toExpected("HoldJobSuccess", byHand));
  expect(await results("prioritizeJobs ,priority:-100")).toEqual(
    toExpected("PrioritizeJobSuccess", byHand),
  );
  expect(await results("releaseJobs")).toEqual(toExpected("ReleaseJobSuccess", turn));
});

test("an approval by another credential ends the wait, and one by whoever submitted or released the job is FORBIDDEN in its place", async () => {
  const gateway = await openInProcessGateway();
  const add = (submittedBy: string) =>
    gateway.addJob({ hold: { ...HOLD, submittedBy, needsApproval: true } });
  const [own, others] = [await add("agent"), await add("other agent")];
  const agent = createViewer({ credential: { id: "agent" } });
  const listed = await gateway.answer(`{ jobsToApprove { id hold { reason } } }`, {}, agent);
  const hold = { reason: "APPROVAL" };
  expect(listed.data).toEqual({
    jobsToApprove: [
      { id: own.id, hold },
      { id: others.id, hold },
    ].toSorted((one, other) => (one.id < other.id ? -1 : 1)),
  });

  const { data, errors } = await change(gateway, "approveJobs", [others.id, own.id], agent);
  const approved = { id: others.id, status: "HELD", error: null };
  expect(data).toMatchObject({
    results: [
      { __typename: "ApproveJobSuccess", job: { ...approved, hold: { reason: "TURN" } } },
      null,
    ],
  });
  expect(errors?.map((error) => error.toJSON())).toMatchObject([
    { path: ["results", 1], extensions: { code: "FORBIDDEN" } },
  ]);
  const person = createViewer({ credential: { id: "person" } });
  expect((await change(gateway, "approveJobs", [own.id], person)).data).toMatchObject({
    results: [{ job: { id: own.id, hold: { reason: "TURN" } } }],
  });
});

test("a refused job is FAILED with the reason, and nothing else can be refused", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob({ hold: { ...HOLD, needsApproval: true } });
  const byHand = await gateway.addJob({ hold: { ...HOLD, options: { ...OPTIONS, hold: true } } });
  const { data } = await change(gateway, `refuseJobs ,reason:"Too_large"`, [job.id, byHand.id]);
  const message =
    "The job was not approved: Too_large. It was not sent and costs nothing. Change what was objected to, then submit it again.";
  expect(data).toMatchObject({
    results: [
      {
        job: { id: job.id, status: "FAILED", error: { code: "NOT_APPROVED", message }, hold: null },
      },
      { __typename: "JobNotHeldError", job: { id: byHand.id } },
    ],
  });
});

test.each([
  ["prioritizeJobs ,priority:101", "`priority` must be from -100 to 100, not 101."],
  [`refuseJobs ,reason:""`, "`reason` must have 1 to 500 characters. Say what is to be changed."],
])("%s is refused", async (field, message) => {
  const gateway = await openInProcessGateway();
  const { errors } = await change(gateway, field, ["job_1"]);
  expect(errors?.[0]?.toJSON()).toMatchObject({ message, extensions: { code: "BAD_USER_INPUT" } });
});

test.each(["heldJobs", "jobsToApprove"])("%s lists 1 to 100 jobs", async (field) => {
  const gateway = await openInProcessGateway();
  for (const first of [0, 101])
    expect((await gateway.answer(`{ ${field}(first: ${first}) { id } }`)).errors).toMatchObject([
      { message: `\`first\` must be from 1 to 100, not ${first}.` },
    ]);
});

const QUEUE = { priority: 5, sendAfter: LATER, sendBefore: null, hold: true };
const GIVEN = `queue: { priority: 5, sendAfter: "2100-01-01T00:00:00Z", hold: true }`;
const WHOLE = { priority: 0, sendAfter: null, sendBefore: null, hold: false };

test.each([
  ["submitJob", `submitJob(deploymentId: "d", input: {}, ${GIVEN})`, QUEUE],
  ["rerunJob", `rerunJob(id: "job_1", ${GIVEN})`, QUEUE],
  [
    "an item of submitJobs",
    `submitJobs(items: [{ deploymentId: "d", input: {}, ${GIVEN} }])`,
    QUEUE,
  ],
  ["submitJob with {}", `submitJob(deploymentId: "d", input: {}, queue: {})`, WHOLE],
  [
    "submitJob with nulls",
    `submitJob(deploymentId: "d", input: {}, queue: { priority: null, hold: null })`,
    WHOLE,
  ],
  ["submitJob without", `submitJob(deploymentId: "d", input: {})`, null],
])("%s passes on how its job waits", async (_title, field, queue) => {
  const asked: unknown[] = [];
  const submit: Stubs["submitJob"] & Stubs["rerunJob"] = async (request) => {
    asked.push(request.queue);
    return { job: await gateway.addJob({ hold: HOLD }), warnings: [], wasThere: false };
  };
  const gateway = await openInProcessGateway({ tracking: { submitJob: submit, rerunJob: submit } });
  const { errors } = await gateway.answer(`mutation { ${field} { __typename } }`);
  expect(errors).toBeUndefined();
  expect(asked).toEqual([queue]);
});

test("of two items with one key, the first says how their job waits", async () => {
  const asked: unknown[] = [];
  const submitJob: Stubs["submitJob"] = async ({ idempotencyKey, queue }) => {
    asked.push([idempotencyKey, queue?.priority ?? null]);
    return { job: await gateway.addJob({ hold: HOLD }), warnings: [], wasThere: false };
  };
  const gateway = await openInProcessGateway({ tracking: { submitJob } });
  const toItem = (rest: string) => `{ deploymentId: "d", input: {}, ${rest} }`;
  const items = [
    `idempotencyKey: "a", queue: { priority: 1 }`,
    `idempotencyKey: "b"`,
    `idempotencyKey: "a", queue: { priority: 2 }`,
    `idempotencyKey: "b", queue: { priority: 3 }`,
    `queue: { priority: 4 }`,
    `queue: { priority: 5 }`,
  ].map(toItem);
  await gateway.answer(`mutation { submitJobs(items: [${items.join()}]) { __typename } }`);
  expect(asked).toEqual([
    ["a", 1],
    ["b", null],
    ["a", 1],
    ["b", null],
    [null, 4],
    [null, 5],
  ]);
});
