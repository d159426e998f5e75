import type { Observation } from "./advance.ts";
import type { Job, JobError } from "./job.ts";
import { expired, inferenceFailed, INVALID_RESPONSE, LOST } from "./errors.ts";

/** What is remembered of a job's past looks, in memory: it starts anew when another gateway takes the job over. */
export type Looks = {
  /** How many looks in a row, up to the last one, said nothing. */
  readonly failures: number;
  /** The first of the looks in a row that did not find the job. */
  readonly notFoundSince: Date | null;
  /** The first of the looks in a row that saw the job ended but could not read how. */
  readonly unreadSince: Date | null;
};

export const NO_LOOKS: Looks = { failures: 0, notFoundSince: null, unreadSince: null };

/** What came of one look. */
export type LookOutcome =
  | { readonly kind: "seen"; readonly observation: Observation }
  /** The gateway does not know the upstream's status word; the job stays as it was. */
  | { readonly kind: "unknown-word" }
  /** The job has ended, but how can't be read; `succeeded` is null where the upstream did not say. */
  | { readonly kind: "unread"; readonly succeeded: boolean | null }
  | { readonly kind: "not-found" }
  /** The look itself failed, which says nothing about the job; `isUnreadable` where there was an answer. */
  | { readonly kind: "failed"; readonly isUnreadable?: boolean };

/** How long a job that was just accepted may be unknown to the upstream. */
const YOUNG_MS = 30_000;
/** How long a 404 has to last before it is believed of an older job. */
const LASTING_MS = 5_000;
const UNREAD_PATIENCE_MS = 10 * 60_000;
/** The reason of a failure is worth less than an early answer. */
const REASON_PATIENCE_MS = 30_000;

/** The looks including one that just ended. */
export function noteLook(looks: Looks, { kind }: LookOutcome, now: Date): Looks {
  if (kind === "seen" || kind === "unknown-word") return NO_LOOKS;
  const failures = looks.failures + 1;
  if (kind === "failed") return { ...looks, failures };
  return {
    failures,
    notFoundSince: kind === "not-found" ? (looks.notFoundSince ?? now) : null,
    unreadSince: kind === "unread" ? (looks.unreadSince ?? now) : null,
  };
}

/**
 * What a look says of a job: what was seen, or the end that the gateway concludes once its patience is over, or null for
 * no news. `looks` include this one. A failed look alone never ends a job; its deadline does.
 */
export function conclude(
  job: Job,
  looks: Looks,
  outcome: LookOutcome,
  now: Date,
  deadlineSeconds: number,
): Observation | null {
  const seen = outcome.kind === "seen" ? outcome.observation : null;
  if (seen !== null && seen.kind !== "queued" && seen.kind !== "running") return seen;
  const isLate = now >= deadlineOf(job, deadlineSeconds);
  const error =
    giveUp(job, looks, outcome, now) ??
    (isLate ? expired(deadlineSeconds, isUnreadable(outcome)) : null);
  return error === null ? seen : { kind: "failed", error, finishedAt: null };
}

/** When the gateway stops following a job. */
export function deadlineOf(job: Pick<Job, "createdAt">, deadlineSeconds: number): Date {
  return new Date(job.createdAt.getTime() + deadlineSeconds * 1_000);
}

function isUnreadable(outcome: LookOutcome): boolean {
  return outcome.kind === "unread" || (outcome.kind === "failed" && outcome.isUnreadable === true);
}

function giveUp(job: Job, looks: Looks, outcome: LookOutcome, now: Date): JobError | null {
  if (outcome.kind === "not-found") {
    const isOld = hasLasted(job.createdAt, YOUNG_MS, now);
    return isOld && hasLasted(looks.notFoundSince, LASTING_MS, now) ? LOST : null;
  }
  if (outcome.kind !== "unread") return null;
  const hasFailed = outcome.succeeded === false;
  if (hasFailed && hasLasted(looks.unreadSince, REASON_PATIENCE_MS, now)) {
    return inferenceFailed(null);
  }
  return hasLasted(looks.unreadSince, UNREAD_PATIENCE_MS, now) ? INVALID_RESPONSE : null;
}

function hasLasted(since: Date | null, forMs: number, now: Date): boolean {
  return since !== null && now.getTime() - since.getTime() >= forMs;
}

/** When to look at a job again; `random` is in [0, 1). */
export type PollSchedule = (job: Job, looks: Looks, now: Date, random: number) => Date;

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;

/** The next look comes after this share of the time since the status last changed. */
const STALENESS = 0.1;

/** Looks less often the longer the status stands still, and after a failed look it backs off with full jitter. */
export const lookByAge: PollSchedule = (job, looks, now, random) => {
  const stillMs = now.getTime() - statusSince(job).getTime();
  const delayMs = clamp(stillMs * STALENESS * (0.75 + 0.5 * random));
  const backOffMs =
    looks.failures === 0 ? 0 : clamp(SHORTEST_MS * 2 ** Math.min(looks.failures, 10)) * random;
  return new Date(now.getTime() + Math.max(delayMs, backOffMs));
};

/** A queue position that moves says nothing about the end, so only a new status starts quick looks again. */
function statusSince(job: Job): Date {
  return job.startedAt ?? job.createdAt;
}

function clamp(delayMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, delayMs));
}
