import { createHash } from "node:crypto";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import type { Database } from "../../src/store/database.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

/** Their hashes: a database that has run one never runs it again. Only ever added to, when the newest one is released. */
const FROZEN: readonly string[] = [
  "d997220bb032fda2b74594f05952401326046bf2fcd38eb3c7c6d2c07be21b1e",
];

test("a released migration is never edited", async () => {
  const { url, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const log = pino({ level: "silent" });
  const databases = [
    await openSqlite(":memory:", { upstream: "sandbox", log }),
    await openPostgres(url, { upstream: "sandbox", log }),
  ];
  for (const database of databases) onTestFinished(() => database.close());
  const hashes = MIGRATIONS.map(({ isBreaking, statements }) => {
    const texts = databases.map((database) =>
      statements(database).map((statement) => toText(statement, database)),
    );
    return createHash("sha256")
      .update(JSON.stringify([isBreaking, texts]))
      .digest("hex");
  });
  expect(hashes.slice(0, FROZEN.length)).toEqual(FROZEN);
});

/** Its SQL, however that is laid out, and its parameters. */
function toText(
  statement: ReturnType<(typeof MIGRATIONS)[number]["statements"]>[number],
  { queries }: Database,
) {
  const { sql, parameters } = statement.compile(queries);
  return [sql.replaceAll(/\s+/g, " "), parameters];
}
