import { describe, expect, test, vi } from "vitest";

import { NOT_KEPT } from "../../../src/engine/job/asset.ts";
import type { Job } from "../../../src/engine/job/job.ts";
import type { Delivery, WebhookSettings } from "../../../src/parts/webhooks/webhook.ts";
import { LimitError } from "../../../src/runtime/coded-error.ts";
import { FROM_START } from "../../../src/parts/webhooks/due-webhooks.ts";
import type { ClaimedWebhook } from "../../../src/parts/webhooks/claims.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { toResult } from "../../support/to-result.ts";
import {
  ACCEPTED,
  CANCELLED,
  type Context,
  FAILED,
  HOLD,
  insertJob,
  see,
  SUCCEEDED,
} from "../../store/store-jobs.ts";
import { DELIVERED, MADE, toOlder, toWaiting, type Tried } from "./stored-webhooks.ts";

const ALL = { url: "https://a.example/hook", events: null, deploymentId: null, tag: null };
const toFailure = (retryMs: number | null, isGone = false): Tried => ({
  state: retryMs === null ? "FAILED" : "PENDING",
  made: { ...MADE, status: 500 },
  retryMs,
  restMs: 0,
  isGone,
});

/** What every database promises of webhooks. */
export function describeWebhooks({ store, execute }: Context): void {
  const rows = () => createWebhookStore(store());
  let count = 0;
  const add = (settings: Partial<WebhookSettings> = {}, ownerId = "local") => {
    count += 1;
    const id = `whk_${String(count).padStart(3, "0")}`;
    return rows().webhooks.create({ ...ALL, ...settings, id, ownerId, secret: "whsec_AA==" });
  };
  const end = async (facts: Partial<Job> = {}, how: Parameters<typeof see>[2] = SUCCEEDED) =>
    await see(store(), await insertJob(store(), facts), how);
  const list = (id: string) => rows().webhooks.listDeliveries(id, { limit: 100, after: null });
  const reported = async (id: string) => (await list(id)).map(({ event }) => event).toReversed();

  const claimAll = async (id: string) => (await rows().claims.claim(id)).claimed;

  async function claim(id: string): Promise<ClaimedWebhook> {
    const [claimed] = await claimAll(id);
    if (claimed === undefined) throw new Error("it has something due");
    return claimed;
  }

  /** With a token of its own, which a claim of the same millisecond would not have. */
  async function claimAfter({ webhookId, token }: ClaimedWebhook): Promise<ClaimedWebhook> {
    for (;;) {
      const claimed = await claim(webhookId);
      if (claimed.token !== token) return claimed;
      await rows().claims.giveUp(claimed);
    }
  }

  const settleOne = (claimed: ClaimedWebhook, tried: Tried) =>
    rows().claims.settle([{ claimed, ...tried }]);
  const settle = async (id: string, tried: Tried) => await settleOne(await claim(id), tried);

  describe("webhooks", () => {
    test("are called for each end of their owner's jobs alone that fits their filter", async () => {
      const all = await add();
      const failures = await add({ events: ["JOB_FAILED", "WEBHOOK_DISABLED"] });
      const ofD = await add({ deploymentId: "other" });
      const tagged = await add({ tag: "draft" });
      const others = await add({}, "other");
      await end();
      await end({ tags: ["draft", "b"] }, FAILED);
      await end({ deploymentId: "other" }, CANCELLED);
      await insertJob(store());
      expect(await reported(all.id)).toEqual(["JOB_SUCCEEDED", "JOB_FAILED", "JOB_CANCELLED"]);
      expect(await reported(failures.id)).toEqual(["JOB_FAILED"]);
      expect(await reported(ofD.id)).toEqual(["JOB_CANCELLED"]);
      expect(await reported(tagged.id)).toEqual(["JOB_FAILED"]);
      expect(await reported(others.id)).toEqual([]);
    });

    test("are called once for a job that waits for an approval, from its submit or from its release on", async () => {
      const { id } = await add({ tag: "draft" });
      const held = { ...HOLD, needsApproval: true };
      const facts = { status: "HELD", tags: ["draft"] } as const;
      await insertJob(store(), facts, { hold: held });
      expect(await reported(id)).toEqual(["JOB_HELD"]);
      const byHand = { ...HOLD, options: { ...HOLD.options, hold: true } };
      const job = await insertJob(store(), facts, { hold: byHand });
      expect(await reported(id)).toHaveLength(1);
      const agent = { id: "agent", signedBy: "", needsApproval: true };
      await store().holds.release(job.id, agent);
      await store().holds.approve(job.id, "person");
      await store().holds.release(job.id, agent);
      expect(await reported(id)).toEqual(["JOB_HELD", "JOB_HELD"]);
    });

    test("are not called for labels, and for an end where the labels at that time concern them", async () => {
      const { id } = await add({ tag: "late" });
      const label = async (job: Job): Promise<Job> =>
        (await store().jobs.label(job, { tags: ["late"], isStarred: true })) ?? job;
      await label(await see(store(), await insertJob(store()), SUCCEEDED));
      expect(await reported(id)).toEqual([]);
      const open = await label(await see(store(), await insertJob(store()), ACCEPTED));
      await see(store(), open, SUCCEEDED);
      expect(await reported(id)).toEqual(["JOB_SUCCEEDED"]);
    });

    test("are called once when no file of a job waits to be kept, after its end", async () => {
      const { id } = await add();
      const job = await see(store(), await insertJob(store()), toResult({ a: 1 }, ["u", "v"]));
      const { files } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      const kept = { ...NOT_KEPT, state: "FAILED", reason: "gone" } as const;
      for (const [index, file] of files.entries()) {
        expect(await reported(id)).toHaveLength(1);
        expect(index).toBeLessThan(2);
        await store().files.settle(file, kept);
      }
      expect(await reported(id)).toEqual(["JOB_SUCCEEDED", "JOB_KEPT"]);
      // The first one fails, so the second one waits.
      await settle(id, toFailure(60_000));
      await vi.waitFor(async () => {
        // It is due a millisecond after the first one was, and then put behind it.
        expect(await claimAll(id)).toEqual([]);
        expect((await rows().claims.listDue(FROM_START)).due).toEqual([]);
      }, 10_000);
      await execute("update webhook_deliveries set due_at = due_at - 61000");
      const first = await claim(id);
      await settleOne(first, DELIVERED);
      const order = [first, await claim(id)].map(({ delivery }) => delivery);
      expect(order).toMatchObject([
        { event: "JOB_SUCCEEDED", jobId: job.id },
        { event: "JOB_KEPT", jobId: job.id },
      ]);
      await store().files.request(job, ["u", "v"]);
      const again = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      for (const file of again.files) await store().files.settle(file, kept);
      expect(again.files).toHaveLength(2);
      expect(await reported(id)).toEqual(["JOB_SUCCEEDED", "JOB_KEPT"]);
    });

    test("get one delivery at a time, which another gateway makes when a claim has ended", async () => {
      const { id } = await add();
      await end();
      await end();
      expect((await rows().claims.listDue(FROM_START)).due).toEqual([
        { webhookId: id, ownerId: "local" },
      ]);
      const first = await claim(id);
      expect(await claimAll(id)).toEqual([]);
      expect((await rows().claims.listDue(FROM_START)).due).toEqual([]);
      await execute("update webhooks set claimed_until = claimed_until - 41000");
      const second = await claimAfter(first);
      expect(second.delivery.id).toBe(first.delivery.id);
      // A sender that lost the claim writes nothing.
      await settleOne(first, DELIVERED);
      expect((await list(id)).map(({ state }) => state)).toEqual(["PENDING", "PENDING"]);
      await settleOne(second, DELIVERED);
      expect((await list(id)).map(({ state }) => state)).toEqual(["PENDING", "DELIVERED"]);
      const third = await claim(id);
      await rows().claims.giveUp(third);
      expect((await claim(id)).delivery).toEqual(third.delivery);
    });

    test("have up to 16 deliveries in a claim, of one job never two, which are settled together", async () => {
      const { id, ownerId } = await add();
      const job = await see(store(), await insertJob(store()), toResult({ a: 1 }, ["u"]));
      const { files } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      const kept = { ...NOT_KEPT, state: "FAILED", reason: "gone" } as const;
      for (const file of files) await store().files.settle(file, kept);
      for (let more = 0; more < 16; more += 1) await end();
      const { claimed, hasMore } = await rows().claims.claim(id);
      expect(hasMore).toBe(true);
      expect(claimed.map(({ delivery }) => delivery.event)).toEqual(
        Array.from({ length: 15 }, () => "JOB_SUCCEEDED"),
      );
      expect(claimed[0]?.delivery.jobId).toBe(job.id);
      const [first, second] = claimed;
      if (first === undefined || second === undefined) throw new Error("two are due");
      const failure = toFailure(60_000);
      const both = {
        well: { claimed: first, ...DELIVERED },
        badly: { claimed: second, ...failure },
      };
      expect(await rows().claims.settle([both.well, both.badly])).toBeNull();
      expect((await rows().webhooks.list(ownerId))[0]?.failingSince).not.toBeNull();
      const states = (await list(id)).map(({ state, tries }) => [state, tries.length]).toReversed();
      expect(states.filter(([, tries]) => tries === 1)).toEqual([
        ["DELIVERED", 1],
        ["PENDING", 1],
      ]);
      expect(states).toHaveLength(18);
    });

    test("keep their tries, and whether they fail", async () => {
      const { id, ownerId } = await add();
      const job = await end();
      await settle(id, toFailure(60_000));
      const [failing] = await rows().webhooks.list(ownerId);
      expect(failing?.failingSince).not.toBeNull();
      await execute("update webhook_deliveries set due_at = due_at - 61000");
      await settle(id, DELIVERED);
      expect(await list(id)).toMatchObject([
        { jobId: job.id, state: "DELIVERED", dueAt: null, tries: [{ status: 500 }, MADE] },
      ]);
      expect((await rows().webhooks.list(ownerId))[0]?.failingSince).toBeNull();
    });

    test("rest for as long as their server asks, until it is changed or asked for", async () => {
      const { id } = await add();
      await end();
      await end();
      const { claims, webhooks } = rows();
      const rest = () => settle(id, { ...toFailure(60_000), restMs: 60_000 });
      const isDue = async () => (await claims.listDue(FROM_START)).due.length === 1;
      await rest();
      expect([await isDue(), (await claimAll(id)).length]).toEqual([false, 0]);
      await execute("update webhooks set rests_until = rests_until - 61000");
      expect(await isDue()).toBe(true);
      await rest();
      await webhooks.update(id, "local", { tag: null });
      expect(await isDue()).toBe(false);
      await webhooks.update(id, "local", { url: "https://b.example/" });
      await end();
      expect(await isDue()).toBe(true);
      await rest();
      await webhooks.redeliver((await list(id))[0]?.id ?? "", "local");
      expect(await isDue()).toBe(true);
      // The database's clock was set back.
      await execute("update webhooks set rests_until = claimed_until + 864000000");
      expect(await isDue()).toBe(true);
    });

    test("send nothing again while they are disabled, which is said with what to do", async () => {
      const { id } = await add();
      const { webhooks } = rows();
      await end();
      await settle(id, DELIVERED);
      const [{ id: deliveryId } = { id: "" }] = await list(id);
      await webhooks.update(id, "local", { isEnabled: false });
      const redeliver = () => webhooks.redeliver(deliveryId, "local");
      await expect(redeliver()).rejects.toThrow(`updateWebhook(id: "${id}", isEnabled: true)`);
      expect(await list(id)).toMatchObject([{ state: "DELIVERED", dueAt: null }]);
      await webhooks.update(id, "local", { isEnabled: true });
      expect(await redeliver()).toMatchObject({ state: "PENDING" });
    });

    test("send again at once what was asked for while a try that fails was under way", async () => {
      const { id } = await add();
      await end();
      await execute("update webhook_deliveries set due_at = due_at - 1000");
      for (const tried of [toFailure(60_000), toFailure(null)]) {
        const claimed = await claim(id);
        await rows().webhooks.redeliver(claimed.delivery.id, "local");
        await settleOne(claimed, tried);
      }
      expect(await list(id)).toMatchObject([{ state: "PENDING" }]);
      const again = await claim(id);
      expect(again.delivery).toMatchObject({
        attempts: 1,
        tries: [{ status: 500 }, { status: 500 }],
      });
      await rows().webhooks.redeliver(again.delivery.id, "local");
      await settleOne(again, DELIVERED);
      expect(await list(id)).toMatchObject([{ state: "DELIVERED", dueAt: null }]);
    });

    test.each(["JOB_SUCCEEDED", "JOB_KEPT"])(
      "send with %s, asked for again, all that waits of its job, in order",
      async (event) => {
        const { id } = await add();
        const job = await see(store(), await insertJob(store()), toResult({ a: 1 }, ["u"]));
        const { files } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
        for (const file of files)
          await store().files.settle(file, { ...NOT_KEPT, state: "FAILED", reason: "gone" });
        await end();
        const [ofOther] = await list(id);
        await execute("update webhook_deliveries set due_at = due_at + 300000");
        const listOfJob = async () => (await list(id)).filter(({ jobId }) => jobId === job.id);
        const asked = (await listOfJob()).find((one) => one.event === event);
        await rows().webhooks.redeliver(asked?.id ?? "", "local");
        const dueInMs = (await listOfJob()).map(
          ({ dueAt }) => (dueAt?.getTime() ?? Infinity) - Date.now(),
        );
        expect(Math.max(...dueInMs)).toBeLessThan(2_000);
        for (const next of ["JOB_SUCCEEDED", "JOB_KEPT"]) {
          await expect
            .poll(async () => {
              const [claimed] = await claimAll(id);
              if (claimed !== undefined) await settleOne(claimed, DELIVERED);
              return claimed?.delivery.event;
            })
            .toBe(next);
        }
        expect(await claimAll(id)).toEqual([]);
        const left = (await list(id)).filter(({ state }) => state === "PENDING");
        expect(left.map((one) => one.id)).toEqual([ofOther?.id]);
      },
    );

    test("lose the deliveries of a job that is deleted", async () => {
      const { id } = await add();
      const job = await end();
      await store().jobs.delete(job.id);
      expect(await list(id)).toEqual([]);
      expect(await claimAll(id)).toEqual([]);
    });

    test("are not said to be delivered for one of a job that was deleted while it was made", async () => {
      const { id } = await add();
      const deleted = await end();
      const claimed = await claim(id);
      await store().jobs.delete(deleted.id);
      await end();
      await settleOne(claimed, DELIVERED);
      expect((await list(id)).map(({ state }) => state)).toEqual(["PENDING"]);
    });

    test("that want no more, or fail for five days, are disabled, which is delivered to the owner's others", async () => {
      const gone = await add();
      const deaf = await add();
      const healthy = await add();
      const foreign = await add({}, "other");
      await end();
      expect(await settle(gone.id, toFailure(null, true))).toMatch(/410.*[Ee]nable it again/);
      await execute("update webhook_deliveries set due_at = due_at - 1000");
      expect(await settle(deaf.id, toFailure(0))).toBeNull();
      await execute("update webhooks set failing_since = failing_since - 432000000");
      expect(await settle(deaf.id, toFailure(0))).toMatch(/five days/);
      const webhooks = await rows().webhooks.list("local");
      expect(webhooks.map(({ disabledAt }) => disabledAt === null)).toEqual([false, false, true]);
      expect(await reported(healthy.id)).toEqual([
        "JOB_SUCCEEDED",
        "WEBHOOK_DISABLED",
        "WEBHOOK_DISABLED",
      ]);
      expect(await reported(foreign.id)).toEqual([]);
      await end();
      expect(await reported(gone.id)).toEqual(["JOB_SUCCEEDED"]);
      expect(await claimAll(deaf.id)).toEqual([]);
      await rows().webhooks.update(deaf.id, "local", { isEnabled: true });
      expect((await claim(deaf.id)).delivery.event).toBe("JOB_SUCCEEDED");
    });

    test("forget all but the thousand that ended last, whenever they came up", async () => {
      const { id } = await add();
      const { webhooks } = rows();
      const oldest = await end();
      await execute(`insert into webhook_deliveries (id, webhook_id, event, created_at, ended_at, state)
        with recursive n (i) as (select 1 union all select i + 1 from n where i < 1003)
        select 'msg_' || i, '${id}', 'JOB_FAILED', 0, i, 'DELIVERED' from n`);
      await settle(id, toFailure(null));
      const kept: Delivery[] = [];
      for (let after: string | null = null; ;) {
        const page = await webhooks.listDeliveries(id, { limit: 100, after });
        kept.push(...page);
        after = page.at(-1)?.id ?? null;
        if (page.length < 100) break;
      }
      expect(kept).toHaveLength(1_000);
      expect(kept.at(-1)).toMatchObject({ jobId: oldest.id, state: "FAILED" });
      expect(kept.slice(-3).map((one) => one.id)).toEqual(["msg_6", "msg_5", kept.at(-1)?.id]);
      expect(await webhooks.redeliver(kept.at(-1)?.id ?? "", "local")).not.toBeNull();
      expect(await webhooks.delete(id, "local")).toBe(true);
      expect(await list(id)).toEqual([]);
    });

    test.each([
      ["FAILED", toFailure(0)],
      ["DELIVERED", DELIVERED],
    ] as const)(
      "are disabled when more than 10,000 wait, also where the last one was %s",
      async (how, tried) => {
        const { id } = await add();
        const other = await add();
        await execute(toWaiting(id, 10_002));
        expect(await settle(id, tried)).toMatch(/10000 deliveries waited/);
        const oldest = await rows().webhooks.listDeliveries(id, { limit: 3, after: `${id}_4` });
        expect(oldest.map(({ state }) => state)).toEqual(["PENDING", "FAILED", how]);
        expect((await rows().webhooks.list("local"))[0]?.disabledAt).not.toBeNull();
        expect(await reported(other.id)).toEqual(["WEBHOOK_DISABLED"]);
      },
    );

    test("belong to their owner, who has at most 20", async () => {
      const { id } = await add();
      const { webhooks } = rows();
      await end();
      const [delivery] = await list(id);
      expect(await webhooks.list("other")).toEqual([]);
      expect(await webhooks.update(id, "other", { url: "https://b.example/" })).toBeNull();
      expect(await webhooks.rotate(id, "other", "whsec_BB==")).toBeNull();
      expect(await webhooks.delete(id, "other")).toBe(false);
      expect(await webhooks.redeliver(delivery?.id ?? "", "other")).toBeNull();
      await Promise.all(Array.from({ length: 19 }, () => add()));
      await expect(add()).rejects.toThrow(LimitError);
      await add({}, "other");
    });

    test("are changed, and sign with both secrets for a day after a rotation", async () => {
      const { id } = await add();
      await end();
      const changed = { url: "https://b.example/", events: ["JOB_KEPT"], tag: "x" } as const;
      expect(await rows().webhooks.update(id, "local", changed)).toMatchObject(changed);
      await rows().webhooks.rotate(id, "local", "whsec_BB==");
      const claimed = await claim(id);
      expect(claimed).toMatchObject({ secrets: ["whsec_BB==", "whsec_AA=="], url: changed.url });
      await settleOne(claimed, DELIVERED);
      await rows().webhooks.redeliver(claimed.delivery.id, "local");
      await execute(toOlder("webhooks"));
      const again = await claim(id);
      expect(again.secrets).toEqual(["whsec_BB=="]);
      expect(again.delivery).toMatchObject({ id: claimed.delivery.id, attempts: 1, tries: [MADE] });
    });

    test("sign with each secret for a day after it was replaced, however often that happens", async () => {
      const { id } = await add();
      await end();
      const rotate = (name: string) => rows().webhooks.rotate(id, "local", `whsec_${name}`);
      await rotate("b");
      await Promise.all([rotate("c"), rotate("d")]);
      const { secrets, ...claimed } = await claim(id);
      expect(secrets.toSorted()).toEqual(["whsec_AA==", "whsec_b", "whsec_c", "whsec_d"]);
      await rows().claims.giveUp({ secrets, ...claimed });
      for (let count = 0; count < 20; count += 1) await rotate(String(count));
      const latest = Array.from({ length: 10 }, (_, index) => `whsec_${19 - index}`);
      expect((await claim(id)).secrets).toEqual(latest);
    });
  });
}
