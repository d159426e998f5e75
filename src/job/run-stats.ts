import { nearestRank } from "./duration.ts";
import type { Run } from "./run.ts";
import type { Times } from "./run-times.ts";
import { isColdRun } from "./run-times.ts";

/** In seconds; the part of all that took no longer. */
export type Durations = { readonly p50: number; readonly p90: number; readonly p99: number };

/** How the last runs of a deployment went. Null where nothing is known of a duration. */
export type RunStats = {
  readonly runs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Without cold starts. */
  readonly queueSeconds: Durations | null;
  /** Of those that SUCCEEDED. */
  readonly runSeconds: Durations | null;
  readonly coldStartSeconds: Durations | null;
};

export function toRunStats(runs: readonly Run[], times: Times): RunStats {
  const count = (status: Run["status"]): number =>
    runs.filter((run) => run.status === status).length;
  const isCold = (run: Run): boolean => isColdRun(run, times);
  return {
    runs: runs.length,
    succeeded: count("SUCCEEDED"),
    failed: count("FAILED"),
    cancelled: count("CANCELLED"),
    queueSeconds: toDurations(runs.filter((run) => !isCold(run)).map((run) => run.queueMs)),
    runSeconds: toDurations(
      runs.filter(({ status }) => status === "SUCCEEDED").map((run) => run.runMs),
    ),
    coldStartSeconds: toDurations(runs.filter(isCold).map((run) => run.queueMs)),
  };
}

function toDurations(durationsMs: readonly (number | null)[]): Durations | null {
  const sorted = durationsMs.filter((one) => one !== null).toSorted((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = (part: number): number => nearestRank(sorted, part) / 1_000;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
