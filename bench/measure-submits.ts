import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { PRODUCTION, startGatewayProgram, startProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";
import { readSubmitted, SUBMIT_BODY } from "./submit-job.ts";

const ROUNDS = 5;
const SUBMITS = 500;
const CONNECTIONS = 32;

/** Submits on SQLite, each with two commits, beside a loop of node:http and ky that keeps nothing. */
export async function measureSubmits(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  // A poll would take time from the submits.
  upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  await using gateway = await startGatewayProgram(upstream, {
    ...PRODUCTION,
    DATABASE_URL: `file:${folder}/submits.db`,
  });
  await using bare = await startProgram("peers/bare-submits.ts", {
    ...PRODUCTION,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  using client = openClient(CONNECTIONS);

  async function measure(url: string): Promise<number> {
    const tookMs = await client.repeat(SUBMITS, async () => {
      readSubmitted(await client.post(url, SUBMIT_BODY));
    });
    return (SUBMITS * 1_000) / tookMs;
  }

  const bareRates: number[] = [];
  const gatewayRates: number[] = [];
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const bareRate = await measure(bare.url);
    const gatewayRate = await measure(gateway.url);
    if (round === 0) continue;
    bareRates.push(bareRate);
    gatewayRates.push(gatewayRate);
  }
  const base = toFigure("node:http and ky alone", median(bareRates), "submits/s");
  return [base, toFigure("gateway on SQLite", median(gatewayRates), "submits/s", base)];
}
