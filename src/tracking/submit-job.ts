import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import type { Channels } from "../diagnostics/channels.ts";
import {
  IdempotencyConflictError,
  InvalidInputError,
  JobNotFoundError,
  UpstreamError,
} from "../job/errors.ts";
import { LimitError } from "../runtime/coded-error.ts";
import type { InputIssue } from "../job/input-issue.ts";
import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { createJob } from "../job/job.ts";
import { ownership } from "../job/upstream.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Queue, Release } from "../runtime/queue.ts";
import { createQuota } from "./quota.ts";
import type { RecordObservation } from "./record-observation.ts";
import { createSubmitQueue } from "./submit-queue.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { toSubmission } from "./submission.ts";
import { rateLimited, toRefusal } from "./upstream-failure.ts";
import type { WatchJob } from "./wait-for-job.ts";
import { waitForJob } from "./wait-for-job.ts";

/** An accepted job, and what the upstream will silently make of its input. */
export type Submitted = { readonly job: Job; readonly warnings: readonly InputIssue[] };

/** What stands behind `upload:ID` in an input. */
export type UploadsOfInputs = {
  /** The uploads that an input names. Rejects with an `InvalidInputError` unless all have come and are the viewer's. */
  check(
    input: JsonObject,
    submission: Pick<Submission, "viewer" | "spell">,
  ): Promise<readonly string[]>;
  /** The input as RunComfy gets it, with URLs in place of these uploads. */
  toSent(input: JsonObject, ids: readonly string[]): Promise<JsonObject>;
};

export type Submitter = ReturnType<typeof createSubmitJob>;

/** How often a key may be taken by others whose submits are then refused. */
const MAX_ATTEMPTS = 5;

/** How often to renew a submit lease that a slow database makes old by the time it comes. */
const MAX_EXTENSIONS = 3;

/** The part of the margin that may pass between submit lease and POST; the rest is for the outcome. */
const UNSENT_PART = 0.4;

/** Between the tries to write down an outcome; five minutes in all. */
const OUTCOME_DELAYS_MS = [100, 500, ...Array.from({ length: 300 }, () => 1_000)] as const;

/** A submit that was never sent is not worth a long wait; what it leaves behind is settled later. */
const UNSENT_DELAYS_MS = [100, 500] as const;

