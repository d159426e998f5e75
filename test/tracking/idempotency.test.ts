import { beforeEach, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { Submitter } from "../../src/tracking/submit-job.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { connectSubmitter, endOf, openUpstreamAndStore } from "./connect-submitter.ts";

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;

beforeEach(async () => {
  ({ upstream, store } = await openUpstreamAndStore());
  submitter = connectSubmitter({ upstream, store });
});

/** Submits under the one key of these tests. */
async function submit(prompt: string, deploymentId = "dep", by = submitter): Promise<Job> {
  const request = { viewer: LOCAL_VIEWER, deploymentId, input: { prompt }, idempotencyKey: "key" };
  return (await by.submitJob(request)).job;
}

function conflictWith(job: Job): object {
  return { name: "IdempotencyConflictError", jobId: job.id };
}

test.each(["first", "second"])(
  "where a retry comes %s and a call with another input beside it, the retry gets its job and the other a conflict with that",
  async (comes) => {
    const job = await submit("first");
    const { promise, resolve } = Promise.withResolvers<void>();
    const { readKeyed } = store.jobs;
    store.jobs.readKeyed = async (...key) => {
      store.jobs.readKeyed = readKeyed;
      await promise;
      return await readKeyed(...key);
    };
    const before = comes === "second" ? endOf(submit("other")) : null;
    const retry = submit("first");
    const other = before ?? endOf(submit("other"));
    resolve();
    expect(await other).toMatchObject(conflictWith(job));
    expect((await retry).id).toBe(job.id);
  },
);

test("a conflict with a call under way waits for the job that it becomes", async () => {
  const release = upstream.hold("submit");
  const first = submit("first");
  await upstream.whenRequested("submit", 1);
  const others = Promise.all([submit("other"), submit("another"), submit("other")].map(endOf));
  release();
  const conflict = conflictWith(await first);
  expect(await others).toMatchObject([conflict, conflict, conflict]);
  expect(upstream.count("submit")).toBe(1);
});

test("behind a call that comes to no job the next input takes the key, and the one after it conflicts", async () => {
  const release = upstream.hold("submit");
  const refused = endOf(submit("first", "fault-insufficient-funds"));
  await upstream.whenRequested("submit", 1);
  const second = submit("second");
  const others = Promise.all([submit("third"), submit("third")].map(endOf));
  // They find the key taken one after the other.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  release();
  expect(await refused).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
  const conflict = conflictWith(await second);
  expect(await others).toMatchObject([conflict, conflict]);
  expect(upstream.count("submit", "dep")).toBe(1);
});

test.each(["dep", "fault-insufficient-funds"])(
  "behind another gateway's call to %s, another input conflicts with its job, or takes the key where it came to none",
  async (deploymentId) => {
    const release = upstream.hold("submit");
    const first = endOf(submit("first", deploymentId, connectSubmitter({ upstream, store })));
    await upstream.whenRequested("submit", 1);
    const other = endOf(submit("other"));
    release();
    const [theirs, ours] = [Object(await first), await other];
    expect(ours).toMatchObject(
      deploymentId === "dep" ? conflictWith(theirs) : { status: "IN_QUEUE" },
    );
  },
);
