import type { Duration } from "./duration.ts";
import { fromMoments, nearestRank } from "./duration.ts";
import { type Job, sentAtOf } from "./job.ts";
import type { JsonObject } from "./json.ts";
import type { Learned, Sample } from "./learn-duration.ts";
import { learnDuration, toMoments } from "./learn-duration.ts";

/** One past run of a deployment, of any owner. */
export type Run = {
  readonly status: "SUCCEEDED" | "FAILED" | "CANCELLED";
  /** How much its input asked for, as `toWork` says. */
  readonly work: number;
  /** How many jobs were in front of it when RunComfy first said so; null where it never did. */
  readonly place: number | null;
  /** For how long the deployment had run nothing of the gateway's when it was sent; null: it never had. */
  readonly idleMs: number | null;
  /** From sent to started; null when it never started. */
  readonly queueMs: number | null;
  /** From started to ended; null when it never started. */
  readonly runMs: number | null;
};

const PIXELS = 1_024 * 1_024;
/** What an input asks for, most often, where nothing says it. */
const USUAL = { num_frames: 1, sample_steps: 25, width: 1_024, height: 1_024 };
const MAX_WORK = 1e9;

/**
 * How much an input asks for: frames × steps × megapixels, with the defaults for what it leaves out. What a model's time
 * depends on, as far as an input shows it.
 */
export function toWork(input: JsonObject, defaults: JsonObject = {}): number {
  const read = (name: keyof typeof USUAL): number => {
    const numbers = [input[name], defaults[name]].filter((value) => typeof value === "number");
    return numbers.find((value) => value > 0) ?? USUAL[name];
  };
  const pixels = read("width") * read("height");
  const work = (read("num_frames") * read("sample_steps") * pixels) / PIXELS;
  // Never 0, which has no logarithm, nor NaN, which is 0 × Infinity.
  return work >= 1 / MAX_WORK ? Math.min(MAX_WORK, work) : 1 / MAX_WORK;
}

/** What past runs of a deployment teach about its next ones. */
export type Times = {
  /** From start to end. */
  readonly run: Learned;
  /** From being sent to the start where nobody is in front, and an instance runs. */
  readonly start: Learned;
  /** The same where an instance has to start first. */
  readonly coldStart: Learned;
  /** After so long without a run, a start is cold. */
  readonly coldAfterMs: number;
  /** Of the seconds between two starts while jobs wait; null while no job has waited behind another. */
  readonly interval: { readonly mean: number; readonly variance: number } | null;
};

/** `runs` are newest first. Run times are those of runs that SUCCEEDED. */
export function learnTimes(runs: readonly Run[]): Times {
  const first = runs.filter(({ place }) => place === null || place === 0);
  const coldAfterMs = findColdStarts(first);
  const isCold = (run: Run): boolean => isColdRun(run, { coldAfterMs });
  return {
    run: learnDuration(
      runs.flatMap(({ status, runMs, work }) =>
        status === "SUCCEEDED" && runMs !== null ? toSample(runMs, work) : [],
      ),
    ),
    start: learnDuration(toStarts(first.filter((run) => !isCold(run)))),
    coldStart: learnDuration(toStarts(first.filter(isCold))),
    coldAfterMs,
    interval: findInterval(runs),
  };
}

/** Whether a run found no instance, and so waited for one. */
function isColdRun(run: Run, { coldAfterMs }: Pick<Times, "coldAfterMs">): boolean {
  return (run.place ?? 0) === 0 && toIdleMs(run) >= coldAfterMs;
}

/** Whether a queued job probably waits for an instance to start. */
export function isColdStart(job: QueuedJob, { coldAfterMs }: Times): boolean {
  return !hasWaited(job) && toIdleMs(job) >= coldAfterMs;
}

type QueuedJob = Pick<
  Job,
  "queuePosition" | "place" | "idleMs" | "createdAt" | "sentAt" | "updatedAt" | "work"
>;

