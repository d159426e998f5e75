import { describe, expect, test } from "vitest";

import { advance, type Observation } from "../../src/job/advance.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import { NO_POLLS } from "../../src/job/poll-outcome.ts";
import type { JobStore } from "../../src/store/job-store.ts";

const VENDOR = "https://api.runcomfy.net";
const TEAM = `${VENDOR}#team`;
const SUCCEEDED = { kind: "succeeded", output: null, finishedAt: null } as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What every database promises of jobs that were sent to several upstreams. */
export function describeUpstreams(context: {
  /** Opens the same database as a gateway of this upstream. */
  restart(upstream: string): Promise<JobStore>;
  execute(sql: string): Promise<void>;
  /** Lets time pass on the clock that says when a poll is due. */
  pass(ms: number): Promise<void>;
}): void {
  const { restart, execute, pass } = context;

  async function submit(
    store: JobStore,
    options: { readonly atMs?: number; readonly mostInFlight?: number } = {},
  ): Promise<Job> {
    const { atMs = Date.now(), mostInFlight = null } = options;
    const job = createJob({
      ownerId: "local",
      deploymentId: "d",
      upstream: store.upstream,
      apiVersion: "v1",
      now: new Date(atMs),
    });
    await store.jobs.insert({ job, input: {}, key: null, mostInFlight });
    return await tell(store, job, { kind: "accepted", requestId: "r" });
  }

  async function tell(store: JobStore, job: Job, observation: Observation): Promise<Job> {
    const next = advance(job, observation, new Date(), store.upstream);
    expect(await store.jobs.save(next, null)).toBe(true);
    return next;
  }

  async function claim(store: JobStore) {
    await pass(60_000);
    return (await store.polls.claimDue({ limit: 9, exceptDeployments: [] })).polls;
  }

  const idsOf = (claimed: Awaited<ReturnType<typeof claim>>) => claimed.map(({ job }) => job.id);
  const forgetUpstreams = () => execute("update jobs set upstream = null");

  describe("of several upstreams", () => {
    test("only one's own jobs come due, and the others' go on when theirs is back", async () => {
      const paid = await submit(await restart(VENDOR));
      const sandbox = await restart("sandbox");
      const own = await submit(sandbox);
      expect(idsOf(await claim(sandbox))).toEqual([own.id]);
      expect(idsOf(await claim(await restart(VENDOR)))).toEqual([paid.id]);
      expect(idsOf(await claim(await restart(TEAM)))).toEqual([paid.id]);
      expect(idsOf(await claim(await restart("sandbox")))).toEqual([own.id]);
    });

    test("a job of an account comes due there alone, and one of nobody's anywhere", async () => {
      const ofTeam = await submit(await restart(TEAM));
      const vendor = await restart(VENDOR);
      expect(await claim(vendor)).toEqual([]);
      expect(idsOf(await claim(await restart(TEAM)))).toEqual([ofTeam.id]);
      await forgetUpstreams();
      expect(idsOf(await claim(await restart("sandbox")))).toEqual([ofTeam.id]);
    });

    test("others' unfinished jobs are counted, away, and out of what an owner has in flight", async () => {
      await submit(await restart(VENDOR));
      const sandbox = await restart("sandbox");
      await submit(sandbox, { mostInFlight: 1 });
      await expect(submit(sandbox, { mostInFlight: 1 })).rejects.toThrow("1 unfinished job");
      expect(await sandbox.jobs.countOthers()).toEqual([{ upstream: VENDOR, count: 1 }]);
      expect(await (await restart(VENDOR)).jobs.countOthers()).toEqual([
        { upstream: "sandbox", count: 1 },
      ]);
    });

    test("others' jobs are away once nobody follows them, which the feed tells, until their own upstream takes them back", async () => {
      const vendor = await restart(VENDOR);
      const paid = await tell(vendor, await submit(vendor), { kind: "queued", queuePosition: 4 });
      const sandbox = await restart("sandbox");
      const cursor = await sandbox.feed.readHead();
      await pass(60_000);
      await sandbox.jobs.noteLeft();
      const away = await sandbox.jobs.read(paid.id);
      expect(away).toMatchObject({ version: 4, awaySince: expect.any(Date), queuePosition: null });
      const until = await sandbox.feed.readHead();
      const page = await sandbox.feed.read(cursor, { until, limit: 9 });
      expect(page?.changes.map(({ job }) => job.version)).toEqual([4]);
      await sandbox.jobs.noteLeft();
      expect(await sandbox.jobs.read(paid.id)).toEqual(away);
      await sandbox.jobs.takeBack();
      expect(await sandbox.jobs.read(paid.id)).toEqual(away);
      const back = await restart(VENDOR);
      await back.jobs.takeBack();
      expect(await back.jobs.read(paid.id)).toMatchObject({ version: 5, awaySince: null });
    });

    test("jobs of others are held until the last is deleted, those that have ended or are nobody's included", async () => {
      const vendor = await restart(VENDOR);
      const paid = await submit(vendor);
      await tell(vendor, paid, SUCCEEDED);
      expect(await vendor.jobs.holdsOthers()).toBe(false);
      const sandbox = await restart("sandbox");
      await submit(sandbox);
      expect(await sandbox.jobs.holdsOthers()).toBe(true);
      expect(await (await restart(TEAM)).jobs.holdsOthers()).toBe(true);
      await execute("update jobs set upstream = null where upstream <> 'sandbox'");
      const again = await restart("sandbox");
      expect(await again.jobs.holdsOthers()).toBe(true);
      await again.jobs.delete(paid.id);
      expect(await again.jobs.holdsOthers()).toBe(false);
    });

    test("a job that is away may be deleted, with its poll; any other unfinished one may not", async () => {
      const vendor = await restart(VENDOR);
      const paid = await submit(vendor);
      expect(await vendor.jobs.delete(paid.id)).toBe(false);
      const away = await tell(vendor, paid, { kind: "not-ours" });
      expect(await vendor.jobs.delete(away.id)).toBe(true);
      await vendor.polls.resume(0);
      expect(await claim(vendor)).toEqual([]);
      const other = await submit(vendor);
      expect(await (await restart("sandbox")).jobs.delete(other.id)).toBe(true);
      expect(await claim(await restart(VENDOR))).toEqual([]);
    });

    test("the poll of a job that is away is not due until it is resumed, after so long", async () => {
      const vendor = await restart(VENDOR);
      const paid = await submit(vendor);
      const [claimed] = await claim(vendor);
      if (claimed === undefined) throw new Error("no poll");
      const { token } = claimed;
      await vendor.polls.putBack([{ ...NO_POLLS, jobId: paid.id, token, delayMs: null }]);
      await vendor.polls.mendTimes();
      await vendor.polls.resume(HOUR_MS);
      expect(await claim(vendor)).toEqual([]);
      await pass(HOUR_MS);
      await vendor.polls.resume(HOUR_MS);
      expect(idsOf(await claim(vendor))).toEqual([paid.id]);
    });

    test("runs teach their own upstream alone, and idle times are its own", async () => {
      const vendor = await restart(VENDOR);
      await tell(vendor, await submit(vendor), SUCCEEDED);
      const sandbox = await restart("sandbox");
      expect(await sandbox.readRuns("d")).toEqual([]);
      const first = await submit(sandbox);
      expect((await sandbox.jobs.read(first.id))?.idleMs).toBe(null);
      await tell(sandbox, first, SUCCEEDED);
      await tell(sandbox, await submit(sandbox), SUCCEEDED);
      expect(await sandbox.readRuns("d")).toHaveLength(2);
      expect(await (await restart(VENDOR)).readRuns("d")).toHaveLength(1);
    });

    test("each upstream of a deployment keeps 200 runs", async () => {
      const vendor = await restart(VENDOR);
      const sandbox = { ...vendor, upstream: "sandbox" };
      for (let run = 0; run < 201; run++) {
        await tell(vendor, await submit(vendor), SUCCEEDED);
        if (run < 2) await tell(sandbox, await submit(sandbox), SUCCEEDED);
      }
      expect(await vendor.readRuns("d")).toHaveLength(200);
      expect(await (await restart("sandbox")).readRuns("d")).toHaveLength(2);
    });

    test("runs from before belong to the first upstream but the sandbox that knows a job of their deployment", async () => {
      const vendor = await restart(VENDOR);
      await tell(vendor, await submit(vendor), SUCCEEDED);
      const old = await submit(vendor);
      const older = await submit(vendor);
      await execute("update runs set upstream = null");
      await forgetUpstreams();
      await execute("update runs set upstream = null");
      const sandbox = await restart("sandbox");
      expect(await sandbox.readRuns("d")).toEqual([]);
      await tell(sandbox, { ...old, upstream: null }, SUCCEEDED);
      expect(await sandbox.readRuns("d")).toHaveLength(1);
      const team = await restart(TEAM);
      await tell(team, { ...older, upstream: null }, SUCCEEDED);
      expect(await team.readRuns("d")).toHaveLength(2);
    });

    test("an account that finds a job of its origin to be its own takes the deployment's runs, too", async () => {
      const vendor = await restart(VENDOR);
      await tell(vendor, await submit(vendor), SUCCEEDED);
      const open = await submit(vendor);
      const team = await restart(TEAM);
      await tell(team, open, { kind: "running" });
      expect(await team.readRuns("d")).toHaveLength(1);
      expect(await (await restart(VENDOR)).readRuns("d")).toEqual([]);
      expect(idsOf(await claim(await restart(TEAM)))).toEqual([open.id]);
    });

    test("how long a job took that was away is taught to nobody", async () => {
      const vendor = await restart(VENDOR);
      const away = await tell(vendor, await submit(vendor), { kind: "not-ours" });
      const back = { ...away, awaySince: new Date(Date.now() - HOUR_MS) };
      await tell(vendor, await tell(vendor, back, { kind: "running" }), SUCCEEDED);
      expect(await vendor.readRuns("d")).toMatchObject([{ queueMs: null, runMs: null }]);
    });

    test("only followed jobs of one's own are overdue, and not for the time that they were away", async () => {
      const vendor = await restart(VENDOR);
      const job = await submit(vendor, { atMs: Date.now() - 2 * HOUR_MS - MINUTE_MS });
      const before = new Date(Date.now() - HOUR_MS);
      expect(await vendor.jobs.listOverdue(before, 9)).toEqual([job.id]);
      expect(await (await restart("sandbox")).jobs.listOverdue(before, 9)).toEqual([]);
      const again = await restart(VENDOR);
      const away = await tell(again, job, { kind: "not-ours" });
      expect(await again.jobs.listOverdue(before, 9)).toEqual([]);
      await tell(again, { ...away, awayMs: HOUR_MS }, { kind: "queued", queuePosition: 1 });
      expect(await again.jobs.listOverdue(before, 9)).toEqual([job.id]);
      expect(await again.jobs.listOverdue(new Date(before.getTime() - 2 * MINUTE_MS), 9)).toEqual(
        [],
      );
    });

    test("a pause is one upstream's", async () => {
      await (await restart(VENDOR)).pauses.notePause(60_000);
      expect(await (await restart("sandbox")).pauses.readPauseMs()).toBe(0);
      expect(await (await restart(VENDOR)).pauses.readPauseMs()).toBeGreaterThan(0);
    });
  });
}
