import { startPostgres } from "../support/postgres-server.ts";
import { createChecker } from "./checker.ts";
import { startCluster } from "./cluster.ts";
import { DISTURBANCES } from "./disturbances.ts";

const GATEWAYS = 3;
const JOBS_IN_FLIGHT = 30;
const JOBS_MEANWHILE = 30;
const LONGEST_MS = 60_000;
const SHORTEST_MS = 2_000;
const RECOVERY_PATIENCE_MS = 120_000;

/**
 * Disturbs a cluster under load for so long, one round after another; the seed decides which round comes when and how
 * long it lasts, up to a tenth of the whole. Stops after the first round that broke a promise, and returns what.
 */
export async function runSoak({
  minutes,
  seed,
  environment,
  tell,
}: {
  readonly minutes: number;
  readonly seed: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly tell: (line: string) => void;
}): Promise<readonly string[]> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.adopt(await startPostgres(), (server) => server.stop());
  const cluster = opened.use(
    await startCluster({ databaseUrl: postgres.url, gateways: GATEWAYS, environment }),
  );
  const checker = opened.use(createChecker(cluster));
  const random = createRandom(seed);
  const pick = (limit: number): number => Math.floor(random() * limit);
  const endAt = performance.now() + minutes * 60_000;
  const longestMs = Math.min(LONGEST_MS, minutes * 6_000);
  cluster.upstream.script("held", ["in_queue", "in_progress"]);
  let unknown = 0;
  const names = Object.keys(DISTURBANCES);

  for (let round = 1; performance.now() < endAt; round++) {
    const name = names[pick(names.length)] ?? "";
    const lastingMs = SHORTEST_MS + pick(longestMs);
    tell(`Round ${round}: ${name} (${(lastingMs / 1_000).toFixed(1)} s)`);
    await checker.submit("held", JOBS_IN_FLIGHT);
    const submitting = checker.submit("quick", JOBS_MEANWHILE);
    try {
      await Promise.all([DISTURBANCES[name]?.({ cluster, postgres, pick, lastingMs }), submitting]);
      await cluster.finishJobs();
      await checker.whenAllEnded(RECOVERY_PATIENCE_MS);
    } catch (error) {
      return [`Round ${round}, ${name}: ${String(error)}`];
    }
    const failed = await checker.countJobs("FAILED");
    unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
    const broken = [...(await checker.findBroken())];
    if (failed !== unknown)
      broken.push(`${failed - unknown} jobs failed that should have succeeded.`);
    if (broken.length > 0) return broken.map((text) => `Round ${round}, ${name}: ${text}`);
  }
  tell(`${await checker.countJobs("SUCCEEDED")} jobs succeeded, ${unknown} ended as unknown.`);
  return [];
}

/** Mulberry32: the same numbers from 0 to below 1 for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