export function createSubmitJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly health: UpstreamHealth;
  readonly record: RecordObservation;
  /** Hears of each accepted job. */
  readonly follow: () => void;
  readonly catalogue: Catalogue;
  /** In whose slots an owner's inputs are checked and compared. */
  readonly inputQueue: Queue;
  readonly watchJob: WatchJob;
  /** Inputs name none where it is not given. */
  readonly uploads?: UploadsOfInputs | undefined;
  readonly apiVersion: string;
  readonly submitTimeoutMs: number;
  /** How much longer than the POST's time-out a SUBMITTING row is this gateway's. */
  readonly submitMarginMs: number;
  /** How many POSTs may be under way. */
  readonly submitsAtOnce: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly channels: Channels;
  readonly log: BaseLogger;
}) {
  const { store, runcomfy, health, record, follow, watchJob, monotonic, log } = dependencies;
  const { uploads = NO_UPLOADS } = dependencies;
  const { submitTimeoutMs, submitMarginMs, channels } = dependencies;
  const { jobs, quotas } = store;
  const callsUnderWay = new Set<Promise<Submitted>>();
  const jobsUnderWay = new Set<string>();
  const quota = createQuota({ quotas, log });
  /** How long a SUBMITTING row is this gateway's, and nobody else settles it: the POST and recording its outcome. */
  const leaseMs = submitTimeoutMs + submitMarginMs;
  const queue = createSubmitQueue({
    atOnce: dependencies.submitsAtOnce,
    maxWaitMs: submitTimeoutMs,
    monotonic,
    log,
  });
  /** Aborted once the gateway stops waiting. */
  const over = new AbortController();
  let patience: NodeJS.Timeout | null = null;

  /**
   * Submits a job and resolves with it once the upstream accepted it, whether or not the caller still waits. Rejects with
   * InvalidInputError, DeploymentNotFoundError, IdempotencyConflictError, UpstreamError or LimitError.
   */
  async function submitJob(request: SubmissionRequest): Promise<Submitted> {
    return await submitRead(request.viewer.ownerId, async () => request);
  }

  /** The same for what is read first, in a slot of the owner. */
  async function submitRead(
    ownerId: string,
    read: () => Promise<SubmissionRequest>,
  ): Promise<Submitted> {
    const call = submitUnderKey(
      dependencies.inputQueue.run(ownerId, async () =>
        toSubmission(await read(), dependencies.catalogue),
      ),
    );
    callsUnderWay.add(call);
    try {
      return await call;
    } finally {
      callsUnderWay.delete(call);
    }
  }

  async function submitUnderKey(checking: Promise<Submission>): Promise<Submitted> {
    const submission = await checking;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const job = (await findKeyed(submission)) ?? (await submitOnce(submission));
      if (job !== null) return { job, warnings: submission.warnings };
    }
    throw new UpstreamError("UNAVAILABLE");
  }

  /** The job that the key has already, once its submit is over; null when the key is free. */
  async function findKeyed({ viewer, submissionKey }: Submission): Promise<Job | null> {
    if (submissionKey === null) return null;
    const keyed = await jobs.readKeyed(viewer.ownerId, submissionKey.key);
    if (keyed === null) return null;
    // Another call is submitting it now, or its gateway has died over it and will be found out.
    const job = isSettled(keyed.job)
      ? keyed.job
      : await untilOver(waitForJob(watchJob(keyed.job.id), isSettled, leaseMs)).catch(toNull);
    if (job === null) return null;
    if (!isSettled(job)) throw new UpstreamError("UNAVAILABLE");
    if (ownership(job, store.upstream) === "another's")
      throw new IdempotencyConflictError(job.id, "elsewhere");
    if (keyed.fingerprint !== submissionKey.fingerprint) throw new IdempotencyConflictError(job.id);
    return answerWith(job);
  }

  /** Null when another call took the key meanwhile. */
  async function submitOnce(submission: Submission): Promise<Job | null> {
    if (submission.refusal !== null) throw submission.refusal;
    refuseIfHeldUp(submission);
    const uploadIds = await uploads.check(submission.input, submission);
    const giveBack = await quota.count(submission.viewer);
    try {
      const job = await queue.run(submission.viewer.ownerId, submission.bytes, (release) => {
        refuseIfHeldUp(submission);
        return insertAndSend(submission, uploadIds, release);
      });
      if (job === null) await giveBack();
      return job;
    } catch (error) {
      const hasJob = error instanceof UpstreamError && error.unconfirmedJob !== null;
      if (!hasJob) await giveBack();
      throw error;
    }
  }

  function refuseIfHeldUp({ deploymentId }: Submission): void {
    if (patience !== null) throw stopping();
    const pausedForMs = health.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const refusal = health.submitRefusal(deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
  }

  /** The row first, then one POST, then the answer: what a crash leaves behind tells how far it came. */
  async function insertAndSend(
    submission: Submission,
    uploadIds: readonly string[],
    release: Release,
  ): Promise<Job | null> {
    const job = createJob({
      ownerId: submission.viewer.ownerId,
      deploymentId: submission.deploymentId,
      upstream: store.upstream,
      apiVersion: dependencies.apiVersion,
      tags: submission.tags,
      work: submission.work,
      now: new Date(dependencies.now()),
    });
    jobsUnderWay.add(job.id);
    try {
      const insertedAt = monotonic();
      if (!(await insert(job, submission, uploadIds))) return null;
      // A gateway that can't ask does not send, and leaves the key free.
      const unsent = async (error: unknown): Promise<never> => {
        await withdraw(job, UNSENT_DELAYS_MS);
        throw error;
      };
      const input = await uploads.toSent(submission.input, uploadIds).catch(unsent);
      const isTimely = await mayLeave(job.id, insertedAt).catch(unsent);
      return await (isTimely ? deliver(job, { ...submission, input }, release) : answerUnsent(job));
    } finally {
      jobsUnderWay.delete(job.id);
    }
  }

  /** False when another job has the key. */
  async function insert(
    job: Job,
    submission: Submission,
    uploadIds: readonly string[],
  ): Promise<boolean> {
    const { viewer, input, submissionKey: key } = submission;
    const { jobsInFlight: mostInFlight } = viewer.limits;
    try {
      return await jobs.insert({ job, input, key, leaseMs, mostInFlight, uploads: uploadIds });
    } catch (error) {
      const isRefusal = [IdempotencyConflictError, LimitError, InvalidInputError].some(
        (Refusal) => error instanceof Refusal,
      );
      // The row may be there although its insert failed, and must not hold its key.
      if (!isRefusal) await withdraw(job, UNSENT_DELAYS_MS);
      throw error;
    }
  }

  /**
   * Whether a POST that leaves now will be over before another gateway may settle the row, whose insert was sent at
   * `insertedAt`. A gateway that was frozen in between renews the submit lease here, or learns that it can't.
   */
  async function mayLeave(jobId: string, insertedAt: number): Promise<boolean> {
    const isFresh = (since: number): boolean => monotonic() - since <= submitMarginMs * UNSENT_PART;
    if (isFresh(insertedAt)) return true;
    for (let extensions = 0; extensions < MAX_EXTENSIONS; extensions++) {
      const since = monotonic();
      if (!(await jobs.extendSubmit(jobId, leaseMs))) return false;
      if (isFresh(since)) return true;
    }
    return false;
  }

  /** Whoever settled the row meanwhile could not know that nothing was sent, so what it says stays. */
  async function answerUnsent(job: Job): Promise<Job> {
    await withdraw(job, UNSENT_DELAYS_MS);
    const settled = await jobs.read(job.id);
    if (settled === null) throw new UpstreamError("UNAVAILABLE");
    return answerWith(settled);
  }

  /** Takes back a job that the upstream surely does not have, so that its key is free. */
  async function withdraw({ id }: Job, delaysMs?: readonly number[]): Promise<void> {
    await persist({ jobId: id }, () => jobs.withdraw(id), delaysMs);
  }

  async function deliver(job: Job, submission: Submission, release: Release): Promise<Job> {
    const { deploymentId, input } = submission;
    let requestId: string;
    try {
      const post = runcomfy.submit({ apiVersion: job.apiVersion, deploymentId, input });
      requestId = await untilOver(post.finally(release));
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        channels.submitted.publish(error.delivery);
        await withdraw(job);
        throw toRefusal(error, submission);
      }
      log.warn(
        { jobId: job.id, err: error },
        "It is not known whether RunComfy accepted a job; it is not sent again.",
      );
      const settled = await keepOutcome(job, () => record(job.id, { kind: "unanswered" }, job));
      return answerWith(settled ?? job);
    }
    channels.submitted.publish("accepted");
    const accepted = await keepOutcome(
      job,
      () => record(job.id, { kind: "accepted", requestId }, job),
      requestId,
    );
    if (accepted?.requestId === requestId) {
      follow();
    } else {
      log.error(
        { jobId: job.id, requestId },
        "RunComfy accepted a job after the gateway had given it up, so nobody follows it. Find it by its request id on RunComfy's dashboard.",
      );
    }
    return answerWith(accepted ?? job);
  }

  /** Writes down what became of a POST. Where that fails, nobody may be told to submit the job again. */
  async function keepOutcome<T>(job: Job, write: () => Promise<T>, requestId?: string): Promise<T> {
    try {
      return await persist({ jobId: job.id, requestId }, write);
    } catch (cause) {
      throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job, cause });
    }
  }

  /** Tries again while the database is away. A stop leaves time for one last try. */
  async function persist<T>(
    fields: { readonly jobId: string; readonly requestId?: string | undefined },
    write: () => Promise<T>,
    delaysMs: readonly number[] = OUTCOME_DELAYS_MS,
  ): Promise<T> {
    for (const [attempt, delayMs] of delaysMs.entries()) {
      try {
        return await write();
      } catch (error) {
        // What was not sent has no outcome, and whoever waits for it is told.
        const isNews = attempt === 0 && delaysMs !== UNSENT_DELAYS_MS;
        log[isNews ? "error" : "debug"](
          { ...fields, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
      }
      await untilOver(dependencies.sleep(delayMs)).catch(() => undefined);
      if (over.signal.aborted) break;
    }
    return await write();
  }

  /** What `waiting` resolves with, unless the gateway stops waiting first. */
  async function untilOver<T>(waiting: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => reject(stopping());
    if (over.signal.aborted) giveUp();
    over.signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([waiting, promise]);
    } finally {
      over.signal.removeEventListener("abort", giveUp);
    }
  }

  return {
    submitJob,
    submitRead,
    isSubmitting: (jobId: string) => jobsUnderWay.has(jobId),
    /** Refuses new and waiting submits; those that have no answer within `patienceMs` end as unknown. */
    stop(patienceMs: number): void {
      patience ??= setTimeout(() => over.abort(), patienceMs);
      queue.close(stopping());
    },
    /** Resolves once every submit under way has its outcome written down. */
    async close(): Promise<void> {
      await Promise.allSettled(callsUnderWay);
      if (patience !== null) clearTimeout(patience);
    },
  };
}

const NO_UPLOADS: UploadsOfInputs = {
  check: async () => [],
  toSent: async (input) => input,
};

function isSettled({ status }: Job): boolean {
  return status !== "SUBMITTING";
}

/** Throws an `UpstreamError` with the job when nobody knows whether the upstream accepted it. */
function answerWith(job: Job): Job {
  if (job.error?.code === "SUBMISSION_UNKNOWN") {
    throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job });
  }
  return job;
}

/** For a job that was withdrawn. */
function toNull(error: unknown): null {
  if (error instanceof JobNotFoundError) return null;
  throw error;
}

function stopping(): UpstreamError {
  return new UpstreamError("UNAVAILABLE", {
    message: "This service is restarting. Submit again in a few seconds.",
  });
}
