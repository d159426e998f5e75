import { setTimeout as sleep } from "node:timers/promises";

import type { PostgresServer } from "../support/postgres-server.ts";
import { startPostgres } from "../support/postgres-server.ts";
import type { Checker } from "./checker.ts";
import { createChecker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import { startCluster } from "./cluster.ts";
import { keepCommits } from "./database-faults.ts";
import type { Round } from "./plan-rounds.ts";

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

/** Disturbs a cluster under load, one round after another; stops after the first that broke a promise, and returns what. */
export async function runSoak({
  rounds,
  gateways,
  program,
  environment,
  tell,
}: {
  readonly rounds: Iterable<Round>;
  readonly gateways: number;
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly tell: (line: string) => void;
}): Promise<readonly string[]> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.adopt(await startPostgres(), (server) => server.stop());
  await keepCommits(postgres.url);
  const cluster = opened.use(
    await startCluster({ databaseUrl: postgres.url, gateways, program, environment }),
  );
  const checker = opened.use(createChecker(cluster));
  cluster.upstream.script("held", ["in_queue", "in_progress"]);
  let number = 0;
  for (const round of rounds) {
    const name = `Round ${++number}, ${describe(round)}`;
    tell(name);
    try {
      const broken = await runRound({ cluster, postgres, checker }, round, tell);
      if (broken.length > 0) return [name, ...broken, ...tailLogs(cluster)];
    } catch (error) {
      return [name, String(error), ...tailLogs(cluster)];
    }
  }
  const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
  const succeeded = await checker.countJobs("SUCCEEDED");
  tell(`${succeeded} jobs succeeded, ${unknown} ended as unknown.`);
  return [];
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
  { disturbances, jobsInFlight, mayReset }: Round,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  checker.allowReset(mayReset);
  await checker.submit("held", jobsInFlight);
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
  await checker.whenAllEnded(RECOVERY_PATIENCE_MS + jobsInFlight * PATIENCE_PER_JOB_MS);
  tell(`  recovered in ${inSeconds(performance.now() - undisturbedAt)}`);

  const doubts = (await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN")) - doubtsBefore;
  const mayDoubt = disturbances.some((one) => one.leavesNoDoubt !== true);
  return [
    ...(doubts === 0 || mayDoubt ? [] : [`${doubts} submits ended as unknown for no reason.`]),
    ...(await findWrongEnds(cluster)),
    ...(await checker.findBroken()),
  ];
}

/** A few jobs again and again, until it is over. */
async function submitMeanwhile(checker: Checker, isOver: AbortSignal): Promise<void> {
  while (!isOver.aborted) {
    await checker.submit("quick", JOBS_AT_ONCE_MEANWHILE);
    await sleep(PAUSE_MEANWHILE_MS);
  }
}

/** Which jobs have ended as they must not, a sentence each; that a submit's fate stayed unknown is no such end. */
async function findWrongEnds({ database }: Cluster): Promise<readonly string[]> {
  const { rows } = await database.query<{ end: string }>(
    `select id || ' is ' || status || ' ' || coalesce(error_code, '') as end from jobs
     where status in ('FAILED', 'CANCELLED') and error_code is distinct from 'SUBMISSION_UNKNOWN'`,
  );
  return rows.map(({ end }) => `Job ${end}.`);
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
