import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";

import { sql } from "kysely";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { DatabaseDiskError } from "../../src/engine/store/database-error.ts";
import { createJobStore, type JobStore } from "../../src/engine/store/job-store.ts";
import { openSqlite } from "../../src/engine/store/open-sqlite.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { WakeUps } from "../../src/engine/store/wake-ups.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { readFeed } from "../support/read-feed.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeJobStore } from "./job-store.contract.ts";
import { useSqlite } from "./store-context.ts";
import {
  ACCEPTED,
  CANCELLED,
  failToOpen,
  insertJob,
  RUNNING,
  see,
  toPutBack,
  UNANSWERED,
} from "./store-jobs.ts";
import { PART_TABLES } from "../support/part-tables.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }), parts: PART_TABLES };
const DUE = { limit: 100, exceptDeployments: [] };

const say = (store: JobStore, prompt: string) => insertJob(store, {}, { input: { prompt } });

describe("the job store on SQLite", () => {
  describeJobStore(useSqlite());
});

/** A file that may be opened again and again, what reads it past the store, and what the store does and logs. */
async function createFile() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const clock = { ms: 0 };
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  const { channels, statements } = collectStatements();
  const stores: JobStore[] = [];
  const open = async () => {
    const monotonic = () => clock.ms;
    const database = await openSqlite(path, { upstream: "sandbox", log, channels, monotonic });
    const store = createJobStore({ database, changes: new WakeUps(), channels });
    stores.push(store);
    return { database, store };
  };
  const { database, store } = await open();
  const other = new DatabaseSync(path);
  onTestFinished(async () => {
    other.close();
    for (const opened of stores) await opened.close().catch(() => "already closed");
  });
  return {
    path,
    clock,
    lines,
    store,
    other,
    /** Runs a statement on the store's own connection. */
    run: (statement: string) => sql.raw(statement).execute(database.queries),
    countCommits: () => statements.filter((text) => text === "commit").length,
    statements,
    reopen: () =>
      store
        .close()
        .then(open)
        .then((opened) => opened.store),
  };
}

test("a store in memory works, and two of them share nothing", async () => {
  const [a, b] = [
    await openStore({ ...QUIET, databaseUrl: ":memory:" }),
    await openStore({ ...QUIET, databaseUrl: ":memory:" }),
  ];
  await insertJob(a);
  expect([await a.jobs.count({}), await b.jobs.count({})]).toEqual([1, 0]);
  await Promise.all([a.close(), b.close()]);
});

describe("what an earlier process has left", () => {
  test("of accepted, unfinished jobs is due at once, in no order, and of no others", async () => {
    const { clock, store, reopen } = await createFile();
    clock.ms = 1e9;
    const ids: string[] = [];
    for (let age = 20; age > 0; age--) {
      const job = await insertJob(store, { createdAt: new Date(-age) });
      ids.push((await see(store, job, ACCEPTED, ...(age % 2 ? [RUNNING] : []))).id);
    }
    await see(store, await insertJob(store), ACCEPTED, CANCELLED);
    await insertJob(store);
    // The clock of another process begins anew.
    clock.ms = 0;
    const { polls } = await reopen();
    const due: string[] = [];
    for (let claim = 0; claim < 30; claim++) {
      const claimed = await polls.claimDue({ limit: 1, exceptDeployments: [] });
      due.push(...claimed.polls.map(({ job }) => job.id));
    }
    expect(due.toSorted()).toEqual(ids.toSorted());
    expect(due).not.toEqual(ids);
  });

  test("of submits is abandoned at once, and none of this one's", async () => {
    const { store, reopen } = await createFile();
    const left = await insertJob(store, {}, { leaseMs: 60_000 });
    const again = await reopen();
    await insertJob(again, {}, { leaseMs: 60_000 });
    expect(await again.jobs.listAbandonedSubmits(10)).toMatchObject([{ id: left.id }]);
  });
});

