import { describe, expect, test } from "vitest";

import { advance, type Observation } from "../../src/job/advance.ts";
import { INVALID_RESPONSE } from "../../src/job/errors.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";

const SUCCEEDED = { kind: "succeeded", output: null, finishedAt: null } as const;
const FAILED = { kind: "failed", error: INVALID_RESPONSE, finishedAt: null } as const;
const CANCELLED = { kind: "cancelled", finishedAt: null } as const;
const RUNNING = { kind: "running" } as const;

/** What every database promises of the runs that a deployment had. */
export function describeRuns(context: {
  readonly store: () => JobStore;
  /** Runs statements beside the store. */
  execute(sql: string): Promise<void>;
}): void {
  const { store, execute } = context;
  const startMs = Date.now() - 3_600_000;

  async function submit(options: { deploymentId?: string; work?: number; atMs?: number } = {}) {
    const { deploymentId = "d", work = 1, atMs = 0 } = options;
    const now = new Date(startMs + atMs);
    const job = createJob({
      ownerId: "local",
      deploymentId,
      upstream: "sandbox",
      apiVersion: "v1",
      work,
      now,
    });
    await store().jobs.insert({ job, input: {}, key: null });
    return job;
  }

  /** Tells what is seen of a job so long after its submit. */
  async function tell(job: Job, seen: readonly (readonly [number, Observation])[]): Promise<Job> {
    let current = job;
    for (const [afterMs, observation] of seen) {
      const now = new Date(job.createdAt.getTime() + afterMs);
      current = advance(current, observation, now, "sandbox");
      expect(await store().jobs.save(current, null)).toBe(true);
    }
    return current;
  }

  /** An accepted job of which this is seen. */
  async function run(
    seen: readonly (readonly [number, Observation])[],
    options: Parameters<typeof submit>[0] = {},
  ): Promise<Job> {
    const accepted = { kind: "accepted", requestId: "r" } as const;
    return await tell(await submit(options), [[0, accepted], ...seen]);
  }

  describe("the runs of a deployment", () => {
    test("tell how long each waited and ran, by what was seen, the last one first", async () => {
      await run([
        [300, RUNNING],
        [2_000, SUCCEEDED],
      ]);
      await run([
        [100, RUNNING],
        [500, FAILED],
      ]);
      await run([[9, CANCELLED]], { deploymentId: "other" });
      expect(await store().readRuns("d")).toMatchObject([
        { status: "FAILED", queueMs: 100, runMs: 400 },
        { status: "SUCCEEDED", queueMs: 300, runMs: 1_700 },
      ]);
      expect(await store().readRuns("other")).toMatchObject([{ status: "CANCELLED" }]);
      expect(await store().readRuns("none")).toEqual([]);
    });

    test("end when the upstream says, where that is after the start that was seen", async () => {
      const createdMs = startMs;
      const endAt = (afterMs: number) => ({
        ...SUCCEEDED,
        finishedAt: new Date(createdMs + afterMs),
      });
      await run([
        [300, RUNNING],
        [2_000, endAt(1_800)],
      ]);
      await run([
        [300, RUNNING],
        [2_000, endAt(200)],
      ]);
      expect(await store().readRuns("d")).toMatchObject([
        { queueMs: 300, runMs: 1_700 },
        { queueMs: 300, runMs: 1_500 },
      ]);
    });

    test("take one whose start nobody saw for one that did not wait, and know no times of one that never started", async () => {
      await run([[700, SUCCEEDED]]);
      await run([[700, CANCELLED]]);
      await run([[700, FAILED]]);
      expect(await store().readRuns("d")).toMatchObject([
        { status: "FAILED", queueMs: null, runMs: null },
        { status: "CANCELLED", queueMs: null, runMs: null },
        { status: "SUCCEEDED", queueMs: 0, runMs: 700 },
      ]);
    });

    test("are none of jobs that were refused, have an unknown fate or have not ended", async () => {
      await store().jobs.withdraw((await submit()).id);
      await tell(await submit(), [[5, { kind: "unanswered" }]]);
      await submit();
      await run([[5, RUNNING]]);
      expect(await store().readRuns("d")).toEqual([]);
    });

    test("keep how much was asked for, and the first place in the queue that was told", async () => {
      const queued = (queuePosition: number | null) => ({ kind: "queued", queuePosition }) as const;
      await run([[9, SUCCEEDED]], { work: 0.125 });
      const job = await run(
        [
          [1, queued(4)],
          [2, queued(2)],
          [3, queued(null)],
          [4, RUNNING],
          [9, SUCCEEDED],
        ],
        { work: 1e9 },
      );
      expect(await store().jobs.read(job.id)).toMatchObject({ work: 1e9, place: 4 });
      expect(await store().readRuns("d")).toMatchObject([
        { work: 1e9, place: 4 },
        { work: 0.125, place: null },
      ]);
    });

    test("stay when their jobs are deleted", async () => {
      const job = await run([[9, SUCCEEDED]]);
      const runs = await store().readRuns("d");
      expect(await store().jobs.delete(job.id)).toBe(true);
      expect(await store().readRuns("d")).toEqual(runs);
      expect(runs).toHaveLength(1);
    });

    test("are the last 200, however many there were", async () => {
      await run([[1, SUCCEEDED]], { deploymentId: "quiet" });
      for (let work = 1; work <= 205; work++) await run([[1, SUCCEEDED]], { work });
      const kept = (await store().readRuns("d")).map(({ work }) => work);
      expect(kept).toEqual(Array.from({ length: 200 }, (_, index) => 205 - index));
      expect(await store().readRuns("quiet")).toHaveLength(1);
    });
  });

  describe("for how long a deployment was idle", () => {
    const readIdleMs = async ({ id }: Job) => (await store().jobs.read(id))?.idleMs;

    test("is unknown before its first run, nothing while a job of it is under way, and then the time since the last end", async () => {
      await run([[1, RUNNING]], { deploymentId: "other" });
      const first = await run([]);
      expect(await readIdleMs(first)).toBeNull();
      expect(await readIdleMs(await submit())).toBe(0);
      const running = await tell(first, [[1, RUNNING]]);
      expect(await readIdleMs(await submit())).toBe(0);
      await tell(running, [[600_000, SUCCEEDED]]);
      await execute("update runs set ended_at = ended_at - 3000000");
      const idleMs = await readIdleMs(await submit());
      expect(idleMs).toBeGreaterThanOrEqual(3_000_000);
      expect(idleMs).toBeLessThan(3_300_000);
    });

    test("is told by the database's clock, however wrong the gateway's is", async () => {
      for (const atMs of [-1e12, 1e12]) {
        await run([[1, SUCCEEDED]], { atMs });
        const idleMs = await readIdleMs(await submit({ atMs }));
        expect(idleMs).toBeGreaterThanOrEqual(0);
        expect(idleMs).toBeLessThan(300_000);
      }
    });

    test("stays what it was while the job lives, and is kept with its run", async () => {
      await run([[1, SUCCEEDED]]);
      await execute("update runs set ended_at = ended_at - 3000000");
      const job = await run([]);
      const idleMs = await readIdleMs(job);
      expect(idleMs).toBeGreaterThan(0);
      await tell({ ...job, idleMs: 7 }, [
        [1, RUNNING],
        [2, SUCCEEDED],
      ]);
      expect(await readIdleMs(job)).toBe(idleMs);
      expect((await store().readRuns("d"))[0]?.idleMs).toBe(idleMs);
    });
  });
}
