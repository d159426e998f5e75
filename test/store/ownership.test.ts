import pg from "pg";
import { pino } from "pino";
import { describe, expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { useSharedPostgres } from "./shared-postgres.ts";

const log = pino({ level: "silent" });

/** Jobs that the upstream has accepted, or else has not answered yet; the oldest first. */
async function insertJobs(store: JobStore, count: number, isAccepted = true): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, index) =>
    createJob({ ownerId: "local", deploymentId: "d", apiVersion: "v1", now: new Date(index) }),
  );
  await Promise.all(
    jobs.map(async (job) => {
      await store.jobs.insert({ job, input: {}, key: null });
      if (isAccepted) await store.jobs.save({ ...job, version: 2, status: "IN_QUEUE" }, null);
    }),
  );
  return jobs.map((job) => job.id);
}

async function claimIds(store: JobStore, limit: number): Promise<string[]> {
  return (await store.ownership.claim(limit)).map((job) => job.id);
}

async function listOwnedIds(store: JobStore): Promise<string[]> {
  return (await store.ownership.list()).map((job) => job.id).toSorted();
}

describe("gateways that share a Postgres", () => {
  const { url, open, close, query } = useSharedPostgres();

  test("leave each other's jobs alone while they live", async () => {
    const [a, b] = [await open(), await open()];
    await insertJobs(a, 5);
    expect(await b.ownership.claim(10)).toEqual([]);
  });

  test("take over from one that closed, each job once and never more than asked for", async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    const ids = await insertJobs(a, 60);
    await close(a);
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => claimIds(index % 2 === 0 ? b : c, 10)),
    );
    const rest = await claimIds(b, 100);
    expect([...claims.flat(), ...rest].toSorted()).toEqual(ids.toSorted());
    for (const claim of claims) expect(claim.length).toBeLessThanOrEqual(10);
  });

  test("take over from one whose lease ran out, and not from one that renewed it", async () => {
    // The heir is there first: a start also clears away leases that ran out, which would hide this.
    const heir = await open();
    const alive = await open();
    const dead = await open(1);
    const ids = await insertJobs(dead, 3);
    await insertJobs(alive, 3);
    await alive.ownership.renew();
    expect(await claimIds(heir, 10)).toEqual(ids);
  });

  test("never take over a job whose submit is not answered yet", async () => {
    const [a, b] = [await open(), await open()];
    await insertJobs(a, 3, false);
    await close(a);
    expect(await b.ownership.claim(10)).toEqual([]);
  });

  test("take over from one whose lease was taken before the database's clock was set back", async () => {
    const [heir, dead] = [await open(), await open()];
    const ids = await insertJobs(dead, 3);
    await query("update gateways set lease_until = lease_until + 3600000");
    expect((await heir.ownership.readShares()).gateways).toBe(1);
    expect(await claimIds(heir, 10)).toEqual(ids);
    // The next start clears such leases away, and whoever lives begins a new one.
    await open();
    expect(await query("select id from gateways")).toHaveLength(1);
    expect(await heir.ownership.renew()).toBe(false);
    expect(await heir.ownership.renew()).toBe(true);
  });

  test("say that they live, and share, while all their other connections are taken", async () => {
    const store = await open();
    const [id = "", ...others] = await insertJobs(store, 3);
    const job = await store.jobs.read(id);
    if (job === null) throw new Error("the job was inserted");
    const client = new pg.Client(url());
    await client.connect();
    await client.query("begin");
    await client.query("select from jobs where id = $1 for update", [id]);
    let saved = 0;
    const saves = Array.from({ length: 20 }, async () => {
      if (await store.jobs.save({ ...job, version: 3 }, null)) saved += 1;
    });
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(async () => (await query(waiting)).length).toBe(6);
    expect(await store.ownership.renew()).toBe(true);
    expect(await store.ownership.readShares()).toMatchObject({
      gateways: 1,
      unfinished: 3,
      owned: 3,
    });
    expect(await store.ownership.list()).toHaveLength(3);
    expect((await store.ownership.release(10)).toSorted()).toEqual(others.toSorted());
    expect((await claimIds(store, 10)).toSorted()).toEqual(others.toSorted());
    expect(await store.jobs.listAbandonedSubmits(10)).toEqual([]);
    await store.ownership.notePause(60_000);
    expect(await store.ownership.readPauseMs()).toBeGreaterThan(0);
    expect(saved).toBe(0);
    await client.query("commit");
    await client.end();
    await Promise.all(saves);
    expect(saved).toBe(1);
  });

  test("are told when their lease had run out before they renewed it", async () => {
    const alive = await open();
    expect(await alive.ownership.renew()).toBe(true);
    expect(await alive.ownership.renew()).toBe(true);
    const late = await open(1);
    await expect.poll(() => late.ownership.renew()).toBe(false);
    // A start clears such leases away, which must not make the gateway look new.
    const forgotten = await open(1);
    await expect.poll(() => forgotten.ownership.renew()).toBe(false);
    await open();
    expect(await forgotten.ownership.renew()).toBe(false);
  });

  test("count the living and the accepted, unfinished jobs of all and of each", async () => {
    const [a, b] = [await open(), await open()];
    await insertJobs(a, 3);
    await insertJobs(a, 2, false);
    const [finished] = await insertJobs(b, 4);
    const job = await b.jobs.read(finished ?? "");
    if (job === null) throw new Error("the job was inserted");
    await b.jobs.save({ ...job, version: 3, status: "SUCCEEDED", finishedAt: new Date(9) }, null);
    expect(await a.ownership.readShares()).toMatchObject({ gateways: 2, unfinished: 6, owned: 3 });
    expect(await b.ownership.readShares()).toMatchObject({ gateways: 2, unfinished: 6, owned: 3 });
    await close(b);
    expect(await a.ownership.readShares()).toMatchObject({ gateways: 1, unfinished: 6, owned: 3 });
  });

  test("count themselves as living even when their lease has run out, and no other such one", async () => {
    const alive = await open();
    const dead = await open(1);
    await expect.poll(async () => (await alive.ownership.readShares()).gateways).toBe(1);
    expect((await dead.ownership.readShares()).gateways).toBe(2);
  });

  test("share the jobs once they have lived for a lease, and before that when nobody else would", async () => {
    const elder = await open();
    expect(await elder.ownership.readShares()).toMatchObject({ gateways: 1, sharing: 1 });
    const twin = await open();
    expect(await elder.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 2 });
    expect(await twin.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 2 });
    await age();
    const young = await open();
    expect(await young.ownership.readShares()).toMatchObject({ gateways: 3, sharing: 0 });
    expect(await elder.ownership.readShares()).toMatchObject({ gateways: 3, sharing: 2 });
    await young.ownership.renew();
    expect(await young.ownership.readShares()).toMatchObject({ sharing: 0 });
    await age();
    await young.ownership.renew();
    expect(await young.ownership.readShares()).toMatchObject({ gateways: 3, sharing: 3 });
    const youngest = await open();
    for (const store of [elder, twin, young]) await close(store);
    expect(await youngest.ownership.readShares()).toMatchObject({ gateways: 1, sharing: 1 });
  });

  test("share whatever a clock that was set back left behind", async () => {
    const store = await open();
    await age();
    await open();
    expect(await store.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 1 });
    await query("update gateways set shares_from = shares_from + 3600000");
    expect(await store.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 2 });
  });

  test("leave the jobs to others while the upstream answers those alone, and for a lease after that", async () => {
    const [cutOff, other] = [await open(), await open()];
    await age();
    await cutOff.ownership.renew({ isOutage: true, isCutOff: true, answeredMsAgo: 50_000 });
    expect(await cutOff.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 0 });
    expect(await other.ownership.readShares()).toMatchObject({ gateways: 2, sharing: 1 });
    await cutOff.ownership.renew({ isOutage: false, isCutOff: false, answeredMsAgo: 0 });
    expect(await cutOff.ownership.readShares()).toMatchObject({ sharing: 0 });
    await age();
    expect(await cutOff.ownership.readShares()).toMatchObject({ sharing: 2 });
  });

  test("tell each other when the upstream last answered them, and whether it fails", async () => {
    const [a, b] = [await open(), await open()];
    const unknown = { isOutageElsewhere: false, answeredElsewhereMsAgo: null };
    expect(await a.ownership.readShares()).toMatchObject(unknown);
    await a.ownership.renew({ isOutage: false, isCutOff: false, answeredMsAgo: 30_000.5 });
    expect(await a.ownership.readShares()).toMatchObject(unknown);
    const { answeredElsewhereMsAgo } = await b.ownership.readShares();
    expect(answeredElsewhereMsAgo).toBeGreaterThan(30_000);
    expect(answeredElsewhereMsAgo).toBeLessThan(60_000);
    await a.ownership.renew({ isOutage: true, isCutOff: false, answeredMsAgo: 30_000 });
    expect(await a.ownership.readShares()).toMatchObject(unknown);
    expect(await b.ownership.readShares()).toMatchObject({ ...unknown, isOutageElsewhere: true });
    await a.ownership.renew({ isOutage: false, isCutOff: false, answeredMsAgo: null });
    expect(await b.ownership.readShares()).toMatchObject(unknown);
  });

  test("pick any accepted job to try the upstream with, of whatever owner", async () => {
    const [a, b] = [await open(), await open()];
    await insertJobs(a, 1, false);
    expect(await b.ownership.pickUnfinishedId()).toBeNull();
    const ids = await insertJobs(a, 2);
    const picked = new Set<string | null>();
    for (let picks = 0; picks < 50; picks++) picked.add(await b.ownership.pickUnfinishedId());
    expect(picked).toEqual(new Set(ids));
  });

  /** Lets all have lived for a lease. */
  async function age(): Promise<void> {
    await query("update gateways set shares_from = shares_from - 60000");
  }

  test("give up their oldest accepted jobs for others to claim, no more than asked for", async () => {
    const [a, b] = [await open(), await open()];
    const ids = await insertJobs(a, 5);
    const submitting = await insertJobs(a, 1, false);
    const released = await a.ownership.release(2);
    expect(released.toSorted()).toEqual(ids.slice(0, 2).toSorted());
    expect(await listOwnedIds(a)).toEqual([...ids.slice(2), ...submitting].toSorted());
    expect(await claimIds(b, 10)).toEqual(ids.slice(0, 2));
    expect((await a.ownership.release(100)).toSorted()).toEqual(ids.slice(2).toSorted());
    expect(await a.ownership.release(100)).toEqual([]);
  });

  test("hear at once when another gives up jobs or closes, and not when they do it themselves", async () => {
    const [a, b] = [await open(), await open()];
    const calls = { a: 0, b: 0 };
    a.ownership.onHandover(() => (calls.a += 1));
    const stop = b.ownership.onHandover(() => (calls.b += 1));
    await insertJobs(a, 5);
    await a.ownership.release(1);
    await expect.poll(() => calls.b).toBe(1);
    await close(a);
    await expect.poll(() => calls.b).toBe(2);
    expect(await b.ownership.claim(10)).toHaveLength(5);
    expect(calls.a).toBe(0);

    stop();
    const c = await open();
    let heard = 0;
    c.ownership.onHandover(() => (heard += 1));
    await b.ownership.release(1);
    await expect.poll(() => heard).toBe(1);
    expect(calls.b).toBe(2);
  });
});

test("the one gateway on a SQLite owns all jobs for good", async () => {
  const store = await openStore({ databaseUrl: ":memory:", log });
  const ids = await insertJobs(store, 3);
  await insertJobs(store, 1, false);
  expect(await store.ownership.readShares()).toMatchObject({
    gateways: 1,
    unfinished: 3,
    owned: 3,
  });
  expect(await store.ownership.release(10)).toEqual([]);
  expect(await store.ownership.renew()).toBe(true);
  expect(await listOwnedIds(store)).toEqual(expect.arrayContaining(ids));
  expect(await store.ownership.claim(10)).toEqual([]);
  await store.close();
});
