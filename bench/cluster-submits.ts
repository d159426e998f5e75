import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { BenchPostgres } from "./bench-postgres.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import type { Fleet } from "./fleet.ts";
import { openClient } from "./http-client.ts";
import { readSubmitted, SUBMIT_BODY } from "./submit-job.ts";

const ROUNDS = 3;
/** In a round, and of each gateway before the first. */
const SUBMITS = 200;
const CONNECTIONS = 12;

/** Submits per second of two fleets in turns, each asked by a client that spreads; the jobs of a round end before the next. */
export async function measureSubmits(
  postgres: BenchPostgres,
  upstream: FaultyUpstream,
  one: Fleet,
  three: Fleet,
): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_queue", "in_progress", "succeeded"]);
  using client = openClient(CONNECTIONS);

  async function measureRound(fleet: Fleet, submits = SUBMITS): Promise<number> {
    const durationMs = await client.repeat(submits, async () => {
      readSubmitted(await client.post(fleet.nextUrl(), SUBMIT_BODY));
    });
    await postgres.whenIdle(fleet.databaseUrl);
    return (submits * 1_000) / durationMs;
  }

  for (const fleet of [one, three]) await measureRound(fleet, SUBMITS * fleet.gateways.length);
  const alone: number[] = [];
  const shared: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await measureRound(one));
    shared.push(await measureRound(three));
  }
  const base = toFigure("submits, 1 gateway", median(alone), "submits/s");
  return [base, toFigure("submits, 3 gateways", median(shared), "submits/s", base)];
}
