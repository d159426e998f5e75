import { setTimeout as sleep } from "node:timers/promises";

import type { PostgresServer } from "../support/postgres-server.ts";
import { startPostgres } from "../support/postgres-server.ts";
import type { Checker } from "./checker.ts";
import { createChecker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import { startCluster } from "./cluster.ts";
import { keepCommits } from "./crash-postgres.ts";
import type { Round } from "./plan-rounds.ts";
import { planRounds } from "./plan-rounds.ts";
import { expirePoison, findWrongEnds, POISON } from "./poison.ts";

const GATEWAYS = 3;
const MAX_POISONED_ROUNDS = 50;
const JOBS_AT_ONCE_MEANWHILE = 5;
const PAUSE_MEANWHILE_MS = 300;
const RECOVERY_PATIENCE_MS = 120_000;
const PATIENCE_PER_JOB_MS = 60;
const LOGGED_LINES = 20;

type Scene = {
  readonly cluster: Cluster;
  readonly postgres: PostgresServer;
  readonly checker: Checker;
};

/**
 * Disturbs a cluster under load for so long, one round after another; the seed decides which round comes when, and how
 * long it lasts. Stops after the first round that broke a promise, and returns what. Poison jobs stay open all the while
 * and are ended after the last round.
 */
export async function runSoak({
  minutes,
  mostRounds = Infinity,
  seed,
  program,
  environment,
  tell,
}: {
  readonly minutes: number;
  /** How many of the rounds it does, if there is time for so many. */
  readonly mostRounds?: number;
  readonly seed: number;
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly tell: (line: string) => void;
}): Promise<readonly string[]> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.adopt(await startPostgres(), (server) => server.stop());
  await keepCommits(postgres.url);
  const cluster = opened.use(
    await startCluster({ databaseUrl: postgres.url, gateways: GATEWAYS, program, environment }),
  );
  const checker = opened.use(createChecker(cluster));
  const scene = { cluster, postgres, checker };
  cluster.upstream.script("held", ["in_queue", "in_progress"]);
  const endAt = performance.now() + minutes * 60_000;
  const planned = planRounds({ seed, minutes });

  for (let number = 1; number <= mostRounds && performance.now() < endAt; number++) {
    const { value: round } = planned.next();
    if (round === undefined) break;
    const name = `Round ${number}, ${describe(round)}`;
    tell(name);
    checker.allowReset(round.mayReset);
    try {
      if (number <= MAX_POISONED_ROUNDS) {
        for (const deploymentId of POISON) await checker.submit(deploymentId, 1);
      }
      await checker.submit("held", round.jobsInFlight);
      const broken = await runRound(scene, round, tell);
      if (broken.length > 0) return [name, ...broken, ...tailLogs(cluster)];
    } catch (error) {
      return [name, String(error), ...tailLogs(cluster)];
    }
  }
  return await endPoison(scene, tell);
}

/** What the gateways that are left said last. */
function tailLogs(cluster: Cluster): readonly string[] {
  return cluster.members().flatMap(({ url, process }) => {
    const lines = `${process.stdout()}${process.stderr()}`.trimEnd().split("\n");
    return lines.slice(-LOGGED_LINES).map((line) => `${url} said: ${line}`);
  });
}

async function runRound(
  { cluster, postgres, checker }: Scene,
  { disturbances, jobsInFlight }: Round,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  const doubtsBefore = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
  const isOver = new AbortController();
  const submitting = Promise.allSettled([submitMeanwhile(checker, isOver.signal)]);
  const disturbing = disturbances.map(async ({ run, startsAfterMs, lastingMs, choice }) => {
    await sleep(startsAfterMs);
    await run({ cluster, postgres, choice, lastingMs });
  });
  // Each ends what it began, also when another one fails.
  const outcomes = await Promise.allSettled(disturbing);
  isOver.abort();
  const undisturbedAt = performance.now();
  for (const outcome of [...outcomes, ...(await submitting)]) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
  await cluster.finishJobs();
  await checker.whenAllEnded(RECOVERY_PATIENCE_MS + jobsInFlight * PATIENCE_PER_JOB_MS, POISON);
  tell(`  recovered in ${inSeconds(performance.now() - undisturbedAt)}`);

  const doubts = (await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN")) - doubtsBefore;
  const mayDoubt = disturbances.some((one) => one.mayDoubt);
  return [
    ...(doubts === 0 || mayDoubt ? [] : [`${doubts} submits ended as unknown for no reason.`]),
    ...(await findWrongEnds(cluster)),
    ...(await checker.findBroken(POISON)),
  ];
}

/** A few jobs again and again, until it is over. */
async function submitMeanwhile(checker: Checker, isOver: AbortSignal): Promise<void> {
  while (!isOver.aborted) {
    await checker.submit("quick", JOBS_AT_ONCE_MEANWHILE);
    await sleep(PAUSE_MEANWHILE_MS);
  }
}

async function endPoison(
  { cluster, checker }: Scene,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  const poisoned = await cluster.database.query(
    "select from jobs where finished_at is null and status <> 'SUBMITTING'",
  );
  tell(`The end of ${poisoned.rows.length} poison jobs`);
  try {
    await expirePoison(cluster);
    await checker.whenAllEnded(RECOVERY_PATIENCE_MS);
  } catch (error) {
    return [`The end of the poison jobs: ${String(error)}`];
  }
  const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
  const succeeded = await checker.countJobs("SUCCEEDED");
  tell(`${succeeded} jobs succeeded, ${unknown} ended as unknown.`);
  return [...(await findWrongEnds(cluster)), ...(await checker.findBroken())];
}

function describe({ disturbances, jobsInFlight }: Round): string {
  const parts = disturbances.map(
    ({ name, startsAfterMs, lastingMs }) =>
      `${name} (${inSeconds(lastingMs)}${startsAfterMs > 0 ? `, after ${inSeconds(startsAfterMs)}` : ""})`,
  );
  return `${parts.join(" and ")}, ${jobsInFlight} jobs in flight`;
}

function inSeconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
