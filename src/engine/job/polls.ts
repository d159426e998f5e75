import type { Observation } from "./advance.ts";
import { inspectionDelay, secondsSince } from "./duration.ts";
import { expired, inferenceFailed, INVALID_RESPONSE, LOST } from "./errors.ts";
import { type Job, type JobError, sentAtOf } from "./job.ts";
import type { Times } from "./run-times.ts";
import { toStart } from "./run-times.ts";
import { ownership } from "./upstream.ts";

/** What is remembered of a job's past polls. */
export type Polls = {
  /** How many polls in a row, up to the last one, said nothing. */
  readonly failures: number;
  /** How long ago the first of the polls in a row was that did not find the job. */
  readonly notFoundForMs: number | null;
  /** How long ago the first of the polls in a row was that saw the job ended but could not read how. */
  readonly unreadForMs: number | null;
};

export const NO_POLLS: Polls = { failures: 0, notFoundForMs: null, unreadForMs: null };

/** The outcome of one poll. */
export type PollOutcome =
  | { readonly kind: "seen"; readonly observation: Observation }
  /** The job is another account's, as the upstream says. */
  | { readonly kind: "not-ours" }
  /** The gateway does not know the upstream's status word; the job stays as it was. */
  | { readonly kind: "unknown-word" }
  /** The job has ended, but how can't be read; `succeeded` is null where the upstream did not say. */
  | {
      readonly kind: "unread";
      readonly succeeded: boolean | null;
      /** Whether a body came that would be refused again. */
      readonly isRefused?: boolean;
    }
  | { readonly kind: "not-found" }
  /** The poll itself failed, which says nothing about the job; `isUnreadable` where there was an answer. */
  | { readonly kind: "failed"; readonly isUnreadable?: boolean };

/** How long a job that was just accepted may be unknown to the upstream. */
const YOUNG_MS = 30_000;
/** How long a 404 has to last before it is believed of an older job. */
const LASTING_MS = 5_000;
const UNREAD_PATIENCE_MS = 10 * 60_000;
/** The reason of a failure is worth less than an early answer. */
const REASON_PATIENCE_MS = 30_000;

/** The polls including one that just ended, so long after `polls` were remembered. */
export function notePoll(polls: Polls, { kind }: PollOutcome, tookMs: number): Polls {
  const afterMs = Math.round(tookMs);
  if (kind === "seen" || kind === "unknown-word" || kind === "not-ours") return NO_POLLS;
  const notFoundForMs = polls.notFoundForMs === null ? null : polls.notFoundForMs + afterMs;
  const unreadForMs = polls.unreadForMs === null ? null : polls.unreadForMs + afterMs;
  const failures = polls.failures + 1;
  if (kind === "failed") return { failures, notFoundForMs, unreadForMs };
  return {
    failures,
    notFoundForMs: kind === "not-found" ? (notFoundForMs ?? 0) : null,
    unreadForMs: kind === "unread" ? (unreadForMs ?? 0) : null,
  };
}

/**
 * What a poll says of a job: what was seen, or the end that the gateway concludes once its patience is over, or null for
 * no news. `polls` include this one. A failed poll alone never ends a job; its deadline does.
 */
export function conclude(
  job: Job,
  polls: Polls,
  outcome: PollOutcome,
  now: Date,
  { upstream, deadlineSeconds }: Following,
): Observation | null {
  if (outcome.kind === "not-ours") return NOT_OURS;
  const seen = outcome.kind === "seen" ? outcome.observation : null;
  if (seen !== null && seen.kind !== "queued" && seen.kind !== "running") return seen;
  const isLate = now.getTime() >= deadlineMs(job, { upstream, deadlineSeconds });
  const error =
    giveUp(job, polls, outcome, now) ??
    (isLate ? expired(deadlineSeconds, isUnreadable(outcome)) : null);
  if (error === LOST && !isCertain(job, upstream)) return NOT_OURS;
  return error === null ? seen : { kind: "failed", error, finishedAt: null };
}

const NOT_OURS: Observation = { kind: "not-ours" };

/** How a gateway follows jobs: as which upstream's, and until when. */
export type Following = { readonly upstream: string; readonly deadlineSeconds: number };

