import { describe, expect, test } from "vitest";

import { advance, type Observation } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import {
  ACCEPTED,
  CANCELLED,
  type Context,
  FAILED,
  insertJob,
  RUNNING,
  see,
  SUCCEEDED,
  UNANSWERED,
} from "./store-jobs.ts";

const DAY_MS = 86_400_000;

/** What every database promises of the runs that a deployment had. */
export function describeRuns({ store, execute }: Context): void {
  const startMs = Date.now() - 3_600_000;
  type Seen = readonly [afterMs: number, Observation];

  /** A job that was created a day before it was sent. */
  const submit = (facts: Partial<Job> = {}) =>
    insertJob(store(), {
      createdAt: new Date(startMs - DAY_MS),
      sentAt: new Date(startMs),
      ...facts,
    });

  /** Stores what is seen of a job so long after it was sent. */
  async function seeAt(job: Job, ...seen: readonly Seen[]): Promise<Job> {
    let current = job;
    for (const [afterMs, observation] of seen) {
      const now = new Date((job.sentAt?.getTime() ?? 0) + afterMs);
      const next = advance(current, observation, now, "sandbox");
      expect(await store().jobs.save(current, next, null)).toBe(true);
      current = next;
    }
    return current;
  }

  /** An accepted job of which this is seen. */
  async function run(facts: Partial<Job>, ...seen: readonly Seen[]): Promise<Job> {
    return await seeAt(await submit(facts), [0, ACCEPTED], ...seen);
  }

  describe("the runs of a deployment", () => {
    test("say how long each waited and ran, by what was seen, the last one first", async () => {
      await run({}, [300, RUNNING], [2_000, SUCCEEDED]);
      const job = await run({}, [100, RUNNING], [500, FAILED]);
      await run({ deploymentId: "other" }, [9, CANCELLED]);
      const runs = [
        { status: "FAILED", queueMs: 100, runMs: 400 },
        { status: "SUCCEEDED", queueMs: 300, runMs: 1_700 },
      ];
      expect(await store().readRuns("d")).toMatchObject(runs);
      expect(await store().readRuns("other")).toMatchObject([{ status: "CANCELLED" }]);
      expect(await store().readRuns("none")).toEqual([]);
      // They stay when their jobs are deleted.
      expect(await store().jobs.delete(job.id)).toBe(true);
      expect(await store().readRuns("d")).toMatchObject(runs);
    });

    test("end when the upstream says, where that is after the start that was seen", async () => {
      for (const afterMs of [1_800, 200]) {
        const finishedAt = new Date(startMs + afterMs);
        await run({}, [300, RUNNING], [2_000, { ...SUCCEEDED, finishedAt }]);
      }
      expect(await store().readRuns("d")).toMatchObject([
        { queueMs: 300, runMs: 1_700 },
        { queueMs: 300, runMs: 1_500 },
      ]);
    });

    test("take one whose start nobody saw for one that did not wait, and know no times of one that never started", async () => {
      for (const end of [SUCCEEDED, CANCELLED, FAILED]) await run({}, [700, end]);
      expect(await store().readRuns("d")).toMatchObject([
        { status: "FAILED", queueMs: null, runMs: null },
        { status: "CANCELLED", queueMs: null, runMs: null },
        { status: "SUCCEEDED", queueMs: 0, runMs: 700 },
      ]);
    });

    test("are none of jobs that were refused, have an unknown fate or have not ended", async () => {
      await store().jobs.withdraw((await submit()).id);
      await see(store(), await submit(), UNANSWERED);
      await submit();
      await run({}, [5, RUNNING]);
      expect(await store().readRuns("d")).toEqual([]);
    });

    test("keep how much was asked for, and the first place in the queue that was reported", async () => {
      const queued = (queuePosition: number | null) => ({ kind: "queued", queuePosition }) as const;
      await run({ work: 0.125 }, [9, SUCCEEDED]);
      const seen = [queued(4), queued(2), queued(null), RUNNING, SUCCEEDED];
      const job = await run({ work: 1e9 }, ...seen.map((one, index) => [index + 1, one] as const));
      expect(await store().jobs.read(job.id)).toMatchObject({ work: 1e9, place: 4 });
      expect(await store().readRuns("d")).toMatchObject([
        { work: 1e9, place: 4 },
        { work: 0.125, place: null },
      ]);
    });

    test("are the last 200 of each upstream and deployment, however many there were", async () => {
      await run({ deploymentId: "quiet" }, [1, SUCCEEDED]);
      const add = (upstream: string, works: number) =>
        execute(`insert into runs (deployment_id, upstream, status, work, ended_at)
          with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${works})
          select 'd', '${upstream}', 'SUCCEEDED', n, 0 from numbers order by n`);
      await add("another", 205);
      await add("sandbox", 204);
      await run({ work: 205 }, [1, SUCCEEDED]);
      const kept = (await store().readRuns("d")).map(({ work }) => work);
      expect(kept).toEqual(Array.from({ length: 200 }, (_, index) => 205 - index));
      expect(await store().readRuns("quiet")).toHaveLength(1);
      await execute("update runs set upstream = 'sandbox' where upstream = 'another' and work < 6");
      // Nothing of another upstream's was dropped.
      expect((await store().readRuns("d")).map(({ work }) => work)).toEqual(kept);
      await execute("delete from runs where work > 5");
      expect(await store().readRuns("d")).toHaveLength(5);
    });
  });

  describe("for how long a deployment was idle", () => {
    const readIdleMs = async ({ id }: Job) => (await store().jobs.read(id))?.idleMs;

    test("is unknown before its first run, nothing while a job of it is under way, and then the time since the last end", async () => {
      await run({ deploymentId: "other" }, [1, RUNNING]);
      const first = await run({});
      expect(await readIdleMs(first)).toBeNull();
      expect(await readIdleMs(await submit())).toBe(0);
      const running = await seeAt(first, [1, RUNNING]);
      expect(await readIdleMs(await submit())).toBe(0);
      await seeAt(running, [600_000, SUCCEEDED]);
      await execute("update runs set ended_at = ended_at - 3000000");
      const idleMs = await readIdleMs(await submit());
      expect(idleMs).toBeGreaterThanOrEqual(3_000_000);
      expect(idleMs).toBeLessThan(3_300_000);
    });

    test("is measured by the database's clock, however wrong the gateway's is", async () => {
      for (const atMs of [-1e12, 1e12]) {
        const at = new Date(startMs + atMs);
        const facts = { createdAt: at, sentAt: at };
        await run(facts, [1, SUCCEEDED]);
        const idleMs = await readIdleMs(await submit(facts));
        expect(idleMs).toBeGreaterThanOrEqual(0);
        expect(idleMs).toBeLessThan(300_000);
      }
    });

    test("stays what it was while the job lives, and is kept with its run", async () => {
      await run({}, [1, SUCCEEDED]);
      await execute("update runs set ended_at = ended_at - 3000000");
      const job = await run({});
      const idleMs = await readIdleMs(job);
      expect(idleMs).toBeGreaterThan(0);
      await seeAt({ ...job, idleMs: 7 }, [1, RUNNING], [2, SUCCEEDED]);
      expect(await readIdleMs(job)).toBe(idleMs);
      expect((await store().readRuns("d"))[0]?.idleMs).toBe(idleMs);
    });
  });
}
