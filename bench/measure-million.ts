import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { startGatewayProgram } from "./child-program.ts";
import { createKey } from "./create-key.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, quantile, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";

const JOBS = 1_000_000;
const READS = 400;
const BETWEEN_READS_MS = 5;
const GREEDY_CONNECTIONS = 4;

/** Finished jobs of one owner, whose deployments and statuses go together: half of the pairs are of no job. */
const SEED = `
  insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
    updated_at, finished_at, submit_until)
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${JOBS})
  select 'job_' || n, 'greedy', 'd' || (n % 10), 'v1',
    case when n % 10 < 5 then 'SUCCEEDED' else 'FAILED' end, 3, n, n, n, 0 from numbers`;

const JOB = JSON.stringify({
  query: "query ($id: ID!) { job(id: $id) { id status version createdAt } }",
  variables: { id: FINISHED.job.id },
});

/** Filters that match all, much and nothing. */
const FILTERS = [
  "{}",
  "{ status: [SUCCEEDED] }",
  '{ deploymentId: "d1" }',
  '{ deploymentId: "d1", status: [SUCCEEDED] }',
  '{ deploymentId: "d1", status: [FAILED] }',
  '{ deploymentId: "unknown", status: [SUCCEEDED, FAILED] }',
];

/** Thirty different pages with their counts. */
const GREEDY = JSON.stringify({
  query: `{ ${Array.from({ length: 30 }, (_, index) => {
    const filter = FILTERS[index % FILTERS.length]?.replace(
      "{",
      `{ createdBefore: "20${10 + index}-01-01T00:00:00Z", `,
    );
    return `a${index}: jobs(first: 20, filter: ${filter}) { totalCount edges { node { id status } } }`;
  }).join(" ")} }`,
});

/** One owner with a million jobs asks for all that it can; how long another one's read then takes. */
export async function measureMillion(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  const postgresUrl = await postgres.createDatabase();
  const file = join(folder, "million.db");
  await storeFinishedJob(`file:${file}`, { ownerId: "quiet" });
  await storeFinishedJob(postgresUrl, { ownerId: "quiet" });
  using sqlite = new DatabaseSync(file);
  sqlite.exec(SEED);
  const client = new pg.Client(postgresUrl);
  await client.connect();
  await client.query(SEED);
  await client.query("vacuum analyze jobs");
  await client.end();
  return [
    ...(await measure("SQLite", `file:${file}`)),
    ...(await measure("Postgres", postgresUrl)),
  ];

  async function measure(name: string, databaseUrl: string): Promise<Figure[]> {
    const keys = join(folder, `${name}-keys.json`);
    const quiet = { authorization: `Bearer ${await createKey(keys, "quiet")}` };
    const greedy = { authorization: `Bearer ${await createKey(keys, "greedy")}` };
    await using gateway = await startGatewayProgram(upstream, {
      AUTH: "api-keys",
      API_KEYS_FILE: keys,
      DATABASE_URL: databaseUrl,
    });
    using quietClient = openClient(1);
    using greedyClient = openClient(GREEDY_CONNECTIONS);

    async function read(): Promise<number[]> {
      const durations: number[] = [];
      for (let count = 0; count < READS; count++) {
        const startedAt = performance.now();
        await quietClient.post(gateway.url, JOB, quiet);
        durations.push(performance.now() - startedAt);
        await delay(BETWEEN_READS_MS);
      }
      return durations;
    }

    await read();
    const alone = await read();
    const over = new AbortController();
    let asked = 0;
    const asking = Promise.all(
      Array.from({ length: GREEDY_CONNECTIONS }, async () => {
        while (!over.signal.aborted) {
          const answer = await greedyClient.post(gateway.url, GREEDY, greedy);
          if (answer.includes('"errors"')) throw new Error(`The greedy owner was told ${answer}`);
          asked += 1;
        }
      }),
    );
    const startedAt = performance.now();
    const beside = await read();
    const greedyMs = (performance.now() - startedAt) / asked;
    over.abort();
    await asking;
    const base = toFigure(
      `${name}: a quiet owner's job(id) alone, p99`,
      quantile(alone, 0.99),
      "ms",
    );
    return [
      base,
      toFigure(`${name}: beside a million jobs' owner, median`, median(beside), "ms", base),
      toFigure(`${name}: beside a million jobs' owner, p99`, quantile(beside, 0.99), "ms", base),
      toFigure(`${name}: that owner's 30 pages and counts, each`, greedyMs, "ms"),
    ];
  }
}
