import { describe, expect, test } from "vitest";

import { advance } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { findAdapter } from "../../src/engine/runcomfy/kinds/find-kind.ts";
import type { JobKind } from "../../src/engine/job/kind.ts";
import { nameJobUpstream } from "../../src/engine/job/upstream.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";
import {
  ACCEPTED,
  type Context,
  insertJob,
  RUNNING,
  see,
  SUCCEEDED,
  toPutBack,
} from "./store-jobs.ts";

const VENDOR = "https://api.runcomfy.net";
const TEAM = `${VENDOR}#team`;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What every database promises of jobs that were sent to several upstreams. */
export function describeUpstreams({ store: sandbox, as, execute, pass }: Context): void {
  async function submit(store: JobStore, facts: Partial<Job> = {}, mostInFlight?: number) {
    const job = { upstream: store.upstream, ...facts };
    return await see(
      store,
      await insertJob(store, job, { mostInFlight: mostInFlight ?? null }),
      ACCEPTED,
    );
  }

  /** The ids of jobs that are due within a minute. */
  async function claim({ polls }: JobStore) {
    await pass(MINUTE_MS);
    const claimed = await polls.claimDue({ limit: 9, exceptDeployments: [] });
    return claimed.polls.map(({ job }) => job.id);
  }

  describe("of several upstreams", () => {
    test("only one's own jobs come due, and a job of an account there alone", async () => {
      const own = await submit(sandbox());
      const ofTeam = await submit(as(TEAM));
      const vendor = as(VENDOR);
      const paid = await submit(vendor);
      expect(await claim(vendor)).toEqual([paid.id]);
      expect(new Set(await claim(as(TEAM)))).toEqual(new Set([paid.id, ofTeam.id]));
      expect(await claim(sandbox())).toEqual([own.id]);
    });

    test("a model's jobs come due where models go to the same place, and deployments' wherever these do", async () => {
      const both = `${VENDOR} https://models.example`;
      const store = as(`${both}#team`);
      const of = (kind: JobKind, upstream = store.upstream) =>
        submit(store, { upstream: nameJobUpstream(upstream, findAdapter(kind).service), kind });
      const lora = await of("lora");
      const [workflow, model] = [await of("comfyui"), await of("model")];
      const all = new Set([lora.id, workflow.id, model.id]);
      expect(new Set(await claim(store))).toEqual(all);
      for (const elsewhere of [TEAM, `${VENDOR} https://other.example#team`]) {
        expect(new Set(await claim(as(elsewhere)))).toEqual(new Set([lora.id, workflow.id]));
        expect(await as(elsewhere).jobs.countOthers()).toEqual([
          { upstream: `${both}#team`, count: 1 },
        ]);
      }
      expect(await claim(as(`${both}#other`))).toEqual([]);
      expect(await store.jobs.holdsOthers()).toBe(false);
      expect(await as(both).jobs.holdsOthers()).toBe(true);
      expect(await store.jobs.read(model.id)).toMatchObject({ kind: "model" });
      // Of an account that had no name yet, which finds them to be its own.
      const old = [await of("lora", both), await of("comfyui", both), await of("model", both)];
      for (const job of old) await see(store, job, RUNNING);
      const now = await Promise.all(old.map(({ id }) => store.jobs.read(id)));
      expect(now.map((job) => job?.upstream)).toEqual([TEAM, TEAM, `${both}#team`]);
    });

    test("others' unfinished jobs are counted, away once nobody follows them, and out of what an owner has in flight", async () => {
      const vendor = as(VENDOR);
      const paid = await see(vendor, await submit(vendor), { kind: "queued", queuePosition: 4 });
      const store = sandbox();
      const cursor = await store.feed.readHead();
      await pass(MINUTE_MS);
      await store.jobs.noteLeft();
      const away = await store.jobs.read(paid.id);
      expect(away).toMatchObject({
        version: 4,
        detachedSince: expect.any(Date),
        queuePosition: null,
      });
      const page = await readFeed(store, cursor, 9);
      expect(page?.changes.map(({ job }) => job)).toEqual([away]);
      await store.jobs.noteLeft();
      await store.jobs.takeBack();
      expect(await store.jobs.read(paid.id)).toEqual(away);
      await submit(store, {}, 1);
      await expect(submit(store, {}, 1)).rejects.toThrow("1 unfinished job");
      expect(await store.jobs.countOthers()).toEqual([{ upstream: VENDOR, count: 1 }]);
      const back = as(VENDOR);
      await execute(`update jobs set detached_since = detached_since - ${HOUR_MS}`);
      await back.jobs.takeBack();
      const followed = await back.jobs.read(paid.id);
      expect(followed).toMatchObject({ version: 5, detachedSince: null });
      expect(followed?.detachedMs).toBeGreaterThanOrEqual(HOUR_MS);
      expect(await back.jobs.countOthers()).toEqual([{ upstream: "sandbox", count: 1 }]);
    });

    test("jobs of others are held until the last is deleted, those that have ended included", async () => {
      const vendor = as(VENDOR);
      const paid = await see(vendor, await submit(vendor), SUCCEEDED);
      expect(await vendor.jobs.holdsOthers()).toBe(false);
      const store = sandbox();
      await submit(store);
      expect(await store.jobs.holdsOthers()).toBe(true);
      expect(await as(TEAM).jobs.holdsOthers()).toBe(true);
      const again = sandbox();
      expect(await again.jobs.holdsOthers()).toBe(true);
      await again.jobs.delete(paid.id);
      expect(await again.jobs.holdsOthers()).toBe(false);
    });

    test("a job that is away may be deleted, with its poll; any other unfinished one may not", async () => {
      const vendor = as(VENDOR);
      const paid = await submit(vendor);
      expect(await vendor.jobs.delete(paid.id)).toBe(false);
      const away = await see(vendor, paid, { kind: "not-ours" });
      expect(await vendor.jobs.delete(away.id)).toBe(true);
      await vendor.polls.resume(0);
      expect(await claim(vendor)).toEqual([]);
      const other = await submit(vendor);
      expect(await sandbox().jobs.delete(other.id)).toBe(true);
      expect(await claim(as(VENDOR))).toEqual([]);
    });

    test("the poll of a job that is away is not due until it is resumed, after so long", async () => {
      const store = sandbox();
      const job = await submit(store);
      await pass(MINUTE_MS);
      const { polls } = await store.polls.claimDue({ limit: 1, exceptDeployments: [] });
      await store.polls.putBack(polls.map((poll) => toPutBack(poll, { delayMs: null })));
      await store.polls.mendTimes();
      await store.polls.resume(HOUR_MS);
      expect(await claim(store)).toEqual([]);
      await pass(HOUR_MS);
      await store.polls.resume(HOUR_MS);
      expect(await claim(store)).toEqual([job.id]);
    });

    test("runs teach their own upstream alone, idle times are its own, and how long a job took that was away is taught to nobody", async () => {
      const vendor = as(VENDOR);
      await see(vendor, await submit(vendor), SUCCEEDED);
      const away = await see(vendor, await submit(vendor), { kind: "not-ours" });
      const back = { ...away, detachedSince: new Date(Date.now() - HOUR_MS) };
      await see(vendor, back, RUNNING, SUCCEEDED);
      expect(await vendor.readRuns("d")).toMatchObject([
        { queueMs: null, runMs: null },
        { queueMs: 0, runMs: expect.any(Number) },
      ]);
      const store = sandbox();
      expect(await store.readRuns("d")).toEqual([]);
      const first = await submit(store);
      expect((await store.jobs.read(first.id))?.idleMs).toBe(null);
      await see(store, first, SUCCEEDED);
      expect(await store.readRuns("d")).toHaveLength(1);
    });

    test("an account that finds a job of its origin takes what its deployment has taught, and the job's poll", async () => {
      const vendor = as(VENDOR);
      await see(vendor, await submit(vendor), SUCCEEDED);
      const open = await submit(vendor);
      const team = as(TEAM);
      await see(team, open, RUNNING);
      expect(await team.readRuns("d")).toHaveLength(1);
      expect(await as(VENDOR).readRuns("d")).toEqual([]);
      expect(await claim(as(TEAM))).toEqual([open.id]);
    });

    test("only followed jobs of one's own are overdue, and not for the time that they were away", async () => {
      const vendor = as(VENDOR);
      const job = await submit(vendor, {
        createdAt: new Date(Date.now() - 3 * HOUR_MS),
        sentAt: new Date(Date.now() - 2 * HOUR_MS - MINUTE_MS),
      });
      const before = new Date(Date.now() - HOUR_MS);
      expect(await vendor.jobs.listOverdue(before, 9)).toEqual([job.id]);
      expect(await sandbox().jobs.listOverdue(before, 9)).toEqual([]);
      const again = as(VENDOR);
      const away = await see(again, job, { kind: "not-ours" });
      expect(await again.jobs.listOverdue(before, 9)).toEqual([]);
      const longAway = { ...away, detachedMs: HOUR_MS };
      const seen = { kind: "queued", queuePosition: 1 } as const;
      const back = advance(longAway, seen, new Date(), again.upstream);
      expect(await again.jobs.save(away, back, null)).toBe(true);
      expect(await again.jobs.listOverdue(before, 9)).toEqual([job.id]);
      const earlier = new Date(before.getTime() - 2 * MINUTE_MS);
      expect(await again.jobs.listOverdue(earlier, 9)).toEqual([]);
    });

    test("the job that was sent first is overdue first, and none that was only created long ago", async () => {
      const store = sandbox();
      const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS);
      const { id: second } = await submit(store, { createdAt: ago(9), sentAt: ago(2) });
      const { id: first } = await submit(store, { createdAt: ago(3), sentAt: ago(3) });
      await submit(store, { createdAt: ago(99), sentAt: ago(0) });
      expect(await store.jobs.listOverdue(ago(1), 9)).toEqual([first, second]);
      expect(await store.jobs.listOverdue(ago(1), 1)).toEqual([first]);
    });

    test("a pause is one upstream's", async () => {
      await sandbox().pauses.notePause(60_000);
      expect(await as(VENDOR).pauses.readPauseMs()).toBe(0);
      expect(await sandbox().pauses.readPauseMs()).toBeGreaterThan(0);
    });
  });
}
