import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";

import { sql } from "kysely";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import { createChannels } from "../../src/diagnostics/channels.ts";
import { SetupError } from "../../src/runtime/coded-error.ts";
import { advance } from "../../src/job/advance.ts";
import { createJob } from "../../src/job/job.ts";
import { createJobStore, type JobStore } from "../../src/store/job-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createLocalWakeUps } from "../../src/store/wake-ups.ts";
import { DatabaseDiskError } from "../../src/store/database-error.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { damageTable } from "../support/damage-table.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeJobStore } from "./job-store.contract.ts";

const log = pino({ level: "silent" });
const channels = createChannels();
const FACTS = { deploymentId: "d", apiVersion: "v1", now: new Date(0) };

describe("the job store on SQLite", () => {
  describeJobStore(async (channels) => {
    const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
    const databaseUrl = `file:${folder}/jobs.db`;
    let passedMs = 0;
    const open = (upstream = "sandbox") =>
      openStore({ upstream, databaseUrl, log, channels, monotonic: () => passedMs });
    let store = await open();
    return {
      store,
      async execute(statements) {
        const file = new DatabaseSync(join(folder, "jobs.db"));
        file.exec(statements);
        file.close();
      },
      async pass(ms) {
        passedMs += ms;
      },
      async restart(upstream) {
        await store.close();
        store = await open(upstream);
        return store;
      },
      async discard() {
        await store.close().catch(() => "already closed");
        await rm(folder, { recursive: true });
      },
    };
  });
});

