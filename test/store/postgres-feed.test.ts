import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";
import { readFeed } from "../support/read-feed.ts";

const log = pino({ level: "silent" });

describe("the feed on Postgres", () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let store: JobStore;
  const clients: pg.Client[] = [];
  const stores: JobStore[] = [];

  beforeEach(async () => {
    database = await createDatabase();
    store = await open();
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await Promise.all(stores.splice(0).map((opened) => opened.close()));
    await database.drop();
  });

  async function open(): Promise<JobStore> {
    const opened = await openStore({ upstream: "sandbox", databaseUrl: database.url, log });
    stores.push(opened);
    return opened;
  }

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client(database.url);
    clients.push(client);
    await client.connect();
    return client;
  }

  /** A transaction that has its number, has changed a job, and stays open. */
  async function hold(jobId: string): Promise<pg.Client> {
    const client = await connect();
    await client.query("begin");
    await client.query("update jobs set version = version + 1 where id = $1", [jobId]);
    return client;
  }

  async function insert(): Promise<Job> {
    const job: Job = {
      ...createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(0),
      }),
      status: "IN_QUEUE",
      requestId: "r",
    };
    await store.jobs.insert({ job, input: {}, key: null });
    return job;
  }

  async function read(cursor: string, limit = 100) {
    const page = await readFeed(store, cursor, limit);
    if (page === null) throw new Error("the feed asked for a reset");
    return {
      ...page,
      ids: page.changes.map((change) => change.job.id),
      versions: page.changes.map((change) => change.job.version),
    };
  }

  test("tells a change whose transaction has a lower number and commits later, and waits for none", async () => {
    const [early, late] = [await insert(), await insert()];
    const head = await store.feed.readHead();
    const first = await hold(early.id);
    const second = await hold(late.id);
    const other = await insert();

    const page = await read(head);
    expect(page.ids).toEqual([other.id]);
    await second.query("commit");
    const next = await read(page.cursor);
    expect(next.ids).toEqual([late.id]);
    await first.query("commit");
    const last = await read(next.cursor);
    expect([last.ids, last.versions]).toEqual([[early.id], [2]]);
    expect((await read(last.cursor)).ids).toEqual([]);
    // Whoever was away all the while hears of all three, and each of the cursors between is as good.
    expect((await read(head)).ids).toEqual([early.id, late.id, other.id]);
    expect((await read(page.changes[0]?.cursor ?? "")).ids).toEqual([early.id, late.id]);
  });

  test("tells what commits between the pages of a stage in the next stage", async () => {
    const held = await insert();
    const head = await store.feed.readHead();
    const transaction = await hold(held.id);
    const others = [await insert(), await insert(), await insert()].map((job) => job.id);
    const page = await read(head, 1);
    expect(page.ids).toEqual(others.slice(0, 1));
    await transaction.query("commit");
    const rest = await read(page.cursor, 10);
    expect([rest.ids, rest.isLast]).toEqual([others.slice(1), false]);
    expect((await read(rest.cursor, 10)).ids).toEqual([held.id]);
    // The same from within the page.
    const again = await read(rest.changes[0]?.cursor ?? "", 10);
    expect(again.ids).toEqual(others.slice(2));
    expect((await read(again.cursor, 10)).ids).toEqual([held.id]);
  });

  test("takes a head while transactions are open, and tells them all once they commit", async () => {
    const jobs = [await insert(), await insert(), await insert()];
    const transactions = [];
    for (const job of jobs) transactions.push(await hold(job.id));
    const head = await store.feed.readHead();
    for (const transaction of transactions.toReversed()) await transaction.query("commit");
    expect((await read(head)).ids).toEqual(jobs.map((job) => job.id));
  });

  test("says that the status changed, whichever transactions were open at the reader's place", async () => {
    const job = await insert();
    const client = await connect();
    await client.query("begin");
    await client.query(
      "update jobs set status = 'IN_PROGRESS', version = version + 1 where id = $1",
      [job.id],
    );
    const [open, other] = [await store.feed.readHead(), await insert()];
    const before = await read(open);
    expect(before.ids).toEqual([other.id]);
    await client.query("commit");
    const told = await read(before.cursor);
    await client.query("update jobs set version = version + 1 where id = $1", [job.id]);
    const reasonsSince = async (cursor: string) =>
      (await read(cursor)).changes.map((change) => change.reason);
    // The change of the status has a lower number than the reader's place, and was open there.
    expect(await reasonsSince(before.cursor)).toEqual(["STATUS"]);
    expect(await reasonsSince(told.cursor)).toEqual(["PROGRESS"]);
  });

  test("tells no status as new that is of an era whose numbers are still to come", async () => {
    const job = await insert();
    const client = await connect();
    // As a dump that is restored where fewer transactions have been.
    await client.query("update jobs set status_changed = 1000000000000 where id = $1", [job.id]);
    const head = await store.feed.readHead();
    await client.query("update jobs set version = version + 1 where id = $1", [job.id]);
    expect((await read(head)).changes).toMatchObject([{ reason: "PROGRESS" }]);
  });

  test("says nothing of a change that was rolled back", async () => {
    const job = await insert();
    const head = await store.feed.readHead();
    await (await hold(job.id)).query("rollback");
    expect((await read(head)).ids).toEqual([]);
  });

  test("misses nothing of writers on many connections that commit in any order", async () => {
    const jobs: Job[] = [];
    for (let index = 0; index < 8; index++) jobs.push(await insert());
    let cursor = await store.feed.readHead();
    const told = new Map<string, number>();
    const note = async (limit: number) => {
      const page = await read(cursor, limit);
      for (const { job } of page.changes) {
        expect(job.version).toBeGreaterThan(told.get(job.id) ?? 0);
        told.set(job.id, job.version);
      }
      cursor = page.cursor;
      return page.isLast;
    };
    const writers = { areDone: false };
    const writing = Promise.all(
      jobs.map(async (job, index) => {
        const client = await connect();
        for (let round = 0; round < 20; round++) {
          await client.query("begin");
          await client.query("update jobs set version = version + 1 where id = $1", [job.id]);
          // Held open for longer or shorter, so that numbers and commits fall apart.
          for (let step = 0; step < (index * 7 + round) % 5; step++) await client.query("select 1");
          await client.query("commit");
        }
      }),
    ).finally(() => {
      writers.areDone = true;
    });
    do await note(3);
    while (!writers.areDone);
    await writing;
    while (!(await note(3)));
    expect(told).toEqual(new Map(jobs.map((job) => [job.id, 21])));
  });

  test("is the same on every gateway", async () => {
    const head = await store.feed.readHead();
    const job = await insert();
    const page = await readFeed(await open(), head, 10);
    expect(page?.changes.map((change) => change.job)).toEqual([job]);
  });

  test("asks for a reset behind more than 10,000 changed jobs, and not behind 10,000", async () => {
    const head = await store.feed.readHead();
    const client = await connect();
    const fill = (from: number, to: number) =>
      client.query(
        `insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at, updated_at, work, submit_until)
        select 'job_' || number, 'local', 'd', 'v1', 'IN_QUEUE', 1, 0, 0, 1, 0
        from generate_series(${from}, ${to}) number`,
      );
    await fill(1, 10_000);
    expect((await read(head, 200)).ids).toHaveLength(200);
    await fill(10_001, 10_001);
    expect(await readFeed(store, head, 200)).toBeNull();
    expect(await readFeed(store, head, 200, "local")).toBeNull();
    // The changes are all of one owner: another one's feed hears nothing of them.
    expect(await readFeed(store, head, 200, "quiet")).toMatchObject({ changes: [], isLast: true });
    expect((await read(await store.feed.readHead())).ids).toEqual([]);
  });

  test("asks for a reset once Postgres may give out numbers twice: a crash empties what names the era", async () => {
    const head = await store.feed.readHead();
    await (await connect()).query("truncate feed_eras");
    expect(await readFeed(store, head, 10)).toBeNull();
    const job = await insert();
    const next = await store.feed.readHead();
    expect(await readFeed(store, head, 10)).toBeNull();
    expect((await read(next)).ids).toEqual([]);
    expect(job.version).toBe(1);
    const { rows } = await (
      await connect()
    ).query("select relpersistence from pg_class where relname = 'feed_eras'");
    expect(rows).toEqual([{ relpersistence: "u" }]);
  });

  test("asks for a reset by the cursors of a database that a dump was taken of", async () => {
    const head = await store.feed.readHead();
    const client = await connect();
    // What a restore does: the same rows, by another transaction.
    await client.query("create table copied as select * from feed_eras");
    await client.query("truncate feed_eras");
    await client.query("insert into feed_eras select * from copied");
    expect(await readFeed(store, head, 10)).toBeNull();
  });

  test("finds what changed along an index", async () => {
    const client = await connect();
    await client.query("set enable_seqscan = off");
    const { rows } = await client.query(
      "explain select id from jobs where changed >= 5 and changed < 9 order by changed, id limit 3",
    );
    expect(JSON.stringify(rows)).toContain("jobs_by_change");
  });

  test("lists no submit as abandoned whose lease is being extended at that moment", async () => {
    const client = await connect();
    const job = createJob({
      ownerId: "local",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(),
    });
    await store.jobs.insert({ job, input: {}, key: null, leaseMs: 0 });
    await client.query("begin");
    const inAMinute = Date.now() + 60_000;
    await client.query("update jobs set submit_until = $2 where id = $1", [job.id, inAMinute]);
    expect(await store.jobs.listAbandonedSubmits(10)).toEqual([]);
    await client.query("commit");
    expect(await store.jobs.listAbandonedSubmits(10)).toEqual([]);
  });
});
