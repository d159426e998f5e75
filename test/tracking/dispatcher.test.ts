import { sql } from "kysely";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";

import { createCatalogue, toUnlisted } from "../../src/engine/deployments/catalogue.ts";
import { toHold } from "../../src/engine/job/hold.ts";
import type { QueueOptions } from "../../src/engine/job/hold.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { createAdmissions } from "../../src/engine/store/admission.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { Tracking } from "../../src/engine/tracking/tracking.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../support/viewers.ts";
import { connectTracking, openUpstreamAndStore } from "./connect-submitter.ts";

const VIEWER = createViewer({ ownerId: "mine", limits: { jobsPerDay: 100 } });

const VIEWER_WITH_KEY = createViewer({ ownerId: "mine", credential: { id: "key" } });

let upstream: FaultyUpstream;
let store: JobStore;
let tracking: Tracking;
const revoked = new Set<string | null>();

beforeEach(async () => {
  revoked.clear();
  ({ upstream, store } = await openUpstreamAndStore());
  await connect();
});

async function connect(options: Partial<Parameters<typeof connectTracking>[0]> = {}) {
  const isRevoked: typeof options.isRevoked = async ({ id }) => revoked.has(id);
  const connected = connectTracking({
    ...{ upstream, store, submitTimeoutSeconds: 10, isRevoked },
    ...options,
  });
  tracking = connected;
  onTestFinished(() => connected.close());
  await connected.start();
}

async function submit(
  queue: Partial<QueueOptions> | null = {},
  {
    deploymentId = "d",
    key = null,
    viewer = VIEWER,
  }: {
    readonly deploymentId?: string;
    readonly key?: string | null;
    readonly viewer?: typeof VIEWER;
  } = {},
): Promise<Job> {
  const { job } = await tracking.submitter.submitJob({
    ...{ viewer, deploymentId, input: { prompt: "Glow" }, idempotencyKey: key },
    queue: queue && { priority: 0, sendAfter: null, sendBefore: null, hold: false, ...queue },
  });
  return job;
}

async function read({ id }: Job): Promise<Job> {
  const job = await store.jobs.read(id);
  if (job === null) throw new Error("it is gone");
  return job;
}

async function until(job: Job, expected: Partial<Job>): Promise<void> {
  await vi.waitFor(async () => expect(await read(job)).toMatchObject(expected), {
    timeout: 20_000,
    interval: 20,
  });
}

async function reasonOf({ id }: Job) {
  const [facts = null] = await store.holds.readMany([id]);
  return facts && toHold(facts, false).reason;
}

/** As if what jobs wait for until a time had come. */
async function letTimeCome(): Promise<void> {
  await sql`update holds set due_at = 1, send_after = 1 where due_at is not null`.execute(
    store.database.queries,
  );
  await sql`update pauses set paused_until = 1`.execute(store.database.queries);
}

const posts = (): number => upstream.count("submit");

/** How many jobs of the day are counted. */
async function countJobs(): Promise<number> {
  return (await store.quotas.count("jobs", "mine")).count - 1;
}

test("a submit with `queue` is answered before its POST, which follows at once", async () => {
  const release = upstream.hold("submit");
  const job = await submit({});
  expect(job).toMatchObject({ status: "HELD", sentAt: null, claim: 0 });
  await upstream.whenRequested("submit", 1);
  await until(job, { status: "SUBMITTING", claim: 1 });
  release();
  await until(job, { status: "IN_QUEUE", claim: 1 });
  expect(posts()).toBe(1);
});