/** How long a queued job takes to its start, counted from `sinceMs`; `basedOn` is 0 where nothing is known of that. */
export function toStart(
  job: QueuedJob,
  times: Times,
): { readonly duration: Duration; readonly sinceMs: number; readonly basedOn: number } {
  if (!hasWaited(job)) {
    const { of, basedOn } = isColdStart(job, times) ? times.coldStart : times.start;
    return { duration: of(1), sinceMs: sentAtOf(job).getTime(), basedOn };
  }
  const starts = (job.queuePosition ?? 0) + 1;
  const { mean, variance } = times.interval ?? guessInterval(times.run.median(job.work));
  const duration = fromMoments(starts * mean, starts * variance);
  return { duration, sinceMs: job.updatedAt.getTime(), basedOn: times.run.basedOn };
}

/** Whether others are, or were, in front of it. */
function hasWaited({ place, queuePosition }: QueuedJob): boolean {
  return (place ?? 0) > 0 || (queuePosition ?? 0) > 0;
}

/** As if the jobs ran one after the other. */
function guessInterval(median: number) {
  const mean = Math.max(1, median);
  return { mean, variance: mean ** 2 };
}

function toSample(durationMs: number, work: number): Sample {
  return { seconds: durationMs / 1_000, work };
}

function toStarts(runs: readonly Run[]): readonly Sample[] {
  return runs.flatMap(({ queueMs }) => (queueMs === null ? [] : toSample(queueMs, 1)));
}

/** Never having run is as long as can be. */
function toIdleMs({ idleMs }: Pick<Run, "idleMs">): number {
  return idleMs ?? Number.MAX_SAFE_INTEGER;
}

const MIN_COLD = 2;
const MIN_RATIO = 2;
/** In standard errors. */
const CLEAR = 4;

/** The idle time from which on starts take at least twice as long, by the cut that tells them apart best; else Infinity. */
function findColdStarts(runs: readonly Run[]): number {
  const starts = runs
    .flatMap((run) => (run.queueMs === null ? [] : { idleMs: toIdleMs(run), queueMs: run.queueMs }))
    .toSorted((a, b) => a.idleMs - b.idleMs);
  const points = starts.map(({ queueMs }) => ({ value: Math.log(queueMs + 1), weight: 1 }));
  let best = { coldAfterMs: Infinity, apart: 0 };
  for (const [at, { idleMs: coldAfterMs }] of starts.entries()) {
    if (at < MIN_COLD || at > starts.length - MIN_COLD) continue;
    if (coldAfterMs === starts[at - 1]?.idleMs) continue;
    const [warm, cold] = [toMoments(points.slice(0, at)), toMoments(points.slice(at))];
    const difference = cold.mean - warm.mean;
    const apart = difference ** 2 * at * (starts.length - at);
    const squares = warm.variance * warm.weight + cold.variance * cold.weight;
    const spread = squares / (starts.length - 2);
    const error = Math.sqrt(spread * (1 / warm.weight + 1 / cold.weight));
    if (difference > Math.max(Math.log(MIN_RATIO), CLEAR * error) && apart > best.apart)
      best = { coldAfterMs, apart };
  }
  return best.coldAfterMs;
}

/** With each newer run, an older one counts so much less. */
const AGEING = 0.95;

function findInterval(runs: readonly Run[]): Times["interval"] {
  const waits = runs.flatMap(({ place, queueMs }, index) =>
    place !== null && place > 0 && queueMs !== null
      ? { starts: place + 1, seconds: queueMs / 1_000, weight: AGEING ** index }
      : [],
  );
  const starts = waits.reduce((sum, wait) => sum + wait.weight * wait.starts, 0);
  if (starts === 0) return null;
  const mean = waits.reduce((sum, wait) => sum + wait.weight * wait.seconds, 0) / starts;
  const weight = waits.reduce((sum, wait) => sum + wait.weight, 0);
  const variance =
    waits.reduce(
      (sum, wait) => sum + (wait.weight * (wait.seconds - wait.starts * mean) ** 2) / wait.starts,
      0,
    ) / weight;
  // A few that took equally long don't show how much they may differ.
  return { mean: Math.max(mean, 0.01), variance: variance + mean ** 2 / waits.length + 0.001 };
}

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
