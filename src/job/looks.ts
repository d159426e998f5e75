import type { Job } from "./job.ts";
import { expired, inferenceFailed, INVALID_RESPONSE, LOST } from "./job-error.ts";
import type { Observation } from "./advance.ts";

/** What is remembered of a job's past looks. It lives in memory and starts anew when a gateway takes a job over. */
export type Looks = {
  /** How many looks in a row told nothing, up to the last one. */
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
  /** The upstream used a status word that is not known here; the job stays as it was. */
  | { readonly kind: "unknown-word" }
  /** The upstream says that the job ended, and `succeeded` whether well (null: it did not say). */
  | { readonly kind: "unread"; readonly succeeded: boolean | null }
  | { readonly kind: "not-found" }
  /** The look itself failed, which says nothing about the job; `isUnreadable` when there was an answer. */
  | { readonly kind: "failed"; readonly isUnreadable?: boolean };

/** How long a job that was just accepted may be unknown to the upstream. */
const YOUNG_MS = 30_000;
/** How long a 404 has to last before it is believed of an older job. */
const LASTING_MS = 5_000;
const UNREAD_PATIENCE_MS = 10 * 60_000;
/** The reason of a failure is worth less than an early answer. */
const REASON_PATIENCE_MS = 30_000;

/** The looks including one that just ended. */
export function noteLook(looks: Looks, outcome: LookOutcome, now: Date): Looks {
  switch (outcome.kind) {
    case "seen":
    case "unknown-word":
      return NO_LOOKS;
    case "unread":
      return {
        failures: looks.failures + 1,
        notFoundSince: null,
        unreadSince: looks.unreadSince ?? now,
      };
    case "not-found":
      return {
        failures: looks.failures + 1,
        notFoundSince: looks.notFoundSince ?? now,
        unreadSince: null,
      };
    case "failed":
      return { ...looks, failures: looks.failures + 1 };
  }
}

/**
 * What to hold of a job after a look that is already part of `looks`: what was seen, or the end that the gateway itself
 * concludes once its patience is over, or null for no news. A failed look alone never ends a job; its deadline does.
 */
export function conclude(
  job: Job,
  looks: Looks,
  outcome: LookOutcome,
  now: Date,
  deadlineSeconds: number,
): Observation | null {
  const ended = outcome.kind === "seen" ? outcome.observation : giveUp(job, looks, outcome, now);
  if (ended !== null && ended.kind !== "queued" && ended.kind !== "running") return ended;
  if (now >= deadlineOf(job, deadlineSeconds)) {
    return {
      kind: "failed",
      error: expired(deadlineSeconds, isUnreadable(outcome)),
      finishedAt: null,
    };
  }
  return ended;
}

/** When the gateway stops following a job. */
export function deadlineOf(job: Pick<Job, "createdAt">, deadlineSeconds: number): Date {
  return new Date(job.createdAt.getTime() + deadlineSeconds * 1_000);
}

function isUnreadable(outcome: LookOutcome): boolean {
  return outcome.kind === "unread" || (outcome.kind === "failed" && outcome.isUnreadable === true);
}

function giveUp(
  job: Job,
  looks: Looks,
  outcome: Exclude<LookOutcome, { kind: "seen" }>,
  now: Date,
): Observation | null {
  if (outcome.kind === "not-found" && hasLasted(job.createdAt, YOUNG_MS, now)) {
    return hasLasted(looks.notFoundSince, LASTING_MS, now)
      ? { kind: "failed", error: LOST, finishedAt: null }
      : null;
  }
  if (outcome.kind !== "unread") return null;
  if (outcome.succeeded === false && hasLasted(looks.unreadSince, REASON_PATIENCE_MS, now)) {
    return { kind: "failed", error: inferenceFailed(null), finishedAt: null };
  }
  return hasLasted(looks.unreadSince, UNREAD_PATIENCE_MS, now)
    ? { kind: "failed", error: INVALID_RESPONSE, finishedAt: null }
    : null;
}

function hasLasted(since: Date | null, forMs: number, now: Date): boolean {
  return since !== null && now.getTime() - since.getTime() >= forMs;
}