test("a job that waits is sent once it is released, and by then may have changed its place", async () => {
  const [first, second] = [await submit({ hold: true }), await submit({ hold: true })];
  await tracking.holder.prioritizeJob(second.id, VIEWER, 5);
  const release = upstream.hold("submit");
  for (const { id } of [first, second]) await tracking.holder.releaseJob(id, VIEWER);
  release();
  for (const job of [first, second]) await until(job, { status: "IN_QUEUE" });
  await expect(tracking.holder.holdJob(first.id, VIEWER)).rejects.toMatchObject({
    name: "JobNotHeldError",
  });
  await expect(
    tracking.holder.holdJob(first.id, createViewer({ ownerId: "other" })),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(posts()).toBe(2);
});

test("a key finds its job while that waits, and once it has ended unsent", async () => {
  const job = await submit({ hold: true }, { key: "k" });
  expect((await submit({ hold: false }, { key: "k" })).id).toBe(job.id);
  expect((await submit(null, { key: "k" })).id).toBe(job.id);
  await tracking.canceller.cancelJob(job.id, "mine");
  expect(await submit({}, { key: "k" })).toMatchObject({ id: job.id, status: "CANCELLED" });
  expect(posts()).toBe(0);
});

test("a cancel of a job that waits is certain, and refunds the job of its day", async () => {
  const job = await submit({ hold: true });
  expect(await countJobs()).toBe(1);
  const { status } = await tracking.canceller.cancelJob(job.id, "mine");
  expect(status).toBe("CANCELLED");
  expect((await store.quotas.count("jobs", "mine")).count).toBe(2);
});

test("a job whose `sendBefore` passes ends unsent, whatever holds it", async () => {
  const sendBefore = new Date(Date.now() + 300);
  const job = await submit({ hold: true, sendBefore });
  await until(job, {
    status: "FAILED",
    error: expect.objectContaining({ code: "NOT_SENT_IN_TIME" }),
  });
  expect(posts()).toBe(0);
});

test.each([
  ["in the past", { sendBefore: new Date(0) }],
  ["before its `sendAfter`", { sendBefore: new Date(4e12), sendAfter: new Date(5e12) }],
])("a `sendBefore` %s is refused", async (_when, queue) => {
  await expect(submit(queue)).rejects.toMatchObject({
    issues: [{ path: ["queue", "sendBefore"] }],
  });
});

test("a job waits for its `sendAfter`", async () => {
  const job = await submit({ sendAfter: new Date(Date.now() + 3_600_000) });
  expect(await reasonOf(job)).toBe("SCHEDULED");
  await letTimeCome();
  await until(job, { status: "IN_QUEUE" });
});

test.each(["unauthorized", "insufficient-funds", "payment-required"] as const)(
  "after %s all jobs wait, and one of them tries a minute later",
  async (fault) => {
    upstream.setFault(fault, ["submit"]);
    const tried = await submit({});
    await vi.waitFor(async () => expect(await store.holds.readOutage()).toBe("wait"));
    await until(tried, { status: "HELD", claim: 1, sentAt: null });
    const other = await submit({});
    expect([await reasonOf(tried), await reasonOf(other)]).toEqual(["OUTAGE", "OUTAGE"]);
    upstream.setFault(null);
    expect(posts()).toBe(1);
    await letTimeCome();
    for (const job of [tried, other]) await until(job, { status: "IN_QUEUE" });
    expect(await store.holds.readOutage()).toBe("no outage");
    expect(posts()).toBe(3);
  },
);

test("a job that RunComfy is too busy for is put back, and tried again later", async () => {
  upstream.setFault("rate-limited-without-time", ["submit"]);
  const job = await submit({});
  await until(job, { status: "HELD", claim: 1 });
  upstream.setFault(null);
  await letTimeCome();
  await until(job, { status: "IN_QUEUE", claim: 2 });
});

test("a job that never reached RunComfy is put back, and tried again later", async () => {
  const port = Number(new URL(upstream.url).port);
  await upstream.close();
  const job = await submit({});
  await until(job, { status: "HELD", claim: 1 });
  const back = await startFaultyUpstream({ port });
  onTestFinished(() => back.close());
  await letTimeCome();
  await until(job, { status: "IN_QUEUE" });
  expect(back.count("submit")).toBe(1);
});

test("any other refusal ends a job that waited, which keeps its key and its row", async () => {
  upstream.setFault("validation", ["submit"]);
  const job = await submit({}, { key: "k" });
  const error = {
    code: "REFUSED",
    message: expect.stringContaining("`width` must be at least 64"),
  };
  await until(job, { status: "FAILED", error: expect.objectContaining(error) });
  expect((await submit({}, { key: "k" })).id).toBe(job.id);
  expect(await countJobs()).toBe(0);
});

test.each(["timeout-408", "envelope-503", "reset-before-answer"] as const)(
  "after %s a job that waited is unknown, and never sent again",
  async (fault) => {
    upstream.setFault(fault, ["submit"]);
    const job = await submit({});
    await until(job, {
      status: "FAILED",
      error: expect.objectContaining({ code: "SUBMISSION_UNKNOWN" }),
    });
    expect(posts()).toBe(1);
    expect(await countJobs()).toBe(1);
  },
);

test("a cancel that meets a POST is kept: put back, the job ends CANCELLED", async () => {
  upstream.setFault("rate-limited-without-time", ["submit"]);
  const release = upstream.hold("submit");
  const job = await submit({});
  await upstream.whenRequested("submit", 1);
  const cancelling = tracking.canceller.cancelJob(job.id, "mine");
  await vi.waitFor(async () => {
    const { rows } = await sql`select 1 from holds where is_cancelled = 1`.execute(
      store.database.queries,
    );
    expect(rows).toHaveLength(1);
  });
  release();
  expect((await cancelling).status).toBe("CANCELLED");
  expect(posts()).toBe(1);
});

test("what a stop finds before its POST goes back, and another gateway sends it", async () => {
  const job = await submit({ hold: true });
  tracking.stopSubmits();
  await tracking.holder.releaseJob(job.id, VIEWER);
  await tracking.close();
  expect(await read(job)).toMatchObject({ status: "HELD" });
  expect(posts()).toBe(0);
  await connect();
  await until(job, { status: "IN_QUEUE" });
  expect(posts()).toBe(1);
});

test("owners who can send nothing are asked seldom, whoever of them leaves", async () => {
  await store.pausedDeployments.pause("d", "Moving");
  const owners = ["a", "b", "c"].map((ownerId) => createViewer({ ownerId }));
  const [first] = await Promise.all(owners.map((viewer) => submit({}, { viewer })));
  const { claim } = store.holds;
  let claims = 0;
  store.holds.claim = (...given) => {
    claims += 1;
    return claim(...given);
  };
  await tracking.canceller.cancelJob(first?.id ?? "", "a");
  // Each is submitted and sent at once, past those who wait.
  for (let index = 0; index < 5; index++)
    await until(await submit({}, { deploymentId: "open" }), { status: "IN_QUEUE" });
  // Each wake asks the two once more at most.
  expect(claims).toBeLessThan(100);
});

test("jobs of a key at its limit keep no others of its owner waiting", async () => {
  await tracking.close();
  await connect({
    admission: {
      ...createAdmissions([]),
      claim: async (_transaction, job) =>
        job.deploymentId === "limited" ? "key-limited" : "admitted",
    },
  });
  const limited = await submit({}, { viewer: VIEWER_WITH_KEY, deploymentId: "limited" });
  const other = await submit({});
  await until(other, { status: "IN_QUEUE" });
  expect(await read(limited)).toMatchObject({ status: "HELD" });
});

test("a submit whose insert was not answered is the caller's job where its row is there", async () => {
  const { insert } = store.jobs;
  store.jobs.insert = async (row) => {
    await insert(row);
    throw new Error("the connection was lost");
  };
  const job = await submit({ hold: true });
  expect(job.status).toBe("HELD");
  store.jobs.insert = async () => Promise.reject(new Error("the connection was lost"));
  await expect(submit({ hold: true })).rejects.toThrow("the connection was lost");
  expect(await countJobs()).toBe(1);
});

test("a job whose credential was revoked, or whose deployment is no longer listed, waits until it is released", async () => {
  const viewer = createViewer({
    ownerId: "mine",
    credential: { id: "gone", signedBy: "", needsApproval: false },
  });
  revoked.add("gone");
  const job = await submit({}, { viewer });
  await vi.waitFor(async () => expect(await reasonOf(job)).toBe("BY_HAND"), 10_000);
  await tracking.close();
  await connect({ catalogue: createCatalogue([toUnlisted("other")]) });
  revoked.clear();
  await tracking.holder.releaseJob(job.id, VIEWER);
  await vi.waitFor(async () => expect((await read(job)).claim).toBe(2), 10_000);
  await vi.waitFor(async () => expect(await reasonOf(job)).toBe("BY_HAND"), 10_000);
  expect(posts()).toBe(0);
});

test("a job of a revoked credential is sent for whoever releases it", async () => {
  const credential = { id: "gone", signedBy: "", needsApproval: false };
  revoked.add("gone");
  const job = await submit(
    { hold: true },
    { viewer: createViewer({ ownerId: "mine", credential }) },
  );
  await tracking.holder.releaseJob(job.id, VIEWER_WITH_KEY);
  await until(job, { status: "IN_QUEUE" });
});

test("a credential that needs approval has every submit held, until another one approves or refuses it", async () => {
  const credential = { id: "agent", signedBy: "", needsApproval: true };
  const agent = createViewer({ ownerId: "mine", credential });
  const person = createViewer({
    ownerId: "mine",
    credential: { id: "person", signedBy: "", needsApproval: false },
  });
  const [sent, refused] = [
    await submit(null, { viewer: agent }),
    await submit(null, { viewer: agent }),
  ];
  expect(await reasonOf(sent)).toBe("APPROVAL");
  const { holder } = tracking;
  await expect(holder.approveJob(sent.id, agent)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await holder.approveJob(sent.id, person);
  expect(await holder.refuseJob(refused.id, person, "too dear")).toMatchObject({
    error: { code: "NOT_APPROVED", message: expect.stringContaining("too dear.") },
  });
  await until(sent, { status: "IN_QUEUE" });
  await expect(holder.approveJob(sent.id, person)).rejects.toMatchObject({
    name: "JobNotHeldError",
  });
  expect(posts()).toBe(1);
});

test("a claim that fails takes no submit's place", async () => {
  await tracking.close();
  const claim = vi.fn<JobStore["holds"]["claim"]>(store.holds.claim);
  claim.mockRejectedValueOnce(new Error("the database is away"));
  await connect({ store: { ...store, holds: { ...store.holds, claim } }, submitsAtOnce: 1 });
  const job = await submit({});
  await until(job, { status: "IN_QUEUE" });
  expect(claim.mock.results.length).toBeGreaterThan(1);
});
