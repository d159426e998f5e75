import { expect, test, vi } from "vitest";
import { z } from "zod";

import {
  JobNotCancellableError,
  JobNotFoundError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { Deleter } from "../../src/engine/tracking/job-deletion.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer, LOCAL_VIEWER } from "../support/viewers.ts";
import { connectTracking } from "../tracking/connect-submitter.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type CancelJob = Stubs["cancelJob"];
type Gateway = Awaited<ReturnType<typeof openInProcessGateway>>;

const PROGRESS = z.object({
  done: z.number(),
  failed: z.number(),
  hasMore: z.boolean(),
  cursor: z.string().nullable(),
});
/** After all jobs of these tests. */
const LATER = "2026-01-01T00:00:00Z";

async function ask(
  gateway: Gateway,
  field: "cancelMatchingJobs" | "deleteMatchingJobs",
  variables: { filter: object; createdBefore?: string; after?: string | null },
  viewer = LOCAL_VIEWER,
) {
  const text = `mutation ($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {
    progress: ${field}(filter: $filter, createdBefore: $createdBefore, after: $after) { done failed hasMore cursor }
  }`;
  const given = { createdBefore: LATER, ...variables };
  const { data, errors } = await gateway.answer(text, given, viewer);
  if (errors) throw errors[0]?.originalError ?? errors[0];
  return PROGRESS.parse(data?.["progress"]);
}

const at = (second: number) => new Date(Date.UTC(2025, 0, 1, 0, 0, second));

const finish = (gateway: Gateway, job: Job) =>
  gateway.observe(job, { kind: "cancelled", finishedAt: null });

test("of the jobs that match, those that have not started are cancelled, and no others", async () => {
  const cancelJob = vi.fn<CancelJob>(async (id, _ownerId, onChange) => {
    const job = [queued, started, unlucky, gone].find((one) => one.id === id);
    if (job === started) throw new JobNotCancellableError(started);
    if (job === unlucky) throw new UpstreamError("TIMEOUT");
    if (job === undefined || job === gone) throw new JobNotFoundError(id);
    onChange?.();
    return await finish(gateway, job);
  });
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const tags = ["mine"];
  const queued = await gateway.addJob({ tags, createdAt: at(1) });
  const started = await gateway.addJob({ tags, createdAt: at(2) });
  const unlucky = await gateway.addJob({ tags, createdAt: at(3) });
  const gone = await gateway.addJob({ tags, createdAt: at(4) });
  const running = await gateway.addJob({ tags, createdAt: at(5) });
  await gateway.observe(running, { kind: "running" });
  await finish(gateway, await gateway.addJob({ tags, createdAt: at(6) }));
  await gateway.addJob({ tags, createdAt: at(9) });
  await gateway.addJob({ tags: ["other"], createdAt: at(1) });
  await gateway.addJob({ tags, createdAt: at(1), ownerId: "another" });

  const filter = { tag: "mine" };
  const progress = await ask(gateway, "cancelMatchingJobs", {
    filter,
    createdBefore: at(9).toISOString(),
  });
  expect(progress).toEqual({ done: 1, failed: 2, hasMore: false, cursor: null });
  expect(cancelJob.mock.calls).toEqual(
    [gone, unlucky, started, queued].map(({ id }) => [
      id,
      LOCAL_VIEWER.ownerId,
      expect.any(Function),
    ]),
  );
  // Of statuses that were asked for, too, only those that can be cancelled are sought.
  const asked = { ...filter, status: ["SUCCEEDED", "CANCELLED"] };
  expect(await ask(gateway, "cancelMatchingJobs", { filter: asked })).toMatchObject({ done: 0 });
  expect(cancelJob).toHaveBeenCalledTimes(4);
});

test.each(["cancelMatchingJobs", "deleteMatchingJobs"] as const)(
  "each job that several calls of %s reach at once counts in one of them",
  async (field) => {
    await using upstream = await startFaultyUpstream();
    const gateway = await openInProcessGateway({
      tracking: (store) => connectTracking({ upstream, store, submitTimeoutSeconds: 1 }),
    });
    for (let second = 0; second < 150; second++) {
      const job = await gateway.addJob({ tags: ["t"], createdAt: at(second) });
      const requestId = upstream.accept(job.deploymentId);
      const accepted = await gateway.observe(job, { kind: "accepted", requestId });
      if (field === "deleteMatchingJobs") await finish(gateway, accepted);
    }
    const callAll = async () => {
      let done = 0;
      for (let after: string | null = null, hasMore = true; hasMore;) {
        const progress = await ask(gateway, field, { filter: { tag: "t" }, after });
        expect(progress.failed).toBe(0);
        done += progress.done;
        ({ cursor: after, hasMore } = progress);
      }
      return done;
    };
    const counts = await Promise.all(Array.from({ length: 8 }, callAll));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(150);
  },
);

test("repeated calls from the cursor delete all that match, a hundred at a time", async () => {
  const gateway = await openInProcessGateway();
  for (let second = 0; second < 120; second++)
    await finish(gateway, await gateway.addJob({ createdAt: at(second), deploymentId: "old" }));
  const open = await gateway.addJob({ createdAt: at(60), deploymentId: "old" });
  const other = await finish(gateway, await gateway.addJob({ deploymentId: "new" }));
  const foreign = await finish(
    gateway,
    await gateway.addJob({ createdAt: at(7), deploymentId: "old", ownerId: "another" }),
  );

  const calls: z.infer<typeof PROGRESS>[] = [];
  do {
    const after = calls.at(-1)?.cursor ?? null;
    calls.push(
      await ask(gateway, "deleteMatchingJobs", { filter: { deploymentId: "old" }, after }),
    );
  } while (calls.at(-1)?.hasMore === true);
  expect(calls).toEqual([
    { done: 99, failed: 1, hasMore: true, cursor: expect.any(String) },
    { done: 21, failed: 0, hasMore: false, cursor: null },
  ]);
  const { jobs } = await gateway.store.jobs.list({ filter: {}, direction: "forward", limit: 10 });
  expect(jobs.map(({ id }) => id).toSorted()).toEqual([open.id, other.id, foreign.id].toSorted());
});

test("a search that finds nothing for long ends too, and goes on from where it came", async () => {
  let ms = 0;
  const gateway = await openInProcessGateway({ now: () => (ms += 6_000) });
  for (let second = 0; second < 150; second++) {
    const input = { prompt: second === 0 ? "a cat" : "a dog" };
    await finish(gateway, await gateway.addJob({ createdAt: at(second), input }));
  }
  const filter = { text: "cat" };
  const first = await ask(gateway, "deleteMatchingJobs", { filter });
  expect(first).toEqual({ done: 0, failed: 0, hasMore: true, cursor: expect.any(String) });
  const second = await ask(gateway, "deleteMatchingJobs", { filter, after: first.cursor });
  expect(second).toEqual({ done: 1, failed: 0, hasMore: false, cursor: null });
});

test("a call begins with no job after 10 s, but with one at least, and stops behind the last", async () => {
  let nowMs = 0;
  const deleted: string[] = [];
  const gateway = await openInProcessGateway({
    now: () => nowMs,
    tracking: {
      async deleteJob(id) {
        deleted.push(id);
        // Ten go at once, and the others begin when those have ended.
        await new Promise(setImmediate);
        nowMs += tookMs;
      },
    },
  });
  let tookMs = 400;
  const ids: string[] = [];
  for (let second = 0; second < 60; second++) {
    const job = await gateway.addJob({ createdAt: at(second), tags: ["t"] });
    ids.unshift(job.id);
  }
  const filter = { tag: "t" };
  const first = await ask(gateway, "deleteMatchingJobs", { filter });
  expect(first).toMatchObject({ failed: 0, hasMore: true });
  expect(first.done).toBe(deleted.length);
  expect(first.done).toBeLessThan(40);
  expect(deleted).toEqual(ids.slice(0, first.done));

  // The walk itself takes all of the time.
  tookMs = 20_000;
  const { list } = gateway.store.jobs;
  vi.spyOn(gateway.store.jobs, "list").mockImplementation((...given) => {
    nowMs += 20_000;
    return list(...given);
  });
  const second = await ask(gateway, "deleteMatchingJobs", { filter, after: first.cursor });
  expect(second).toMatchObject({ done: 1, hasMore: true });
  expect(deleted.at(-1)).toBe(ids[first.done]);
});

test("a filter without a condition that counts, or of another owner, is refused", async () => {
  const gateway = await openInProcessGateway();
  const job = await finish(gateway, await gateway.addJob());
  const { ownerId } = LOCAL_VIEWER;
  for (const filter of [{}, { tag: null }, { status: null, text: null }, { ownerId }])
    for (const field of ["cancelMatchingJobs", "deleteMatchingJobs"] as const)
      await expect(ask(gateway, field, { filter })).rejects.toMatchObject({
        code: "BAD_USER_INPUT",
        message: expect.stringContaining("`filter` has no condition"),
      });
  const ofAnother = ask(gateway, "deleteMatchingJobs", {
    filter: { ownerId: "another", deploymentId: job.deploymentId },
  });
  await expect(ofAnother).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("only your own jobs"),
  });
  await expect(
    ask(gateway, "deleteMatchingJobs", { filter: { tag: "t" }, after: "nowhere" }),
  ).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  // Nothing is what an empty list asks for, and one's own id leaves the rest as it is.
  const nothing = await ask(gateway, "deleteMatchingJobs", { filter: { status: [] } });
  expect(nothing).toEqual({ done: 0, failed: 0, hasMore: false, cursor: null });
  const own = { ownerId, deploymentId: job.deploymentId };
  expect(await ask(gateway, "deleteMatchingJobs", { filter: own })).toMatchObject({ done: 1 });
});

