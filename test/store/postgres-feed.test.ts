import type pg from "pg";
import { beforeEach, describe, expect, test } from "vitest";

import type { JobStore } from "../../src/engine/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";
import { useSharedPostgres } from "./shared-postgres.ts";
import { insertJob } from "./store-jobs.ts";

describe("the feed on Postgres", () => {
  const { open, connect, query } = useSharedPostgres();
  let store: JobStore;

  beforeEach(async () => {
    store = await open();
  });

  const insert = () => insertJob(store, { status: "IN_QUEUE", requestId: "r" });

  /** A transaction that has its number, has changed a job, and stays open. */
  async function hold(jobId: string, change = "version = version + 1"): Promise<pg.Client> {
    const client = await connect();
    await client.query("begin");
    await client.query(`update jobs set ${change} where id = $1`, [jobId]);
    return client;
  }

  async function read(cursor: string, limit = 100) {
    const page = await readFeed(store, cursor, limit);
    if (page === null) throw new Error("the feed asked for a reset");
    return {
      ...page,
      ids: page.changes.map((change) => change.job.id),
      reasons: page.changes.map((change) => change.reason),
    };
  }

  test("reports a change whose transaction has a lower number and commits later, and waits for none", async () => {
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
    expect(last.changes).toMatchObject([{ job: { id: early.id, version: 2 } }]);
    expect((await read(last.cursor)).ids).toEqual([]);
    // A reader who was away all the while gets all three, and each of the cursors between is as good.
    expect((await read(head)).ids).toEqual([early.id, late.id, other.id]);
    expect((await read(page.changes[0]?.cursor ?? "")).ids).toEqual([early.id, late.id]);
  });

  test("reports what commits between the pages of a stage in the next stage", async () => {
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

  test("says that the status changed, whichever transactions were open at the reader's place", async () => {
    const job = await insert();
    const client = await hold(job.id, "status = 'IN_PROGRESS', version = version + 1");
    const [head, other] = [await store.feed.readHead(), await insert()];
    const before = await read(head);
    expect(before.ids).toEqual([other.id]);
    await client.query("commit");
    const reported = await read(before.cursor);
    await query(`update jobs set version = version + 1 where id = '${job.id}'`);
    // The change of the status has a lower number than the reader's place, and was open there.
    expect((await read(before.cursor)).reasons).toEqual(["STATUS"]);
    expect((await read(reported.cursor)).reasons).toEqual(["PROGRESS"]);
  });

  test("reports no status as new that is of an era whose numbers are still to come", async () => {
    await insert();
    // As a dump that is restored where fewer transactions have been.
    await query("update jobs set status_changed = 1000000000000");
    const head = await store.feed.readHead();
    await query("update jobs set version = version + 1");
    expect((await read(head)).reasons).toEqual(["PROGRESS"]);
  });

  test("asks for a reset behind more than 10,000 changed jobs, and not behind 10,000", async () => {
    const head = await store.feed.readHead();
    // Without triggers, which would take a second for all of them.
    const fill = (from: number, to: number) =>
      query(
        `set session_replication_role = replica;
        insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at, work, submit_until, changed)
        select 'job_' || number, 'local', 'lora', 'd', 'sandbox', 'v1', 'IN_QUEUE', 1, 0, 0, 1, 0, pg_current_xact_id()::text::bigint
        from generate_series(${from}, ${to}) number;
        set session_replication_role = origin`,
      );
    await fill(1, 10_000);
    expect((await read(head, 200)).ids).toHaveLength(200);
    await fill(10_001, 10_001);
    expect(await readFeed(store, head, 200)).toBeNull();
    expect(await readFeed(store, head, 200, "local")).toBeNull();
    // The changes are all of one owner: another one's feed gets none of them.
    expect(await readFeed(store, head, 200, "quiet")).toMatchObject({ changes: [], isLast: true });
    expect((await read(await store.feed.readHead())).ids).toEqual([]);
    await query("truncate jobs cascade");
  });

  test("asks for a reset once Postgres may give out numbers twice: a crash empties what names the era, and a restored dump has it of another transaction", async () => {
    const head = await store.feed.readHead();
    await query("create temp table copied as select * from feed_eras");
    await query("truncate feed_eras");
    expect(await readFeed(store, head, 10)).toBeNull();
    await insert();
    const next = await store.feed.readHead();
    expect(await readFeed(store, head, 10)).toBeNull();
    expect((await read(next)).ids).toEqual([]);
    await query("truncate feed_eras");
    await query("insert into feed_eras select * from copied");
    expect(await readFeed(store, head, 10)).toBeNull();
    const kind = await query("select relpersistence from pg_class where relname = 'feed_eras'");
    expect(kind).toEqual([{ relpersistence: "u" }]);
  });

  test("lists no submit as abandoned whose lease is being extended at that moment", async () => {
    const job = await insertJob(store, {}, { leaseMs: 0 });
    const client = await hold(job.id, `submit_until = ${Date.now() + 60_000}`);
    expect(await store.jobs.listAbandonedSubmits(10)).toEqual([]);
    await client.query("commit");
    expect(await store.jobs.listAbandonedSubmits(10)).toEqual([]);
  });
});
