import { describe, expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { toHold } from "../../src/engine/job/hold.ts";
import type { ClaimedHold, NewHold } from "../../src/engine/store/holds.ts";
import { readFeed } from "../support/read-feed.ts";
import { ACCEPTED, CANCELLED, type Context, HOLD, insertJob, makeJob, see } from "./store-jobs.ts";

const UNSENT = { kind: "unsent", error: null } as const;
const ANY = {
  leaseMs: 15_000,
  closed: [],
  isTry: false,
  atOnceOf: () => null,
  mayLeave: () => true,
  admit: async () => "admitted" as const,
};
const TRY = { ...ANY, isTry: true };
const LATER = new Date("2100-01-01");

/** What every database promises of jobs that wait here before they are sent. */
export function describeHolds({ store, execute, count }: Context): void {
  const hold = (
    facts: Partial<Job> = {},
    {
      options = {},
      ...more
    }: Partial<Omit<NewHold, "options">> & {
      readonly options?: Partial<NewHold["options"]>;
    } = {},
  ): Promise<Job> => {
    const job = { ownerId: "mine", status: "HELD", sentAt: null, ...facts } as const;
    const row = { ...HOLD, ...more, options: { ...HOLD.options, ...options } };
    return insertJob(store(), job, { hold: row });
  };
  const claim = (
    options: Partial<Parameters<ReturnType<typeof store>["holds"]["claim"]>[1]> = {},
  ) => store().holds.claim("mine", { ...ANY, ...options });
  async function claimOne(): Promise<ClaimedHold> {
    const claimed = await claim();
    if (claimed.kind !== "claimed") throw new Error(claimed.kind);
    return claimed;
  }
  async function read({ id }: Pick<Job, "id">): Promise<Job> {
    const job = await store().jobs.read(id);
    if (job === null) throw new Error("it is gone");
    return job;
  }
  async function reasonOf({ id }: Job) {
    const [facts = null] = await store().holds.readMany([id]);
    return facts && toHold(facts, false).reason;
  }
  const statusesOf = async ({ id }: Job) =>
    (await store().jobs.readHistories([id]))[0]?.map(({ status }) => status);

  describe("held jobs", () => {
    test("are claimed once each, by priority and then by age, and numbered", async () => {
      const old = await hold({ createdAt: new Date(1) });
      const young = await hold({ createdAt: new Date(2) });
      const first = await hold({ createdAt: new Date(3) }, { options: { priority: 1 } });
      await hold({ createdAt: new Date(0), ownerId: "other" });
      expect(await store().holds.readAhead([old, young, first])).toEqual([1, 2, 0]);
      const claimed = [await claimOne(), await claimOne(), await claimOne()].map(({ job }) => job);
      expect(claimed.map(({ id }) => id)).toEqual([first.id, old.id, young.id]);
      for (const job of claimed) {
        expect(job).toMatchObject({ status: "SUBMITTING", claim: 1, version: 2 });
        expect(job.sentAt).not.toBeNull();
        expect(await read(job)).toEqual(job);
      }
      expect(await claim()).toEqual({ kind: "none" });
    });

    test("wait for a hand, an approval and their time, each until its own end", async () => {
      const job = await hold(
        {},
        { options: { hold: true, sendAfter: LATER }, needsApproval: true },
      );
      const { holds } = store();
      expect(await reasonOf(job)).toBe("APPROVAL");
      expect(await holds.approve(job.id, "somebody else")).toMatchObject({ version: 2 });
      expect(await reasonOf(job)).toBe("BY_HAND");
      await holds.release(job.id, { id: "key", signedBy: "", needsApproval: false });
      expect(await reasonOf(job)).toBe("SCHEDULED");
      expect(await claim()).toEqual({ kind: "none" });
      await execute("update holds set due_at = 1, send_after = 1");
      await holds.makeReady(10);
      expect(await reasonOf(job)).toBe("TURN");
      expect((await claimOne()).job.id).toBe(job.id);
    });

    test("are not approved by who submitted or released them, and whoever needs an approval adds one", async () => {
      const { holds } = store();
      const job = await hold({}, { options: { hold: true } });
      await holds.release(job.id, { id: "second", signedBy: "", needsApproval: true });
      for (const id of ["key", "second"]) expect(await holds.approve(job.id, id)).toBeNull();
      expect(await claim()).toEqual({ kind: "none" });
      expect(await holds.listToApprove("mine", 10)).toMatchObject([{ id: job.id }]);
      // Without credentials everybody may.
      await holds.approve(job.id, null);
      expect(await holds.listToApprove(undefined, 10)).toEqual([]);
      expect((await claimOne()).job.id).toBe(job.id);
    });

    test("are released by a hand alone, which bars nobody from approving them", async () => {
      const { holds } = store();
      const agent = { id: "agent", signedBy: "", needsApproval: true };
      const person = { id: "person", signedBy: "", needsApproval: false };
      const job = await hold({}, { options: { hold: true }, needsApproval: true });
      await holds.release(job.id, person);
      expect(await holds.approve(job.id, "person")).toMatchObject({ status: "HELD" });
      // It waits for its turn, so there is nothing to release or to approve.
      expect(await holds.release(job.id, agent)).toBeNull();
      expect(await holds.approve(job.id, "other")).toBeNull();
      expect((await claimOne()).sentFor).toEqual({ id: "person", signedBy: "" });
    });

    test("are due at once where their `sendAfter` is long past", async () => {
      await hold({}, { options: { sendAfter: new Date(-1) } });
      await claimOne();
    });

    test("go back once they were not sent, with a history that has each status once", async () => {
      const job = await hold();
      const { job: claimed } = await claimOne();
      expect(await statusesOf(job)).toEqual(["HELD", "SUBMITTING"]);
      expect(await store().holds.putBack(claimed, 60_000)).toBe(true);
      expect(await read(job)).toMatchObject({ status: "HELD", sentAt: null, claim: 1, version: 3 });
      expect(await statusesOf(job)).toEqual(["HELD"]);
      expect(await claim()).toEqual({ kind: "none" });
      await execute("update holds set due_at = 1");
      await store().holds.makeReady(10);
      expect((await claimOne()).job.claim).toBe(2);
      expect(await statusesOf(job)).toEqual(["HELD", "SUBMITTING"]);
    });

    test("neither go back nor are accepted under a claim that is over, nor once they were given up", async () => {
      await hold();
      const { job: first } = await claimOne();
      await store().holds.putBack(first, 0);
      await store().holds.makeReady(10);
      await execute("update holds set due_at = 0");
      const { job: second } = await claimOne();
      expect(await store().holds.putBack(first, 0)).toBe(false);
      await execute("update jobs set submit_until = 1");
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([{ id: second.id, claim: 2 }]);
      expect(await store().holds.putBack(second, 0)).toBe(false);
    });

    test("keep their row and key when they are refused", async () => {
      const job = makeJob({ ownerId: "mine", status: "HELD" });
      const key = { key: "k", fingerprint: "f" };
      await store().jobs.insert({ job, input: {}, key, hold: HOLD });
      const { job: claimed } = await claimOne();
      expect(await store().jobs.withdraw(claimed.id)).toBe(false);
      expect((await store().jobs.readKeyed("mine", "k"))?.job.id).toBe(job.id);
    });

    test("are claimed within the limits that their submitter had, and count towards none before", async () => {
      const limits = { jobsInFlight: 1, submitsPerMinute: null };
      const first = await hold({ createdAt: new Date(1) }, { limits });
      const second = await hold({ createdAt: new Date(2) }, { limits });
      const { job } = await claimOne();
      expect(job.id).toBe(first.id);
      expect(await claim()).toEqual({ kind: "limited" });
      expect(await reasonOf(second)).toBe("LIMIT");
      await see(store(), job, { ...ACCEPTED, claim: 1 }, CANCELLED);
      expect((await claimOne()).job.id).toBe(second.id);

      const hurried = { jobsInFlight: null, submitsPerMinute: 1 };
      await hold({ ownerId: "hurried" }, { limits: hurried });
      await hold({ ownerId: "hurried" }, { limits: hurried });
      expect(await store().holds.claim("hurried", ANY)).toMatchObject({ kind: "claimed" });
      expect(await store().holds.claim("hurried", ANY)).toEqual({ kind: "limited" });
    });

    test("are refused above the most that an owner may have, as are no others", async () => {
      await hold({}, { mostHeld: 1 });
      await insertJob(store(), { ownerId: "mine" });
      await expect(hold({}, { mostHeld: 1 })).rejects.toMatchObject({ limitName: "heldJobs" });
      await claimOne();
      await hold({}, { mostHeld: 1 });
      expect(await count("holds")).toBe(2);
    });

    test("of a deployment are claimed while fewer than so many are at RunComfy, direct ones among them", async () => {
      await insertJob(store(), { deploymentId: "d" });
      await hold({ deploymentId: "d" });
      expect(await claim({ atOnceOf: () => 1 })).toEqual({ kind: "closed", deploymentId: "d" });
      const other = await hold({ deploymentId: "e" });
      expect(await claim({ closed: ["d"] })).toMatchObject({ job: { id: other.id } });
      expect(await claim({ atOnceOf: () => 2 })).toMatchObject({ kind: "claimed" });
    });

    test("end unsent in time, or because they were cancelled while they were sent", async () => {
      const late = await hold({}, { options: { sendBefore: new Date(1) } });
      await hold({}, { options: { sendBefore: LATER, priority: -1 } });
      expect(await store().holds.readNextEnd()).toBeLessThanOrEqual(0);
      expect(await store().holds.listOver(10)).toEqual([{ id: late.id, isCancelled: false }]);
      const claimed = await claimOne();
      expect(claimed.job.id).not.toBe(late.id);
      expect(claimed.leftMs).toBeGreaterThan(0);
      expect(await store().holds.noteCancel(late.id)).toBe(false);
      expect(await store().holds.noteCancel(claimed.job.id)).toBe(true);
      await store().holds.putBack(claimed.job, 0);
      expect(await claim()).toEqual({ kind: "none" });
      expect(await store().holds.listOver(10)).toContainEqual({
        id: claimed.job.id,
        isCancelled: true,
      });
    });

    test("refund the job of their day when they come to nothing, once, and leave no row", async () => {
      const { quotas } = store();
      const held = async () => {
        const { key, endsAtMs } = await quotas.count("jobs", "mine");
        return await hold({}, { counted: { key, endsAtMs } });
      };
      const cancelled = await held();
      await see(store(), cancelled, UNSENT);
      const sent = await held();
      await see(store(), (await claimOne()).job, { ...ACCEPTED, claim: 1 }, CANCELLED);
      const unknown = await held();
      await see(store(), (await claimOne()).job, { kind: "unanswered", claim: 1 });
      expect(new Set([sent.id, unknown.id]).size).toBe(2);
      expect((await quotas.count("jobs", "mine")).count).toBe(3);
      expect(await count("holds")).toBe(0);
    });

    test("are reported by the feed, also once they are SUBMITTING", async () => {
      const head = await store().feed.readHead();
      const job = await hold();
      const seen = async () =>
        (await readFeed(store(), head, 10))?.changes.map((change) => change.job.status);
      expect(await seen()).toEqual(["HELD"]);
      await claimOne();
      expect(await seen()).toEqual(["SUBMITTING"]);
      expect((await read(job)).status).toBe("SUBMITTING");
    });

    test("of owners come round, and all wait in an outage but for one try a minute", async () => {
      const { holds } = store();
      await hold({ ownerId: "a" });
      await hold({ ownerId: "b" });
      expect(await holds.listOwnersAfter("", 10)).toEqual(["a", "b"]);
      expect(await holds.listOwnersAfter("", 1)).toEqual(["a"]);
      expect(await holds.listOwnersAfter("a", 10)).toEqual(["b"]);
      expect(await holds.listOwnersAfter("b", 10)).toEqual([]);
      expect(await holds.readOutage()).toBe("no outage");
      await holds.noteOutage();
      expect(await holds.readOutage()).toBe("wait");
      await execute("update pauses set paused_until = 1");
      expect(await holds.readOutage()).toBe("try");
      const claims = [await holds.claim("a", TRY), await holds.claim("b", TRY)];
      expect(claims.map(({ kind }) => kind)).toEqual(["claimed", "none"]);
      expect(await holds.readOutage()).toBe("wait");
      await holds.endOutage();
      expect(await holds.readOutage()).toBe("no outage");
    });
  });
}