test("a cursor that an older copy of the file does not reach yet asks for a reset", async () => {
  const { store, other } = await createFile();
  await insertJob(store, { status: "IN_QUEUE" });
  const head = await store.feed.readHead();
  other.exec("update change_counter set value = value - 1");
  expect(await readFeed(store, head, 10)).toBeNull();
});

test("the key of a deleted job is kept no longer than it is taken", async () => {
  const { store, other } = await createFile();
  for (const key of ["one", "two"]) {
    const job = await insertJob(store, { status: "FAILED" }, { key: { key, fingerprint: "f" } });
    await store.jobs.delete(job.id);
    const keys = other.prepare("select key from spent_keys").all();
    expect(keys.map((row) => row["key"])).toEqual([key]);
    other.exec("update spent_keys set until = 1");
  }
});

test("what was promised survives a power loss, and what a long reader lets grow is cut afterwards", async () => {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const { queries, close } = await openSqlite(path, QUIET);
  onTestFinished(close);
  const read = async (pragma: string) =>
    (await sql<Record<string, unknown>>`pragma ${sql.raw(pragma)}`.execute(queries)).rows;
  expect(await read("synchronous")).toEqual([{ synchronous: 2 }]);
  expect(await read("journal_mode")).toEqual([{ journal_mode: "wal" }]);
  expect(await read("journal_size_limit")).toEqual([{ journal_size_limit: 64 * 1_048_576 }]);
});

test("polls write nothing to the file, and go on while another program writes to it", async () => {
  const { path, clock, store, other } = await createFile();
  for (let count = 0; count < 5; count++) await see(store, await insertJob(store), ACCEPTED);
  const { size } = await stat(`${path}-wal`);
  expect(size).toBeGreaterThan(0);
  other.exec("begin immediate");
  for (let round = 0; round < 5; round++) {
    clock.ms += 1_000;
    const { polls } = await store.polls.claimDue(DUE);
    expect(polls).toHaveLength(5);
    await store.polls.putBack(polls.map((poll) => toPutBack(poll, { delayMs: 1_000 })));
  }
  await store.polls.mendTimes();
  other.exec("rollback");
  expect((await stat(`${path}-wal`)).size).toBe(size);
});

test("jobs' rows are found without their documents", async () => {
  const { store, other } = await createFile();
  await say(store, "x".repeat(1_000_000));
  const pages = other.prepare("select sum(pgsize) as bytes from dbstat where name = 'jobs'").get();
  expect(Number(pages?.["bytes"])).toBeGreaterThan(0);
  expect(Number(pages?.["bytes"])).toBeLessThan(100_000);
});

test("no row of unbounded length is kept by its key, as each that is passed on the way to another would be read", async () => {
  const { queries, close } = await openSqlite(":memory:", QUIET);
  const { rows } = await sql`select name from pragma_table_list where wr = 1 order by name`.execute(
    queries,
  );
  await close();
  expect(rows).toEqual([{ name: "job_texts" }, { name: "unfinished_jobs" }]);
});

describe("the lock on an SQLite file", () => {
  test("refuses a second gateway, in the same process and by another name of the file too, and no backup", async () => {
    const folder = await createTemporaryFolder();
    await symlink(join(folder, "jobs.db"), join(folder, "link.db"));
    await symlink(folder, join(folder, "around"));
    // The first comes by a link whose file does not exist yet.
    const store = await openStore({ ...QUIET, databaseUrl: `file:${folder}/link.db` });
    for (const name of ["jobs.db", "link.db", "around/jobs.db", "./x/../jobs.db"]) {
      const error = await failToOpen(`file:${folder}/${name}`);
      expect(error.message).toMatch(/Another gateway uses .*jobs\.db.*use Postgres/);
    }
    await insertJob(store);
    const reader = new DatabaseSync(join(folder, "jobs.db"), { readOnly: true });
    expect(reader.prepare("select count(*) as count from jobs").get()).toEqual({ count: 1 });
    reader.close();
    await store.close();
    await (await openStore({ ...QUIET, databaseUrl: `file:${folder}/jobs.db` })).close();
  });

  test("is held by another process until that is killed, and not a moment longer", async () => {
    const databaseUrl = `file:${await createTemporaryFolder()}/jobs.db`;
    const child = fork(new URL("open-store-child.ts", import.meta.url), [databaseUrl]);
    expect((await once(child, "message"))[0]).toBe("open");
    expect((await failToOpen(databaseUrl)).message).toMatch(/Another gateway/);
    child.kill("SIGKILL");
    await once(child, "exit");
    await (await openStore({ ...QUIET, databaseUrl })).close();
  });
});

