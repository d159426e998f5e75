import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { openStore } from "../../src/store/open-store.ts";
import { toManyJobs, toManyTexts } from "../support/many-jobs.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

const CONNECTIONS = 2;
const TIMEOUT = { timeout: 120_000 };
const PAGE = z.object({
  data: z.object({
    jobs: z.object({
      edges: z.array(z.unknown()),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  }),
});
const QUERY = `query ($filter: JobFilter, $after: String) {
  jobs(filter: $filter, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } }
}`;

describe.each([
  ["SQLite", openSqlite, 80_000],
  // It is the server that reads them.
  ["Postgres", openPostgres, 20_000],
])("on %s", (_name, openDatabase, jobs) => {
  test(
    "a search of texts that are hard to tell apart takes no turn for long, however many search",
    TIMEOUT,
    async () => {
      const { databaseUrl, execute } = await openDatabase();
      const text = "a".repeat(4_000);
      await execute(toManyJobs("local", 10_000) + toManyTexts("local", text));
      const texts = ["a".repeat(200), `${"a".repeat(199)}b`];
      await expectShortTurns(
        databaseUrl,
        texts.map((text) => ({ text, tag: "all", status: ["FAILED", "SUCCEEDED"] })),
      );
    },
  );

  test(
    "a tag of very many jobs with a status of none takes no turn for long, however many ask",
    TIMEOUT,
    async () => {
      const { databaseUrl, execute } = await openDatabase();
      await execute(toManyJobs("local", jobs));
      await expectShortTurns(databaseUrl, [{ tag: "all", status: ["FAILED"] }]);
    },
  );
});

/** Asks for each list on some connections at once until a page is full, or the list at its end. */
async function expectShortTurns(databaseUrl: string, filters: readonly object[]): Promise<void> {
  const gateway = await startAttackedGateway({ DATABASE_URL: databaseUrl });
  onTestFinished(() => gateway.end());

  async function walk(filter: object): Promise<void> {
    let after: string | null = null;
    for (;;) {
      const response: Response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: QUERY, variables: { filter, after } }),
      });
      const { edges, pageInfo } = PAGE.parse(await response.json()).data.jobs;
      if (edges.length > 0 || !pageInfo.hasNextPage) return;
      expect(pageInfo.endCursor).not.toBeNull();
      expect(pageInfo.endCursor).not.toBe(after);
      after = pageInfo.endCursor;
    }
  }

  // The second time a document is compiled, which is not what is measured.
  for (const _ of [1, 2]) await walk({});
  await gateway.expectShortTurns(async () => {
    const all = Array.from({ length: CONNECTIONS }, () => filters.map(walk));
    await Promise.all(all.flat());
  });
}

async function openSqlite() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const databaseUrl = `file:${path}`;
  await makeTables(databaseUrl);
  return {
    databaseUrl,
    async execute(sql: string) {
      using file = new DatabaseSync(path);
      file.exec(`begin; ${sql} commit`);
    },
  };
}

async function openPostgres() {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  await makeTables(url);
  return {
    databaseUrl: url,
    async execute(sql: string) {
      const client = new pg.Client(url);
      await client.connect();
      // Without triggers, which would take most of the time.
      await client.query(`set session_replication_role = replica; ${sql}`);
      await client.end();
    },
  };
}

async function makeTables(databaseUrl: string): Promise<void> {
  const log = pino({ level: "silent" });
  await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
}
