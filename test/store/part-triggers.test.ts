import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import { SetupError } from "../../src/runtime/coded-error.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { PartTables } from "../../src/engine/store/migrations.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { insertJob } from "./store-jobs.ts";

/** A part that notes each job that is added. */
function makePart(name: string): PartTables {
  const table = sql.table(`${name}_notes`);
  return {
    name,
    migrations: [
      {
        version: 1,
        isBreaking: false,
        statements: () => [sql`create table ${table} (job_id text not null)`],
      },
    ],
    triggers: () => [
      {
        name: `jobs_add_${name}`,
        after: sql`insert on jobs`,
        act: sql`insert into ${table} (job_id) values (new.id)`,
      },
    ],
  };
}

const A = makePart("a");
const B = makePart("b");

type Open = (parts: readonly PartTables[], url?: string) => Promise<JobStore>;

function createOpen(databaseUrl: string): Open {
  return async (parts, url = databaseUrl) => {
    const log = pino({ level: "silent" });
    const store = await openStore({ upstream: "sandbox", databaseUrl: url, log, parts });
    onTestFinished(async () => void (await store.close().catch(() => "already closed")));
    return store;
  };
}

async function createSqlite() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  return {
    databaseUrl: `file:${path}`,
    async read(text: string): Promise<unknown[]> {
      using file = new DatabaseSync(path);
      return file.prepare(text).all().flatMap(Object.values);
    },
  };
}

async function createPostgres() {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  return {
    databaseUrl: url,
    async read(text: string): Promise<unknown[]> {
      const client = new pg.Client(url);
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(text);
      await client.end();
      return rows.flatMap(Object.values);
    },
  };
}

const PARTS = "select name from part_triggers order by name";

test.each([
  ["SQLite", createSqlite],
  ["Postgres", createPostgres],
])(
  "on %s the triggers of a part are there while it is on, and its tables stay",
  async (_name, create) => {
    const { databaseUrl, read } = await create();
    const open = createOpen(databaseUrl);
    const added: string[] = [];
    for (const parts of [[A], [A, B], [B], [], [A]]) {
      const store = await open(parts);
      const { id } = await insertJob(store);
      if (parts.includes(A)) added.push(id);
      expect(await read("select job_id from a_notes")).toEqual(added);
      expect(await read(PARTS)).toEqual(parts.map(({ name }) => `jobs_add_${name}`));
      await store.close();
    }
    expect(await read("select job_id from b_notes")).toHaveLength(2);
  },
);

describe("of gateways that share a Postgres", () => {
  test("one with other parts refuses to start beside another, changes nothing, and says why", async () => {
    const { databaseUrl, read } = await createPostgres();
    const open = createOpen(databaseUrl);
    const first = await open([A]);
    const second = await open([A]);
    await expect(open([B])).rejects.toThrow(
      /This gateway has b on and has a off, unlike another one.*stop all of them/,
    );
    await first.close();
    await expect(open([])).rejects.toThrow(SetupError);
    expect(await read(PARTS)).toEqual(["jobs_add_a"]);
    await second.ping();
    await second.close();
    await open([B]);
    expect(await read(PARTS)).toEqual(["jobs_add_b"]);
  });

  test("all that start at once with the same parts start", async () => {
    const { databaseUrl, read } = await createPostgres();
    const open = createOpen(databaseUrl);
    for (const parts of [[A], [A, B]]) {
      const stores = await Promise.all(Array.from({ length: 4 }, () => open(parts)));
      for (const store of stores) await store.ping();
      for (const store of stores) await store.close();
    }
    expect(await read(PARTS)).toEqual(["jobs_add_a", "jobs_add_b"]);
  });

  test("one of those that start at once with different parts starts, and its parts are on", async () => {
    const { databaseUrl, read } = await createPostgres();
    const open = createOpen(databaseUrl);
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.allSettled([A, B].map((part) => open([part])));
      const started = outcomes.flatMap((one, index) =>
        one.status === "fulfilled" ? [{ store: one.value, name: [A, B][index]?.name }] : [],
      );
      expect(started).toHaveLength(1);
      for (const { store, name } of started) {
        await store.ping();
        expect(await read(PARTS)).toEqual([`jobs_add_${name}`]);
        await store.close();
      }
      for (const one of outcomes)
        if (one.status === "rejected") expect(one.reason).toBeInstanceOf(SetupError);
    }
  });

  test("one that was cut off while another changed the parts is not ready until they are its own again", async () => {
    const { databaseUrl } = await createPostgres();
    const open = createOpen(databaseUrl);
    const proxied = new URL(databaseUrl);
    const proxy = await startTcpProxy({ port: Number(proxied.port) });
    onTestFinished(() => proxy.close());
    proxied.port = String(proxy.port);
    const cutOff = await open([A], proxied.href);
    proxy.drop();
    const other = await open([B]);
    proxy.heal();
    await expect
      .poll(() => cutOff.ping().catch(String), { timeout: 20_000 })
      .toMatch(/has a on and has b off/);
    await other.close();
    await (await open([A])).close();
    await expect.poll(() => cutOff.ping(), { timeout: 20_000 }).toBeUndefined();
  });
});
