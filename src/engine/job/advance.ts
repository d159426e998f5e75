import type { Job, JobError, JobStatus } from "./job.ts";
import { isAccepted, isFinished, isForward, sentAtOf } from "./job.ts";
import { SUBMISSION_UNKNOWN } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import { ownership, toOwnName } from "./upstream.ts";

/** A fact about a job, which the upstream applied or the gateway concluded. Without a `claim` it is of a job never HELD. */
export type Observation =
  | { readonly kind: "accepted"; readonly requestId: string; readonly claim?: number }
  /** Nobody will ever say whether the upstream accepted the job. */
  | { readonly kind: "unanswered"; readonly claim?: number }
  /** A job that the upstream surely does not have ends: HELD, or the claim of this number. CANCELLED without an error. */
  | { readonly kind: "unsent"; readonly error: JobError | null; readonly claim?: number }
  /** The upstream does not know the job, or says that it is another account's. */
  | { readonly kind: "not-ours" }
  | { readonly kind: "queued"; readonly queuePosition: number | null }
  | { readonly kind: "running" }
  | {
      readonly kind: "succeeded";
      readonly output: JsonValue;
      readonly finishedAt: Date | null;
      readonly cost?: CostReport;
    }
  | { readonly kind: "failed"; readonly error: JobError; readonly finishedAt: Date | null }
  | { readonly kind: "cancelled"; readonly finishedAt: Date | null };

/** What a run cost in USD, or that it will be known later; left out where the upstream never reports it. */
export type CostReport = number | "not-yet";

/**
 * The job's next version, or the very same object when the observation, which `upstream` made, says nothing new; statuses
 * only move forward.
 */
export function advance(job: Job, observation: Observation, now: Date, upstream: string): Job {
  if (isFinished(job)) return job;
  // The submitting gateway owns the outcome.
  if (isOfUpstream(observation) && ownership(job, upstream) === "another's") return job;
  const known = isKnown(observation) ? toKnown(job, upstream, now) : job;
  const applied = apply(known, observation, now);
  return applied === known && known !== job ? next(known, {}, now) : applied;
}

function isOfUpstream({ kind }: Observation): boolean {
  return kind !== "unanswered" && kind !== "unsent";
}

function isKnown(observation: Observation): boolean {
  return isOfUpstream(observation) && observation.kind !== "not-ours";
}

/** The job as its upstream's own, which follows it again. */
function toKnown(job: Job, upstream: string, now: Date): Job {
  const own = toOwnName(job, upstream);
  if (job.upstream === own && job.detachedSince === null) return job;
  const { detachedSince } = job;
  const detachedMs =
    detachedSince === null ? 0 : Math.max(0, now.getTime() - detachedSince.getTime());
  return { ...job, upstream: own, detachedSince: null, detachedMs: job.detachedMs + detachedMs };
}

function apply(job: Job, observation: Observation, now: Date): Job {
  switch (observation.kind) {
    case "accepted":
      if (!isUnderWay(job, observation.claim)) return job;
      return next(job, { status: "IN_QUEUE", requestId: observation.requestId }, now);
    case "unanswered":
      if (!isUnderWay(job, observation.claim)) return job;
      return { ...finish(job, "FAILED", null, now), error: SUBMISSION_UNKNOWN };
    case "unsent": {
      const { error, claim } = observation;
      const isUnsent = claim === undefined ? job.status === "HELD" : isUnderWay(job, claim);
      if (!isUnsent) return job;
      return { ...finish(job, error === null ? "CANCELLED" : "FAILED", null, now), error };
    }
    case "not-ours":
      if (!isAccepted(job) || job.detachedSince !== null) return job;
      return next(job, { detachedSince: now, queuePosition: null }, now);
    case "queued":
      if (job.status !== "IN_QUEUE" || job.queuePosition === observation.queuePosition) return job;
      return next(
        job,
        {
          queuePosition: observation.queuePosition,
          place: job.place ?? observation.queuePosition,
        },
        now,
      );
    case "running":
      if (!isForward(job.status, "IN_PROGRESS")) return job;
      return next(job, { status: "IN_PROGRESS", queuePosition: null, startedAt: now }, now);
    case "succeeded":
      return {
        ...finish(job, "SUCCEEDED", observation.finishedAt, now),
        cost: typeof observation.cost === "number" ? observation.cost : null,
      };
    case "cancelled":
      return finish(job, "CANCELLED", observation.finishedAt, now);
    case "failed":
      return { ...finish(job, "FAILED", observation.finishedAt, now), error: observation.error };
  }
}

/** Whether the submit of this claim has no outcome yet. */
function isUnderWay(job: Job, claim = 0): boolean {
  // Mutant: an outcome of a claim that is over
  return job.status === "SUBMITTING" && job.claim === claim;
}

function finish(job: Job, status: JobStatus, finishedAt: Date | null, now: Date): Job {
  return next(job, { status, queuePosition: null, finishedAt: within(job, finishedAt, now) }, now);
}

/** The upstream's own time of the end where it can be true; its clock is not ours. */
function within(job: Job, finishedAt: Date | null, now: Date): Date {
  if (finishedAt === null || finishedAt < sentAtOf(job) || finishedAt > now) return now;
  return finishedAt;
}

function next(job: Job, changes: Partial<Job>, now: Date): Job {
  return { ...job, ...changes, version: job.version + 1, updatedAt: now };
}