test("who may read everybody's jobs deletes only their own, and asks for no others", async () => {
  const deleteJob = vi.fn<Stubs["deleteJob"]>(async () => undefined);
  const gateway = await openInProcessGateway({ tracking: { deleteJob } });
  const tags = ["t"];
  await finish(gateway, await gateway.addJob({ tags, ownerId: "another" }));
  const own = await finish(gateway, await gateway.addJob({ tags, ownerId: "operator" }));
  const operator = createViewer({ ownerId: "operator" });
  const filter = { tag: "t" };
  expect(await ask(gateway, "deleteMatchingJobs", { filter }, operator)).toMatchObject({ done: 1 });
  expect(deleteJob.mock.calls).toEqual([[own.id, "operator"]]);
});

test("what nobody expects of one job stays an error, once the others are done", async () => {
  const failure = new Error("the disk is full");
  const done: string[] = [];
  const gateway = await openInProcessGateway({
    tracking: {
      async deleteJob(id) {
        if (id === newest.id) throw failure;
        await new Promise(setImmediate);
        done.push(id);
      },
    },
  });
  const tags = ["t"];
  const oldest = await gateway.addJob({ tags, createdAt: at(1) });
  const newest = await gateway.addJob({ tags, createdAt: at(2) });
  await expect(ask(gateway, "deleteMatchingJobs", { filter: { tag: "t" } })).rejects.toBe(failure);
  expect(done).toEqual([oldest.id]);
});

test("what was starred, or lost its tag, since a call has found it is left alone", async () => {
  const relabel: Job[] = [];
  const gateway: Gateway = await openInProcessGateway({
    tracking: {
      async deleteJob(id, ownerId) {
        for (const job of relabel.splice(0))
          await gateway.store.jobs.label(job, { tags: [], isStarred: true });
        return await new Deleter(gateway.store).deleteJob(id, ownerId);
      },
    },
  });
  for (const filter of [{ isStarred: false }, { tag: "draft" }]) {
    const jobs: Job[] = [];
    for (let second = 0; second < 40; second++)
      jobs.push(
        await finish(gateway, await gateway.addJob({ tags: ["draft"], createdAt: at(second) })),
      );
    // The last that the call reaches.
    const [oldest] = jobs;
    if (oldest !== undefined) relabel.push(oldest);
    expect(await ask(gateway, "deleteMatchingJobs", { filter })).toMatchObject({
      done: 39,
      failed: 0,
    });
    expect(await gateway.store.jobs.read(oldest?.id ?? "")).toMatchObject({ isStarred: true });
  }
});
