import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import { openStore } from "../../src/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

/*
 * What is done again and again to a job with a large output.
 */

const CONNECTIONS = 8;
const ROUNDS = 2;
const TIMEOUT = { timeout: 120_000 };
const URLS = 1_000;
const ID = "job_1";

/** Some 6 MB of what a model sees in frames, and a thousand pictures. */
const SEEN = `a cat that looks to the left, ${"and then to the right, ".repeat(2)}`;
const OUTPUT = JSON.stringify({
  images: Array.from({ length: URLS }, (_, index) => `https://x.runcomfy.net/${index}.png`),
  frames: Array.from({ length: 50_000 }, (_, index) => ({ box: [index, 1, 2, 3], seen: SEEN })),
});
/** Of a version before: what files it names was not kept beside it. */
const JOB = `
  insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at, updated_at,
    finished_at, work, submit_until)
  values ('${ID}', 'local', 'd', 'v1', 'SUCCEEDED', 3, 1000, 2000, 2000, 1, 0);
  insert into job_documents (job_id, input_bytes, output_bytes, input, output)
  values ('${ID}', 2, ${OUTPUT.length}, '{}', '${OUTPUT}');`;
const READ = `{ job(id: "${ID}") { ${[1, 2, 3, 4].map((one) => `a${one}: assets { url }`).join(" ")} } }`;
const KEEP = Array.from(
  { length: 10 },
  (_, index) => `k${index}: keepOutputs(jobId: "${ID}") { __typename }`,
).join(" ");

describe.each([
  ["SQLite", openSqlite],
  ["Postgres", openPostgres],
])("on %s", (_name, openDatabase) => {
  test.each([
    ["read the files", READ, `/${URLS - 1}.png"}]`],
    ["read the output", `{ job(id: "${ID}") { output } }`, SEEN],
    ["ask for copies", `mutation { ${KEEP} }`, '"KeepOutputsSuccess"'],
  ])(
    "who %s of a job with a large output, on many connections, takes no turn for long",
    TIMEOUT,
    async (_what, query, part) => {
      const gateway = await startAttackedGateway({ DATABASE_URL: await openDatabase() });
      onTestFinished(() => gateway.end());
      // What is loaded at the first request is not what is measured.
      await ask(gateway.url, '{ job(id: "job_0") { id } }');
      await gateway.expectShortTurns(async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const answers = Array.from({ length: CONNECTIONS }, () => ask(gateway.url, query));
          for (const answer of await Promise.all(answers)) expect(answer.includes(part)).toBe(true);
        }
      });
    },
  );
});

async function ask(url: string, query: string): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return await response.text();
}

async function openSqlite(): Promise<string> {
  const path = join(await createTemporaryFolder(), "jobs.db");
  await makeTables(`file:${path}`);
  using file = new DatabaseSync(path);
  file.exec(`begin; ${JOB} commit`);
  return `file:${path}`;
}

async function openPostgres(): Promise<string> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  await makeTables(url);
  const client = new pg.Client(url);
  await client.connect();
  await client.query(JOB);
  await client.end();
  return url;
}

async function makeTables(databaseUrl: string): Promise<void> {
  const log = pino({ level: "silent" });
  await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
}