test("a store in memory works, and two of them share nothing", async () => {
  const a = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  const b = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  await insertJob(a);
  expect(await a.jobs.count({})).toBe(1);
  expect(await b.jobs.count({})).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test("jobs of an earlier process come due in no order", async () => {
  const databaseUrl = `file:${await createTemporaryFolder()}/jobs.db`;
  const store = await openStore({ upstream: "sandbox", databaseUrl, log });
  const ids: string[] = [];
  for (let age = 30; age > 0; age--) {
    const job = createJob({ upstream: "sandbox", ...FACTS, ownerId: "local", now: new Date(-age) });
    await store.jobs.insert({ job, input: {}, key: null });
    await store.jobs.save(
      advance(job, { kind: "accepted", requestId: "r" }, new Date(0), "sandbox"),
      null,
    );
    ids.push(job.id);
  }
  await store.close();
  const restarted = await openStore({ upstream: "sandbox", databaseUrl, log });
  const due: string[] = [];
  for (let claim = 0; claim < 30; claim++) {
    const { polls } = await restarted.polls.claimDue({ limit: 1, exceptDeployments: [] });
    due.push(...polls.map(({ job }) => job.id));
  }
  expect(due.toSorted()).toEqual(ids.toSorted());
  expect(due).not.toEqual(ids);
  await restarted.close();
});

describe("the lock on an SQLite file", () => {
  test("refuses a second gateway, in the same process and by another name of the file too", async () => {
    const folder = await createTemporaryFolder();
    await symlink(join(folder, "jobs.db"), join(folder, "link.db"));
    await symlink(folder, join(folder, "around"));
    // The first comes by a link whose file does not exist yet.
    const store = await openStore({
      upstream: "sandbox",
      databaseUrl: `file:${folder}/link.db`,
      log,
    });
    for (const name of ["jobs.db", "link.db", "around/jobs.db", "./x/../jobs.db"]) {
      const error = await failToOpen(`file:${folder}/${name}`);
      expect(error.message).toMatch(/Another gateway uses .*jobs\.db.*use Postgres/);
    }
    await insertJob(store);
    await store.close();
    await (
      await openStore({ upstream: "sandbox", databaseUrl: `file:${folder}/jobs.db`, log })
    ).close();
  });

  test("is held by another process until that is killed, and not a moment longer", async () => {
    const folder = await createTemporaryFolder();
    const databaseUrl = `file:${folder}/jobs.db`;
    const child = fork(new URL("open-store-child.ts", import.meta.url), [databaseUrl]);
    expect((await once(child, "message"))[0]).toBe("open");
    expect((await failToOpen(databaseUrl)).message).toMatch(/Another gateway/);
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = await openStore({ upstream: "sandbox", databaseUrl, log });
    await insertJob(store);
    await store.close();
  });

  test("lets a backup read the file meanwhile", async () => {
    const folder = await createTemporaryFolder();
    const store = await openStore({
      upstream: "sandbox",
      databaseUrl: `file:${folder}/jobs.db`,
      log,
    });
    await insertJob(store);
    const reader = new DatabaseSync(join(folder, "jobs.db"), { readOnly: true });
    expect(reader.prepare("select count(*) as count from jobs").get()).toEqual({ count: 1 });
    reader.close();
    await store.close();
  });
});

describe("opening an SQLite file", () => {
  test("makes the folders of the file", async () => {
    const folder = await createTemporaryFolder();
    const store = await openStore({
      upstream: "sandbox",
      databaseUrl: `file:${folder}/a/b/jobs.db`,
      log,
    });
    await store.ping();
    await store.close();
  });

  test.for(["jobs.db/below.db", "jobs.db/further/below.db"])(
    "says that %s is below a file",
    async (path) => {
      const folder = await createTemporaryFolder();
      await writeFile(join(folder, "jobs.db"), "");
      expect((await failToOpen(`file:${folder}/${path}`)).message).toMatch(/below a file/);
    },
  );

  test("says that the path is a folder", async () => {
    const folder = await createTemporaryFolder();
    expect((await failToOpen(`file:${folder}`)).message).toMatch(/is a folder/);
  });

  test("says that the file can't be written, here because a folder is in the lock's place", async () => {
    const folder = await createTemporaryFolder();
    await mkdir(join(folder, "jobs.db-lock"));
    expect((await failToOpen(`file:${folder}/jobs.db`)).message).toMatch(/can't be written/);
  });

  test("says that the file is no database and leaves it as it was", async () => {
    const folder = await createTemporaryFolder();
    const text = "these are my notes, ".repeat(100);
    await writeFile(join(folder, "notes.txt"), text);
    expect((await failToOpen(`file:${folder}/notes.txt`)).message).toMatch(/is no SQLite database/);
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe(text);
    // The failed attempt let go of the lock.
    expect((await failToOpen(`file:${folder}/notes.txt`)).message).toMatch(/is no SQLite database/);
  });

  test("refuses a database that a newer program wrote, and lets go of it", async () => {
    const folder = await createTemporaryFolder();
    const databaseUrl = `file:${folder}/jobs.db`;
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
    const file = new DatabaseSync(join(folder, "jobs.db"));
    file.exec("insert into gateway_schema values (9999, 1, 0)");
    expect((await failToOpen(databaseUrl)).message).toMatch(/newer version.*Start that version/);
    file.exec("delete from gateway_schema where version = 9999");
    file.close();
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
  });

  test("leaves nothing half made when a migration fails, so that the next start succeeds", async () => {
    const folder = await createTemporaryFolder();
    const databaseUrl = `file:${folder}/jobs.db`;
    const file = new DatabaseSync(join(folder, "jobs.db"));
    // The last of the migration's tables is in the way.
    file.exec("create table change_counter (id text)");
    await failToOpen(databaseUrl);
    expect(file.prepare("select name from sqlite_master where name = 'jobs'").all()).toEqual([]);
    file.exec("drop table change_counter");
    file.close();
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
  });

  test.for(["", "jobs.db", "file:", "mysql://me:s3cret@host/db"])(
    "says that %j names no database",
    async (url) => {
      expect((await failToOpen(url)).message).toMatch(/names no database/);
    },
  );
});

test("a full disk rejects the write, loses nothing that was stored, and passes", async () => {
  const folder = await createTemporaryFolder();
  const database = await openSqlite(join(folder, "jobs.db"), { upstream: "sandbox", log });
  const store = createJobStore({ database, changes: createLocalWakeUps(), channels });
  const id = await insertJob(store);
  const setPages = (pages: number) =>
    sql`pragma max_page_count = ${sql.lit(pages)}`.execute(database.queries);
  await setPages(1);
  await expect(insertJob(store, "x".repeat(100_000))).rejects.toThrow(/full/);
  expect(await store.jobs.count({})).toBe(1);
  await setPages(1_000_000);
  await insertJob(store, "x".repeat(100_000));
  expect(await store.jobs.count({})).toBe(2);
  expect(await store.jobs.read(id)).not.toBeNull();
  await store.close();
});

describe("a disk or a file that fails", () => {
  async function openWatched() {
    const path = join(await createTemporaryFolder(), "jobs.db");
    const lines: string[] = [];
    const clock = { ms: 0 };
    const database = await openSqlite(path, {
      upstream: "sandbox",
      log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) }),
      monotonic: () => clock.ms,
    });
    const store = createJobStore({ database, changes: createLocalWakeUps(), channels });
    onTestFinished(() => store.close());
    const run = (statement: string) => sql.raw(statement).execute(database.queries);
    const begin = [
      () => insertJob(store, "x".repeat(100_000)),
      () => store.polls.claimDue({ limit: 1, exceptDeployments: [] }),
      () => store.ping(),
    ];
    return { path, store, begin, run, clock, lines };
  }

  test.each([
    ["full", "pragma max_page_count = 1", "pragma max_page_count = 1000000"],
    ["failing", "pragma query_only = 1", "pragma query_only = 0"],
  ] as const)(
    "lets nothing begin while it is %s; the log is told once a minute, and once that it is over",
    async (kind, fail, mend) => {
      const { store, begin, run, clock, lines } = await openWatched();
      const id = await insertJob(store);
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

  test("lets nothing begin once it was found damaged, though other parts of it are whole", async () => {
    const { path, store, begin, run, clock, lines } = await openWatched();
    const id = await insertJob(store, "x".repeat(10_000));
    // All is in the file, and nothing of it in memory.
    await run("pragma wal_checkpoint(truncate)");
    await run("pragma shrink_memory");
    await damageTable(path, "job_documents");
    await expect(store.jobs.readWithDocuments([id], 1_000_000)).rejects.toMatchObject({
      kind: "damaged",
    });
    expect(await store.jobs.count({})).toBe(1);
    for (const ms of [0, 59_999, 60_000]) {
      clock.ms = ms;
      for (const act of begin) await expect(act()).rejects.toMatchObject({ kind: "damaged" });
    }
    expect(lines).toEqual([
      expect.stringMatching(/^The database file is damaged.*restore.*backup/),
      lines[0],
    ]);
  });
});

describe("another program on the same file", () => {
  async function openWithOther() {
    const path = join(await createTemporaryFolder(), "jobs.db");
    const store = await openStore({ upstream: "sandbox", databaseUrl: `file:${path}`, log });
    const other = new DatabaseSync(path);
    onTestFinished(async () => {
      other.close();
      await store.close();
    });
    return { store, other, path };
  }

  test("that writes for a moment is waited for, and the process does other things meanwhile", async () => {
    const { store, other } = await openWithOther();
    other.exec("begin immediate");
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const inserting = insertJob(store);
    await expect.poll(() => turns).toBeGreaterThan(5);
    other.exec("commit");
    const id = await inserting;
    clearInterval(turning);
    expect(await store.jobs.read(id)).not.toBeNull();
  });

  test("that holds its lock makes a write fail after a moment, with what to do", async () => {
    const { store, other } = await openWithOther();
    other.exec("begin immediate");
    await expect(insertJob(store)).rejects.toThrow(/Another program holds a lock.*Close/);
    expect(await store.jobs.count({})).toBe(0);
    other.exec("rollback");
    await insertJob(store);
  });

  test("that keeps its lock is waited for once, however many want to write, and no read waits behind them", async () => {
    const { store, other } = await openWithOther();
    other.exec("begin immediate");
    const [first, ...others] = Array.from({ length: 8 }, () => insertJob(store));
    const counting = store.jobs.count({});
    // Polls need no lock, so their success says nothing of it.
    const polling = setInterval(() => void store.polls.putBack([]), 1);
    onTestFinished(() => clearInterval(polling));
    const outcomes = Promise.allSettled(others);
    await expect(first).rejects.toThrow(/Another program/);
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
    const { store, path } = await openWithOther();
    await store.ping();
    await rm(path);
    await expect(store.ping()).rejects.toThrow(/was deleted or replaced.*Start the gateway again/);
    await writeFile(path, "");
    await expect(store.ping()).rejects.toThrow(/was deleted or replaced/);
  });

  test("that reads for long lets the file of newest changes grow for no longer than it reads", async () => {
    const { store, other, path } = await openWithOther();
    const walBytes = async () => (await stat(`${path}-wal`)).size;
    other.exec("begin; select count(*) from jobs");
    other.prepare("select count(*) from jobs").get();
    while ((await walBytes()) < 100 * 1_048_576) await insertJob(store, "x".repeat(10_000_000));
    other.exec("commit");
    // The first write after a checkpoint begins the file anew.
    for (let count = 0; count < 2; count++) await insertJob(store, "x".repeat(10_000_000));
    await insertJob(store);
    expect(await walBytes()).toBeLessThanOrEqual(64 * 1_048_576);
  });

  test("finds jobs' rows without their documents", async () => {
    const { store, other } = await openWithOther();
    await insertJob(store, "x".repeat(8_000_000));
    const { bytes } = other
      .prepare("select sum(pgsize) as bytes from dbstat where name = 'jobs'")
      .get() ?? { bytes: null };
    expect(Number(bytes)).toBeGreaterThan(0);
    expect(Number(bytes)).toBeLessThan(100_000);
  });
});

async function insertJob(store: JobStore, prompt = "a cat"): Promise<string> {
  const job = createJob({
    ownerId: "local",
    deploymentId: "d",
    upstream: "sandbox",
    apiVersion: "v1",
    now: new Date(0),
  });
  await store.jobs.insert({ job, input: { prompt }, key: null });
  return job.id;
}

async function failToOpen(databaseUrl: string): Promise<SetupError> {
  const error = await openStore({ upstream: "sandbox", databaseUrl, log }).then(
    () => new Error("it opened"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SetupError)) throw error;
  expect(error.message).not.toContain("s3cret");
  return error;
}

describe("writes that come at once", () => {
  async function openCounted() {
    const path = join(await createTemporaryFolder(), "jobs.db");
    const { channels, statements } = collectStatements();
    const store = await openStore({
      upstream: "sandbox",
      databaseUrl: `file:${path}`,
      log,
      channels,
    });
    onTestFinished(() => store.close());
    const countCommits = () => statements.filter((sql) => sql === "commit").length;
    return { store, countCommits, statements };
  }

  test("share a commit, and each is told of its own outcome", async () => {
    const { store, countCommits } = await openCounted();
    const jobs = Array.from({ length: 40 }, () =>
      createJob({ upstream: "sandbox", ...FACTS, ownerId: "mine" }),
    );
    const before = countCommits();
    await Promise.all(jobs.map((job) => store.jobs.insert({ job, input: {}, key: null })));
    expect(countCommits()).toBe(before + 1);
    const ends = jobs.map((job) => advance(job, { kind: "unanswered" }, new Date(1), "sandbox"));
    // Of two ends of one job the first one counts.
    const saved = await Promise.all([...ends, ...ends].map((job) => store.jobs.save(job, null)));
    expect(saved).toEqual([...jobs.map(() => true), ...jobs.map(() => false)]);
    expect(countCommits()).toBe(before + 3);
  });

  test("suffer nothing where one of them fails", async () => {
    const { store, countCommits } = await openCounted();
    const before = countCommits();
    const insert = (ownerId: string) => {
      const job = createJob({ upstream: "sandbox", ...FACTS, ownerId });
      return store.jobs.insert({ job, input: {}, key: null, mostInFlight: 2 });
    };
    const owners = ["greedy", "quiet", "greedy", "greedy", "calm"];
    const outcomes = await Promise.allSettled(owners.map(insert));
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(countCommits()).toBe(before + 1);
    expect(await store.jobs.count({})).toBe(4);
    expect(await store.jobs.count({ ownerId: "greedy" })).toBe(2);
  });

  test("share a commit only up to 256 KiB of documents", async () => {
    const { store, countCommits } = await openCounted();
    const before = countCommits();
    const insert = (bytes: number) => {
      const job = createJob({ upstream: "sandbox", ...FACTS, ownerId: "mine" });
      return store.jobs.insert({ job, input: { prompt: "x".repeat(bytes) }, key: null });
    };
    await Promise.all([100, 180_000, 60_000, 100, 375_000, 100].map(insert));
    expect(countCommits()).toBe(before + 3);
    expect(await store.jobs.count({})).toBe(6);
  });

  test("share a commit when files that could not be fetched are put back", async () => {
    const { store, countCommits } = await openCounted();
    const job = createJob({ upstream: "sandbox", ...FACTS, ownerId: "mine" });
    await store.jobs.insert({ job, input: {}, key: null });
    const ended = advance(job, { kind: "unanswered" }, new Date(1), "sandbox");
    await store.jobs.save(ended, null);
    const urls = Array.from({ length: 16 }, (_, number) => `https://x.runcomfy.net/${number}.png`);
    await store.files.request(ended, urls);
    const { files } = await store.files.claimDue({ limit: 16, claimMs: 30_000 });
    const before = countCommits();
    await Promise.all(files.map((file) => store.files.putBack(file, 60_000)));
    expect(files).toHaveLength(16);
    expect(countCommits()).toBe(before + 1);
  });

  test("are written before a close that comes after them", async () => {
    const path = join(await createTemporaryFolder(), "jobs.db");
    const store = await openStore({ upstream: "sandbox", databaseUrl: `file:${path}`, log });
    const inserting = insertJob(store);
    await Promise.all([inserting, store.close()]);
    const file = new DatabaseSync(path);
    expect(file.prepare("select id from jobs").all()).toEqual([{ id: await inserting }]);
    file.close();
  });

  test("alone need no transaction for one statement", async () => {
    const { store, statements } = await openCounted();
    const id = await insertJob(store);
    statements.length = 0;
    const job = await store.jobs.read(id);
    if (job === null) throw new Error("the job that was just inserted is gone");
    await store.jobs.save(advance(job, { kind: "unanswered" }, new Date(1), "sandbox"), null);
    expect(statements).toHaveLength(2);
  });
});
