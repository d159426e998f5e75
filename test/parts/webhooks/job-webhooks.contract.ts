import { describe, expect, test, vi } from "vitest";

import { NOT_KEPT } from "../../../src/engine/job/asset.ts";
import type { Job } from "../../../src/engine/job/job.ts";
import { FROM_START } from "../../../src/parts/webhooks/due-webhooks.ts";
import type { ClaimedWebhook } from "../../../src/parts/webhooks/claims.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { toResult } from "../../support/to-result.ts";
import { type Context, FAILED, insertJob, see, SUCCEEDED } from "../../store/store-jobs.ts";
import { DELIVERED, MADE, toOlder, toWaiting, type Tried, withUrl } from "./stored-webhooks.ts";

const URL_A = "https://a.example/hook?job=1";
const URL_B = "https://a.example/other";
const URL_C = "https://c.example:8443/hook";
const GONE: Tried = { ...DELIVERED, state: "FAILED", isGone: true };
const FAILS: Tried = { ...DELIVERED, state: "PENDING", retryMs: 0 };
const NO_FILTER = { events: null, deploymentId: null, tag: null };

/** What every database promises of URLs that are called for one job. */
export function describeJobWebhooks({ store, execute, statements }: Context): void {
  const rows = () => createWebhookStore(store());
  const submit = (webhookUrl: string, ownerId = "local") =>
    insertJob(store(), { ownerId }, withUrl(webhookUrl));
  const end = async (...given: Parameters<typeof submit>) =>
    await see(store(), await submit(...given), SUCCEEDED);
  const listDue = async () => (await rows().claims.listDue(FROM_START)).due;
  const read = async (jobId: string, ownerId = "local") =>
    (await rows().webhooks.readOfJobs([jobId], ownerId))[0];
  const add = (id: string, ownerId = "local") =>
    rows().webhooks.create({ id, ownerId, url: URL_A, secret: "whsec_AA==", ...NO_FILTER });

  /** Of the webhook that is due first. */
  async function claim(): Promise<ClaimedWebhook> {
    const [first] = await listDue();
    return await claimOf(first?.webhookId ?? "");
  }

  /** What comes behind something else is due a millisecond later. */
  const claimOf = (webhookId: string): Promise<ClaimedWebhook> =>
    vi.waitFor(
      async () => {
        const [claimed] = (await rows().claims.claim(webhookId)).claimed;
        if (claimed === undefined) throw new Error("nothing is due");
        return claimed;
      },
      { timeout: 10_000, interval: 1 },
    );

  const settleOne = (claimed: ClaimedWebhook, tried: Tried) =>
    rows().claims.settle([{ claimed, ...tried }]);

  async function settle(tried: Tried): Promise<ClaimedWebhook> {
    const claimed = await claim();
    expect(await settleOne(claimed, tried)).toBeNull();
    return claimed;
  }

  describe("a URL of one job", () => {
    test("is called for that job's end and its kept files, in order, signed with the owner's own secret", async () => {
      const job = await see(store(), await submit(URL_A), toResult({ a: 1 }, ["u"]));
      await end(URL_A, "other");
      await see(store(), await insertJob(store()), FAILED);
      expect(await read(job.id)).toMatchObject({
        url: URL_A,
        deliveries: [{ event: "JOB_SUCCEEDED", jobId: job.id, state: "PENDING", tries: [] }],
      });
      const { files } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      for (const file of files)
        await store().files.settle(file, { ...NOT_KEPT, state: "FAILED", reason: "gone" });
      expect((await read(job.id))?.deliveries).toMatchObject([
        { event: "JOB_KEPT" },
        { event: "JOB_SUCCEEDED" },
      ]);
      const webhookId = (await read(job.id))?.deliveries[0]?.webhookId ?? "";
      const secret = await rows().webhooks.readOwnSecret("local");
      for (const event of ["JOB_SUCCEEDED", "JOB_KEPT"]) {
        const claimed = await claimOf(webhookId);
        expect(claimed).toMatchObject({ url: URL_A, secrets: [secret], ownerId: "local" });
        expect(claimed.delivery).toMatchObject({ event, jobId: job.id });
        await settleOne(claimed, DELIVERED);
      }
      expect((await rows().claims.claim(webhookId)).claimed).toEqual([]);
      expect((await read(job.id))?.deliveries[0]).toMatchObject({
        state: "DELIVERED",
        dueAt: null,
        tries: [MADE],
      });
    });

    test("shares one delivery at a time with the others of its owner and origin alone", async () => {
      const jobs = [
        await end(URL_A),
        await end(URL_B),
        await end(URL_C),
        await end(URL_A, "other"),
      ];
      const due = await listDue();
      expect(due.map(({ ownerId }) => ownerId).toSorted()).toEqual(["local", "local", "other"]);
      const claimed = await Promise.all(due.map(({ webhookId }) => claimOf(webhookId)));
      const [first, second, third, fourth] = jobs.map(({ id }) => id);
      expect(new Set(claimed.map((one) => one.delivery.jobId))).toEqual(
        new Set([first, third, fourth]),
      );
      expect(await listDue()).toEqual([]);
      for (const one of claimed) await settleOne(one, DELIVERED);
      expect(await claim()).toMatchObject({ url: URL_B, delivery: { jobId: second } });
    });

    test("is no part of its key, so a retry leaves it as it is", async () => {
      const key = { key: "k", fingerprint: "f" };
      const job = await insertJob(store(), {}, { key, ...withUrl(URL_A) });
      const retry = { job: { ...job, id: "job_2" }, input: {}, key, ...withUrl(URL_C) };
      expect(await store().jobs.insert(retry)).toBe(false);
      expect(await read(job.id)).toEqual({ url: URL_A, deliveries: [] });
      expect(await read("job_2")).toBeNull();
      await see(store(), job, SUCCEEDED);
      expect(await claim()).toMatchObject({ url: URL_A });
    });

    test("costs a submit nothing that names none", async () => {
      await insertJob(store());
      expect(statements.filter((sql) => sql.includes("webhook"))).toEqual([]);
      await submit(URL_A);
      expect(statements.filter((sql) => sql.includes("webhook"))).not.toEqual([]);
    });

    test("belongs to the job's owner, who has it beside 20 webhooks and never sees or changes its origin's row", async () => {
      const job = await end(URL_A);
      const { webhooks } = rows();
      const id = (await read(job.id))?.deliveries[0]?.webhookId ?? "";
      expect(await read(job.id, "other")).toBeNull();
      expect(await webhooks.readOfJobs(["job_unknown", job.id], "local")).toMatchObject([
        null,
        { url: URL_A },
      ]);
      expect(await webhooks.list("local")).toEqual([]);
      expect(await webhooks.update(id, "local", { url: URL_C })).toBeNull();
      expect(await webhooks.rotate(id, "local", "whsec_BB==")).toBeNull();
      expect(await webhooks.delete(id, "local")).toBe(false);
      for (let number = 0; number < 20; number += 1) await add(`whk_${number}`);
      expect(await webhooks.list("local")).toHaveLength(20);
      // Another job of the owner, which names none.
      await see(store(), await insertJob(store()), SUCCEEDED);
      expect((await read(job.id))?.deliveries).toHaveLength(1);
      expect(await webhooks.listDeliveries(id, { limit: 10, after: null })).toHaveLength(1);
    });

    test("that wants no more ends that delivery alone, and one that fails for days is not disabled", async () => {
      await add("whk_1");
      const first = await end(URL_A);
      await end(URL_B);
      await execute("delete from webhook_deliveries where webhook_id = 'whk_1'");
      const { webhookId } = await settle(GONE);
      expect((await read(first.id))?.deliveries).toMatchObject([{ state: "FAILED", dueAt: null }]);
      await execute("update webhooks set failing_since = failing_since - 864000000");
      expect((await settle(FAILS)).url).toBe(URL_B);
      expect((await settle(DELIVERED)).url).toBe(URL_B);
      expect(await listDue()).toEqual([]);
      await rows().webhooks.redeliver((await read(first.id))?.deliveries[0]?.id ?? "", "local");
      expect(await claim()).toMatchObject({ webhookId, url: URL_A });
    });

    test("is given up as one of the oldest, where more than 10,000 wait for one origin", async () => {
      const [first, second] = [await end(URL_A), await end(URL_B)];
      const { webhookId } = await settle(FAILS);
      await execute(toWaiting(webhookId, 9_999));
      await execute(`update webhook_deliveries set due_at = 0 where job_id = '${second.id}'`);
      await settle(DELIVERED);
      expect((await read(first.id))?.deliveries).toMatchObject([{ state: "PENDING" }]);
      await execute(toWaiting(webhookId, 2, "more"));
      await execute(`update webhook_deliveries set due_at = 0 where id = 'more_2'`);
      await settle(DELIVERED);
      expect((await read(first.id))?.deliveries).toMatchObject([
        { state: "FAILED", dueAt: null, tries: [MADE] },
      ]);
      const oldest = await rows().webhooks.listDeliveries(webhookId, {
        limit: 3,
        after: `${webhookId}_2`,
      });
      expect(oldest.map(({ state }) => state)).toEqual(["PENDING", "DELIVERED", "FAILED"]);
    });

    test("is not called about webhooks that were disabled", async () => {
      await add("whk_1");
      const job = await end(URL_A);
      expect(await settleOne(await claimOf("whk_1"), GONE)).toMatch(/410/);
      const id = (await read(job.id))?.deliveries[0]?.webhookId ?? "";
      const reported = await rows().webhooks.listDeliveries(id, { limit: 10, after: null });
      expect(reported).toMatchObject([{ event: "JOB_SUCCEEDED" }]);
    });

    test("goes with its job, and its origin's row once no job names it", async () => {
      const [first, second, other] = [await end(URL_A), await end(URL_B), await end(URL_C)];
      const idOf = async (job: Job) => (await read(job.id))?.deliveries[0]?.webhookId;
      const ids = [await idOf(first), await idOf(second), await idOf(other)];
      const sweep = async () => expect(await rows().claims.deleteUnused("")).toBe("");
      await store().jobs.delete(first.id);
      expect(await read(first.id)).toBeNull();
      await sweep();
      expect([await idOf(second), await idOf(await end(URL_A))]).toEqual([ids[0], ids[0]]);
      await store().jobs.delete(other.id);
      expect(await idOf(await end(URL_C))).toBe(ids[2]);
      await execute("delete from jobs");
      await sweep();
      expect(ids).not.toContain(await idOf(await end(URL_A)));
      expect(ids).not.toContain(await idOf(await end(URL_C)));
    });

    test("is never lost to the deletion of an origin's row that no job named before", async () => {
      const urls = Array.from({ length: 20 }, (_, index) => `https://${index}.example/hook`);
      for (const url of urls) await submit(url);
      await execute("delete from jobs");
      const { claims } = rows();
      const [jobs] = await Promise.all([
        Promise.all(urls.map((url) => submit(url))),
        ...urls.map(() => claims.deleteUnused("")),
      ]);
      for (const job of jobs) await see(store(), job, SUCCEEDED);
      for (const { id } of jobs) expect((await read(id))?.deliveries).toHaveLength(1);
    });

    test("is signed by one secret of its owner, however many ask for it first, and by two for a day after a rotation", async () => {
      const { webhooks } = rows();
      // One after the other, a statement apart.
      const ask = async (ownerId: string, after: number) => {
        for (let count = 0; count < after; count += 1) await store().ping();
        return await webhooks.readOwnSecret(ownerId);
      };
      const secrets = new Set<string>();
      for (const ownerId of ["p", "r", "s", "t", "local"]) {
        const asked = await Promise.all([0, 0, 1, 1, 2, 2].map((after) => ask(ownerId, after)));
        expect(new Set(asked).size).toBe(1);
        for (const one of asked) secrets.add(one);
      }
      expect(secrets.size).toBe(5);
      const secret = await webhooks.readOwnSecret("local");
      expect(secret).toMatch(/^whsec_[A-Za-z\d+/]{43}=$/);
      await end(URL_A);
      await webhooks.rotateOwn("local", "whsec_BB==");
      expect(await webhooks.readOwnSecret("local")).toBe("whsec_BB==");
      const claimed = await claim();
      expect(claimed.secrets).toEqual(["whsec_BB==", secret]);
      await rows().claims.giveUp(claimed);
      await execute(toOlder("webhook_secrets"));
      expect((await claim()).secrets).toEqual(["whsec_BB=="]);
      await webhooks.rotateOwn("local", "whsec_DD==");
      await webhooks.rotateOwn("local", "whsec_EE==");
      await execute("update webhooks set claimed_until = 0");
      expect((await claim()).secrets).toEqual(["whsec_EE==", "whsec_DD==", "whsec_BB=="]);
      // Who had none gets this one.
      await webhooks.rotateOwn("q", "whsec_CC==");
      expect(await webhooks.readOwnSecret("q")).toBe("whsec_CC==");
    });
  });

  describe("many URLs of one owner", () => {
    const addMany = (ownerId: string, count: number, due = "i") =>
      execute(`insert into webhooks (id, owner_id, url, created_at)
        with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
        select 'whk_${ownerId}' || i, '${ownerId}', 'https://' || i || '.example', 0 from n;
        insert into webhook_deliveries (id, webhook_id, event, created_at, due_at, of_origin)
        with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
        select 'msg_${ownerId}' || i, 'whk_${ownerId}' || i, 'JOB_FAILED', 0, ${due}, 1 from n`);

    test("cost nobody else a look while they are not due", async () => {
      await addMany("many", 1_500, "9000000000000000");
      await add("whk_zz", "p");
      await end(URL_A, "p");
      const { due, hasMore } = await rows().claims.listDue(FROM_START);
      expect(hasMore).toBe(false);
      expect(due.map(({ ownerId }) => ownerId)).toEqual(["p", "p"]);
    });

    test("never hide what came due last for another's, nor for long what came due between theirs", async () => {
      await addMany("many", 1_500);
      await end(URL_A, "last");
      await end(URL_A, "between");
      await execute(`update webhook_deliveries set due_at = 900
        where webhook_id = (select id from webhooks where owner_id = 'between')`);
      const { claims } = rows();
      const seen: string[][] = [];
      for (let after = FROM_START; ;) {
        const { due, next, hasMore } = await claims.listDue(after);
        seen.push([...new Set(due.map(({ ownerId }) => ownerId))].toSorted());
        expect(due.length).toBeLessThanOrEqual(1_000);
        after = next;
        if (!hasMore) break;
      }
      const all = ["between", "last", "many"];
      expect(seen).toEqual([["last", "many"], all, ["last", "many"], ["last", "many"]]);
    });

    test("are deleted in bounded steps, each of which begins where the one before ended", async () => {
      await addMany("many", 1_500);
      const { claims } = rows();
      const ids = Array.from({ length: 1_500 }, (_, index) => `whk_many${index + 1}`).toSorted();
      expect(await claims.deleteUnused("")).toBe(ids[999]);
      expect(await claims.deleteUnused(ids[999] ?? "")).toBe("");
      expect(await listDue()).toEqual([]);
    });
  });

  test("webhooks are walked in bounded steps, each of which begins where the one before ended", async () => {
    await execute(`insert into webhooks (id, owner_id, url, secret, created_at)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 1500)
      select 'whk_' || i, 'o', 'https://a.example', 'whsec_AA==', 0 from n;
      insert into webhook_deliveries (id, webhook_id, event, created_at, due_at)
      select 'msg_' || id, id, 'JOB_FAILED', 0, 0 from webhooks`);
    const ids = Array.from({ length: 1_500 }, (_, index) => `whk_${index + 1}`).toSorted();
    const { claims } = rows();
    const { due, next, hasMore } = await claims.listDue(FROM_START);
    expect(due).toHaveLength(1_000);
    expect({ id: next.webhookId, hasMore }).toEqual({ id: ids[999], hasMore: true });
    await execute(`delete from webhook_deliveries where webhook_id < '${ids[1_490]}'`);
    const rest = await claims.listDue(next);
    expect({ next: rest.next, hasMore: rest.hasMore }).toEqual({
      next: FROM_START,
      hasMore: false,
    });
    expect(rest.due.map(({ webhookId }) => webhookId)).toEqual(ids.slice(1_490));
  });
}
