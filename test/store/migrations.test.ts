import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** On SQLite a column can't go while an index has it. */
const UNDO_INDEXES = ["age", "deployment", "status", "change"].flatMap((name) => [
  `drop index jobs_by_owner_and_${name}`,
  `drop index jobs_by_${name}`,
]);

const log = pino({ level: "silent" });

/** What came after `0002-feed`, taken away again: the tables as the previous version left them. */
const UNDO_SHARING = [
  "alter table jobs drop column job_owner",
  "drop table rates",
  "alter table feed_eras drop column key",
  "alter table gateways drop column shares_from",
  "alter table gateways drop column answered_at",
  "delete from gateway_migrations where name > '0002-feed'",
];

/** As the previous version says that it lives. */
const OLD_RENEWAL = `insert into gateways (id, lease_until)
  values ('old', (extract(epoch from clock_timestamp()) * 1000)::bigint + 6000)
  on conflict (id) do update set lease_until = excluded.lease_until`;

const OLD_CLAIM = `update jobs set owner = 'old' where id in
  (select id from jobs where status = 'IN_QUEUE' and (owner is null or owner not in
    (select id from gateways where lease_until > extract(epoch from clock_timestamp()) * 1000))
   for update skip locked)`;

function makeJob() {
  const job = createJob({
    ownerId: "local",
    deploymentId: "d",
    apiVersion: "v1",
    now: new Date(0),
  });
  return { ...job, status: "IN_QUEUE", requestId: "r" } as const;
}

test("A Postgres of the previous version is brought up to date while that one goes on, and the two share", async () => {
  const database = await createDatabase();
  const open = () => openStore({ databaseUrl: database.url, log, leaseMs: 60_000 });
  const before = await open();
  const job = makeJob();
  await before.insertJob(job, {}, null);
  await before.close();

  const old = new pg.Client(database.url);
  await old.connect();
  for (const statement of UNDO_SHARING) await old.query(statement);
  // A transaction that is older than the migration, as long as it may be.
  await old.query("begin");
  await old.query(OLD_RENEWAL);
  const opening = open();
  await old.query(OLD_CLAIM);
  await old.query("commit");
  let isOpen = false;
  const store = await Promise.race([
    opening.finally(() => (isOpen = true)),
    goOn(() => isOpen).then(() => opening),
  ]);

  await old.query(OLD_RENEWAL);
  expect(await store.readJob(job.id)).toMatchObject({ id: job.id, status: "IN_QUEUE" });
  expect(await store.readShares()).toMatchObject({
    gateways: 2,
    sharing: 2,
    unfinished: 1,
    owned: 0,
    isOutageElsewhere: false,
    answeredElsewhereMsAgo: null,
  });
  await old.end();
  await store.close();
  await database.drop();

  async function goOn(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await old.query(OLD_RENEWAL);
      await old.query(OLD_CLAIM);
    }
  }
});

test("A SQLite file of the previous version is brought up to date with its jobs", async () => {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const open = () => openStore({ databaseUrl: `file:${path}`, log });
  const before = await open();
  const job = makeJob();
  await before.insertJob(job, {}, null);
  await before.close();
  const file = new DatabaseSync(path);
  file.exec([...UNDO_INDEXES, ...UNDO_SHARING].join("; "));
  const store = await open();
  expect(await store.readJob(job.id)).toMatchObject({ id: job.id });
  await store.close();
  const columns = file.prepare("select name from pragma_table_info('gateways')").all();
  expect(columns.map(({ name }) => name)).toEqual([
    "id",
    "lease_until",
    "shares_from",
    "answered_at",
  ]);
  file.close();
});