/** When the gateway stops following a job, in milliseconds since 1970; never, while it may not be its upstream's. */
export function deadlineMs(
  job: Pick<Job, "createdAt" | "sentAt" | "upstream" | "detachedSince" | "detachedMs">,
  { upstream, deadlineSeconds }: Following,
): number {
  if (!isCertain(job, upstream)) return Infinity;
  return sentAtOf(job).getTime() + job.detachedMs + deadlineSeconds * 1_000;
}

/** Only what an upstream says of its own jobs can end them. */
function isCertain(job: Pick<Job, "upstream" | "detachedSince">, upstream: string): boolean {
  return job.detachedSince === null && ownership(job, upstream) === "ours";
}

function isUnreadable(outcome: PollOutcome): boolean {
  return outcome.kind === "unread" || (outcome.kind === "failed" && outcome.isUnreadable === true);
}

function giveUp(job: Job, polls: Polls, outcome: PollOutcome, now: Date): JobError | null {
  if (outcome.kind === "not-found") {
    const isOld = now.getTime() - sentAtOf(job).getTime() >= YOUNG_MS;
    return isOld && hasLasted(polls.notFoundForMs, LASTING_MS) ? LOST : null;
  }
  if (outcome.kind !== "unread") return null;
  const hasFailed = outcome.succeeded === false;
  if (hasFailed && (outcome.isRefused || hasLasted(polls.unreadForMs, REASON_PATIENCE_MS))) {
    return inferenceFailed(null);
  }
  return hasLasted(polls.unreadForMs, UNREAD_PATIENCE_MS) ? INVALID_RESPONSE : null;
}

function hasLasted(forMs: number | null, leastMs: number): boolean {
  return forMs !== null && forMs >= leastMs;
}

const MIN_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 15_000;
/** As long as any poll waits. What was refused may have been a proxy's, so it is fetched again, but rarely. */
const REFUSED_BACK_OFF_MS = 60_000;

/** How long to wait at least after so many failed polls in a row, with full jitter: `random` is in [0, 1). */
export function toBackOffMs(failures: number, random: number, outcome?: PollOutcome): number {
  if (outcome?.kind === "unread" && outcome.isRefused) return REFUSED_BACK_OFF_MS;
  if (failures === 0) return 0;
  return Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** Math.min(failures, 10)) * random;
}

const MIN_DELAY_SECONDS = 0.1;
/** A surprise is seen within this time, or within a quarter of the usual run, but a minute at most. */
const MAX_DELAY_SECONDS = 15;
const MAX_RUN_PART = 0.25;
const MAX_LONG_DELAY_SECONDS = 60;

/** A start that is noticed late costs a person so much less than an end. */
const START_COST = 25;

/** While nothing is known: half a second between polls of the usual cost, and from 20 s on a part of the age. */
const UNKNOWN_COST = 25;
const UNKNOWN_PART = 1 / 40;

/**
 * How many milliseconds after a poll at `nowMs`, which found the job open, the next one comes; `costSeconds` is what one
 * poll is worth in seconds of waiting.
 */
export function nextPollMs(job: Job, times: Times, nowMs: number, costSeconds: number): number {
  const seconds =
    job.startedAt === null
      ? untilStart(job, times, nowMs, costSeconds)
      : untilEnd(job, secondsSince(job.startedAt.getTime(), nowMs), times.run, costSeconds);
  return Math.round(Math.max(MIN_DELAY_SECONDS, seconds) * 1_000);
}

function untilStart(job: Job, times: Times, nowMs: number, costSeconds: number): number {
  const { duration, sinceMs, basedOn } = toStart(job, times);
  const age = secondsSince(sinceMs, nowMs);
  if (basedOn === 0) return whileUnknown(age, costSeconds);
  const cost = costSeconds * START_COST;
  return inspectionDelay(duration, age, { cost, longest: MAX_DELAY_SECONDS });
}

function untilEnd({ work }: Job, age: number, run: Times["run"], costSeconds: number): number {
  if (run.basedOn === 0) return whileUnknown(age, costSeconds);
  const rarely = Math.max(MAX_DELAY_SECONDS, run.median(work) * MAX_RUN_PART);
  // At first as often as anywhere: a run that fails does so early.
  const longest = Math.min(MAX_LONG_DELAY_SECONDS, MAX_DELAY_SECONDS + age, rarely);
  return inspectionDelay(run.of(work), age, { cost: costSeconds, longest });
}

function whileUnknown(age: number, costSeconds: number): number {
  return Math.min(MAX_DELAY_SECONDS, Math.max(costSeconds * UNKNOWN_COST, age * UNKNOWN_PART));
}