describe("opening an SQLite file", () => {
  test("makes the folders of the file", async () => {
    const databaseUrl = `file:${await createTemporaryFolder()}/a/b/jobs.db`;
    await (await openStore({ ...QUIET, databaseUrl })).close();
  });

  test("says what is wrong with its path", async () => {
    const folder = await createTemporaryFolder();
    await writeFile(join(folder, "empty.db"), "");
    // A folder in the place of the lock.
    await mkdir(join(folder, "jobs.db-lock"));
    const wrong: [string, RegExp][] = [
      [`file:${folder}/empty.db/below.db`, /below a file/],
      [`file:${folder}/empty.db/further/below.db`, /below a file/],
      [`file:${folder}`, /is a folder/],
      [`file:${folder}/jobs.db`, /can't be written/],
    ];
    for (const url of ["", "jobs.db", "file:", "mysql://me:s3cret@host/db"])
      wrong.push([url, /names no database/]);
    for (const [url, what] of wrong) expect((await failToOpen(url)).message).toMatch(what);
  });

  test("says that the file is no database and leaves it as it was", async () => {
    const folder = await createTemporaryFolder();
    const text = "these are my notes, ".repeat(100);
    await writeFile(join(folder, "notes.txt"), text);
    // The failed attempt lets go of the lock.
    for (let attempt = 0; attempt < 2; attempt++) {
      const { message } = await failToOpen(`file:${folder}/notes.txt`);
      expect(message).toMatch(/is no SQLite database/);
    }
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe(text);
  });
});

test.each([
  ["full", "pragma max_page_count = 1", "pragma max_page_count = 1000000"],
  ["failing", "pragma query_only = 1", "pragma query_only = 0"],
] as const)(
  "a disk lets nothing begin while it is %s; it is logged once a minute, and once when it is over",
  async (kind, fail, mend) => {
    const { store, run, clock, lines } = await createFile();
    const begin = [
      () => say(store, "x".repeat(100_000)),
      () => store.polls.claimDue(DUE),
      () => store.ping(),
    ];
    const { id } = await insertJob(store);
    await run(fail);
    for (const act of begin) await expect(act()).rejects.toMatchObject({ kind });
    clock.ms = 59_999;
    for (const act of begin) await expect(act()).rejects.toBeInstanceOf(DatabaseDiskError);
    expect(lines).toHaveLength(1);
    clock.ms = 60_000;
    for (const act of begin) await expect(act()).rejects.toBeInstanceOf(DatabaseDiskError);
    expect(lines).toHaveLength(2);
    expect(await store.jobs.read(id)).not.toBeNull();
    await run(mend);
    await Promise.all(begin.map((act) => act()));
    expect(lines).toEqual([lines[0], lines[0], "The database can be written again."]);
    expect(await store.jobs.count({})).toBe(2);
  },
);

describe("another program on the same file", () => {
  test("that writes for a moment is waited for, and the process does other things meanwhile", async () => {
    const { store, other } = await createFile();
    other.exec("begin immediate");
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const inserting = insertJob(store);
    await expect.poll(() => turns).toBeGreaterThan(5);
    other.exec("commit");
    const { id } = await inserting;
    clearInterval(turning);
    expect(await store.jobs.read(id)).not.toBeNull();
  });

  test("that keeps its lock is waited for once, however many want to write, which then fail with what to do, and no read waits behind them", async () => {
    const { store, other } = await createFile();
    other.exec("begin immediate");
    const [first, ...others] = Array.from({ length: 8 }, () => insertJob(store));
    const counting = store.jobs.count({});
    // Polls need no lock, so their success says nothing of it.
    const polling = setInterval(() => void store.polls.putBack([]), 1);
    onTestFinished(() => clearInterval(polling));
    const outcomes = Promise.allSettled(others);
    await expect(first).rejects.toThrow(/Another program holds a lock.*Close/);
    // All that does not wait is done by the next turn.
    await nextTurn();
    other.exec("rollback");
    for (const { status } of await outcomes) expect(status).toBe("rejected");
    expect(await counting).toBe(0);

    await insertJob(store);
    other.exec("begin immediate");
    const waiting = insertJob(store);
    await nextTurn();
    other.exec("rollback");
    await waiting;
  });

  test("that deletes it makes the ping fail, with what to do", async () => {
    const { store, path } = await createFile();
    await store.ping();
    await rm(path);
    await expect(store.ping()).rejects.toThrow(/was deleted or replaced.*Start the gateway again/);
    await writeFile(path, "");
    await expect(store.ping()).rejects.toThrow(/was deleted or replaced/);
  });
});

describe("writes that come at once", () => {
  test("share a commit, and each gets its own outcome", async () => {
    const { store, countCommits, statements } = await createFile();
    const before = countCommits();
    const jobs = await Promise.all(Array.from({ length: 40 }, () => insertJob(store)));
    expect(countCommits()).toBe(before + 1);
    const end = (job: Job) => store.jobs.save(job, { ...job, version: 2, status: "FAILED" }, null);
    // Of two ends of one job the first one counts.
    const saved = await Promise.all([...jobs, ...jobs].map(end));
    expect(saved).toEqual([...jobs.map(() => true), ...jobs.map(() => false)]);
    expect(countCommits()).toBe(before + 3);
    // Alone, one statement needs no transaction.
    const alone = await insertJob(store);
    statements.length = 0;
    await see(store, alone, UNANSWERED);
    expect(statements).toHaveLength(1);
  });

  test("name only the columns in which a job changes, so that the indexes of the others rest", async () => {
    const { store, statements } = await createFile();
    const queued = await see(store, await insertJob(store), ACCEPTED);
    statements.length = 0;
    const moved = await see(store, queued, { kind: "queued", queuePosition: 3 });
    const [text = ""] = statements;
    const assignments = /^update "jobs" set (.*?) where/.exec(text)?.[1] ?? "";
    const names = new Set([...assignments.matchAll(/"(\w+)"/g)].map(([, name]) => name));
    expect(names).toEqual(new Set(["queue_position", "place", "updated_at", "version"]));
    expect(await store.jobs.read(moved.id)).toEqual(moved);
  });

  test("suffer nothing where one of them fails", async () => {
    const { store, countCommits } = await createFile();
    const before = countCommits();
    const owners = ["greedy", "quiet", "greedy", "greedy", "calm"];
    const outcomes = await Promise.allSettled(
      owners.map((ownerId) => insertJob(store, { ownerId }, { mostInFlight: 2 })),
    );
    const failed = outcomes.map(({ status }) => status === "rejected");
    expect(failed).toEqual([false, false, false, true, false]);
    expect(countCommits()).toBe(before + 1);
    expect(await store.jobs.count({})).toBe(4);
    expect(await store.jobs.count({ ownerId: "greedy" })).toBe(2);
  });

  test("share a commit only up to 256 KiB of documents", async () => {
    const { store, countCommits } = await createFile();
    const before = countCommits();
    const sizes = [100, 180_000, 60_000, 100, 375_000, 100];
    await Promise.all(sizes.map((bytes) => say(store, "x".repeat(bytes))));
    expect(countCommits()).toBe(before + 3);
    expect(await store.jobs.count({})).toBe(6);
  });

  test("are written before a close that comes after them", async () => {
    const { store, other } = await createFile();
    const inserting = insertJob(store);
    const [{ id }] = await Promise.all([inserting, store.close()]);
    expect(other.prepare("select id from jobs").all()).toEqual([{ id }]);
  });
});
