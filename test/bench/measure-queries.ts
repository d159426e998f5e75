import { isDeepStrictEqual } from "node:util";

import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram, startProgram } from "./child-program.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";

const WARM_UP_ROUNDS = 2;
const ROUNDS = 5;
const REQUESTS = 1_500;
const CONNECTIONS = 16;

const QUERIES = {
  "job(id), its state":
    "query ($id: ID!) { job(id: $id) { id status queuePosition version isFinished createdAt updatedAt deployment { id name } } }",
  "job(id), all of it":
    "query ($id: ID!) { job(id: $id) { id requestId status queuePosition version isFinished isCancellable createdAt startedAt finishedAt updatedAt deployment { id name } input output assets { url path kind expiresAt } error { code message retryable } history { version status at } } }",
};

/** `job(id)` over HTTP: the gateway and two bare Yogas, each a process, asked in turns by this one. */
export async function measureQueries(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  const databaseUrl = `file:${folder}/queries.db`;
  await storeFinishedJob(databaseUrl);
  await using gateway = await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl });
  await using documented = await startProgram("bare-yoga.ts");
  await using unlimited = await startProgram("bare-yoga.ts", { BODY_LIMIT: "none" });
  using client = openClient(CONNECTIONS);
  const urls = [documented.url, unlimited.url, gateway.url];

  async function measure(name: string, query: string): Promise<Figure[]> {
    const body = JSON.stringify({ query, variables: { id: FINISHED.job.id } });
    const answers = await Promise.all(
      urls.map(async (url) => JSON.parse(await client.post(url, body))),
    );
    if (!answers.every((answer) => isDeepStrictEqual(answer, answers[0]))) {
      throw new Error(`The servers answer differently: ${JSON.stringify(answers)}`);
    }
    const rates = urls.map((): number[] => []);
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      for (const [index, url] of urls.entries()) {
        const durationMs = await client.repeat(REQUESTS, async () => {
          await client.post(url, body);
        });
        if (round >= 0) rates[index]?.push((REQUESTS * 1_000) / durationMs);
      }
    }
    const [documentedRate = 0, unlimitedRate = 0, gatewayRate = 0] = rates.map(median);
    const base = toFigure(`${name}: bare Yoga`, documentedRate, "requests/s");
    return [
      base,
      toFigure(`${name}: bare Yoga without its body limit`, unlimitedRate, "requests/s", base),
      toFigure(`${name}: gateway`, gatewayRate, "requests/s", base),
    ];
  }

  const figures: Figure[] = [];
  for (const [name, query] of Object.entries(QUERIES))
    figures.push(...(await measure(name, query)));
  return figures;
}
