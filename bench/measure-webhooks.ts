import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { listenOnLoopback } from "../test/support/listen-on-loopback.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { PRODUCTION, startGatewayProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { quantile, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";
import { readSubmitted, SUBMIT_BODY } from "./submit-job.ts";

/** Of one owner; besides them one hangs and one is down. Each is called for each job. */
const RECEIVERS = 8;
/** With ten webhooks, 200 deliveries a second. */
const JOBS_PER_SECOND = 20;
const WARM_UP_JOBS = 5 * JOBS_PER_SECOND;
const JOBS = 25 * JOBS_PER_SECOND;
const PATIENCE_MS = 30_000;

const CALL = z.object({
  timestamp: z.string(),
  data: z.object({ job: z.object({ id: z.string() }) }),
});

/** From the commit of a job's end to the calls about it, while one of ten servers hangs and one is down. */
export async function measureWebhooks(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  upstream.script(DEPLOYMENT_ID, ["succeeded"]);
  const databases = [
    ["SQLite", `file:${join(folder, "webhooks.db")}`],
    ["Postgres", await postgres.createDatabase()],
  ] as const;
  const figures: Figure[] = [];
  for (const [name, databaseUrl] of databases) {
    const lateMs = await measureCalls(upstream, databaseUrl);
    const what = `${name}: from a job's end to a call of a webhook`;
    const base = toFigure(`${what}, median`, quantile(lateMs, 0.5), "ms");
    figures.push(base, toFigure(`${what}, p99`, quantile(lateMs, 0.99), "ms", base));
  }
  return figures;
}

/** How late each call of those that answer came. */
async function measureCalls(
  upstream: FaultyUpstream,
  databaseUrl: string,
): Promise<readonly number[]> {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(
    await startGatewayProgram(upstream, {
      ...PRODUCTION,
      DATABASE_URL: databaseUrl,
      WEBHOOKS_ALLOW: "127.0.0.0/8",
    }),
  );
  const client = stack.use(openClient(4));
  const measured = new Set<string>();
  const lateMs: number[] = [];

  async function start(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    const server = createServer(answer);
    stack.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    return { server, url: `http://127.0.0.1:${await listenOnLoopback(server, 0)}/` };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrivedAt = Date.now();
    const { timestamp, data } = CALL.parse(JSON.parse(await text(request)));
    response.writeHead(204).end();
    if (measured.has(data.job.id)) lateMs.push(arrivedAt - Date.parse(timestamp));
  }

  const down = await start(() => undefined);
  down.server.close();
  const hanging = await start(() => undefined);
  const urls = [down.url, hanging.url];
  for (let count = 0; count < RECEIVERS; count++)
    urls.push((await start((...call) => void answer(...call))).url);
  for (const url of urls) {
    const query = `mutation { createWebhook(url: "${url}", events: [JOB_SUCCEEDED]) { __typename } }`;
    const made = await client.post(gateway.url, JSON.stringify({ query }));
    if (!made.includes("CreateWebhookSuccess")) throw new Error(`No webhook was made: ${made}`);
  }

  const submits: Promise<void>[] = [];
  for (let count = 0; count < WARM_UP_JOBS + JOBS; count++) {
    const isMeasured = count >= WARM_UP_JOBS;
    submits.push(
      client.post(gateway.url, SUBMIT_BODY).then((submitted) => {
        if (isMeasured) measured.add(readSubmitted(submitted).id);
      }),
    );
    await delay(1_000 / JOBS_PER_SECOND);
  }
  await Promise.all(submits);
  const deadline = performance.now() + PATIENCE_MS;
  while (lateMs.length < RECEIVERS * JOBS) {
    if (performance.now() > deadline)
      throw new Error(
        `Only ${lateMs.length} of ${RECEIVERS * JOBS} calls came. Run it on a quieter machine.`,
      );
    await delay(100);
  }
  return lateMs;
}
