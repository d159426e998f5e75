import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { IdempotencyConflictError, LimitError, UpstreamError } from "../job/errors.ts";
import type { InputIssue } from "../job/input-issue.ts";
import type { Job } from "../job/job.ts";
import { createJob } from "../job/job.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore, KeyedJob } from "../store/job-store.ts";
import { createKeyedCalls } from "./keyed-calls.ts";
import { answerWith, createKeyedJobs } from "./keyed-jobs.ts";
import { createPersist } from "./persist.ts";
import type { GiveBack, Quota } from "./quota.ts";
import type { RecordObservation } from "./record-observation.ts";
import type { SubmitLease } from "./submit-lease.ts";
import type { SubmitTurn } from "./submit-turns.ts";
import { createSubmitTurns } from "./submit-turns.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { inSpellingOf, toSubmission } from "./submission.ts";
import { rateLimited, toRefusal } from "./upstream-failure.ts";

/**
 * Submits a job and resolves with it once the upstream accepted it, whether or not the caller still waits. Rejects with
 * InvalidInputError, DeploymentNotFoundError, IdempotencyConflictError, UpstreamError or LimitError.
 */
export type SubmitJob = (request: SubmissionRequest) => Promise<Submitted>;

/** An accepted job, and what the upstream will silently make of its input. */
export type Submitted = { readonly job: Job; readonly warnings: readonly InputIssue[] };

export type Submitter = {
  readonly submitJob: SubmitJob;
  isSubmitting(jobId: string): boolean;
  /** Refuses new and waiting submits; those that have no answer within `patienceMs` end as unknown. */
  stop(patienceMs: number): void;
  /** Resolves once every submit under way has its outcome written down. */
  close(): Promise<void>;
};

/** A submission that counts against its owner's quotas. */
type Counted = Submission & { readonly giveBack: GiveBack };

/** A submit that was never sent is not worth a long wait; what it leaves behind is settled later. */
const UNSENT_DELAYS_MS = [100, 500] as const;

export function createSubmitJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: RecordObservation;
  readonly follow: (job: Job) => void;
  readonly submitLease: SubmitLease;
  readonly quota: Quota;
  readonly catalogue: Catalogue;
  readonly apiVersion: string;
  readonly submitTimeoutMs: number;
  /** How many POSTs may be under way. */
  readonly submitsAtOnce: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}): Submitter {
  const { store, runcomfy, pace, record, follow, monotonic, log } = dependencies;
  const { submitLease, quota, submitTimeoutMs } = dependencies;
  const callsUnderWay = new Set<Promise<Job>>();
  const jobsUnderWay = new Set<string>();
  const turns = createSubmitTurns({
    atOnce: dependencies.submitsAtOnce,
    longestWaitMs: submitTimeoutMs,
    monotonic,
    log,
  });
  // A call takes as long as the wait for its turn, its POST, and the writes before and after that.
  const inTurnOfKey = createKeyedCalls<Job>({
    patienceMs: submitTimeoutMs + submitLease.durationMs,
  });
  /** Aborted once the gateway stops waiting. */
  const over = new AbortController();
  let patience: NodeJS.Timeout | null = null;
  const keyedJobs = createKeyedJobs({ store, untilOver, submitTimeoutMs });
  // A stop leaves time for one last try.
  const persist = createPersist({
    sleep: (durationMs) => untilOver(dependencies.sleep(durationMs)),
    log,
  });

  const submitJob: SubmitJob = async (request) => {
    const submission = toSubmission(request, dependencies.catalogue);
    const { viewer, submissionKey, warnings } = submission;
    const submit = (): Promise<Job> => submitOnce(submission);
    const call =
      submissionKey === null
        ? submit()
        : inTurnOfKey(
            JSON.stringify([viewer.ownerId, submissionKey.key]),
            submissionKey.fingerprint,
            submit,
          );
    callsUnderWay.add(call);
    try {
      return { job: await call, warnings };
    } catch (error) {
      throw inSpellingOf(submission, error);
    } finally {
      callsUnderWay.delete(call);
    }
  };

  /** The row first, then one POST, then the answer: what a crash leaves behind tells how far it came. */
  async function submitOnce(submission: Submission): Promise<Job> {
    const earlier = await keyedJobs.find(submission);
    if (earlier !== null) return earlier;
    if (submission.refusal !== null) throw submission.refusal;
    if (patience !== null) throw stopping();
    refuseIfHeldUp(submission);
    const turn = turns.join(submission.viewer.ownerId, submission.input);
    try {
      const giveBack = await quota.count(submission.viewer);
      try {
        if (await turn.begun) refuseIfHeldUp(submission);
      } catch (error) {
        await giveBack("submit");
        throw error;
      }
      return await insertAndSend({ ...submission, giveBack }, turn);
    } finally {
      turn.end(false);
    }
  }

  function refuseIfHeldUp({ deploymentId }: Submission): void {
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const refusal = pace.submitRefusal(deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
  }

  async function insertAndSend(submission: Counted, turn: SubmitTurn): Promise<Job> {
    const job = createJob({
      ownerId: submission.viewer.ownerId,
      deploymentId: submission.deploymentId,
      apiVersion: dependencies.apiVersion,
      now: new Date(dependencies.now()),
    });
    jobsUnderWay.add(job.id);
    try {
      const insertedAt = monotonic();
      const taken = await insert(job, submission);
      if (taken !== null) {
        turn.end(false);
        return await keyedJobs.answer(taken, submission);
      }
      // A gateway that can't ask does not send, and leaves the key free.
      const mayLeave = await submitLease
        .mayLeave(job.id, insertedAt)
        .catch(async (error: unknown) => {
          await withdraw(job, submission, UNSENT_DELAYS_MS);
          throw error;
        });
      return await (mayLeave ? deliver(job, submission, turn) : answerUnsent(job, submission));
    } finally {
      jobsUnderWay.delete(job.id);
    }
  }

  /** Whoever settled the row meanwhile could not know that nothing was sent, so what it says stays. */
  async function answerUnsent(job: Job, { giveBack }: Counted): Promise<Job> {
    await persist(job, () => store.jobs.withdraw(job.id), { delaysMs: UNSENT_DELAYS_MS });
    const settled = await store.jobs.read(job.id);
    if (settled !== null) return answerWith(settled);
    await giveBack("job");
    throw new UpstreamError("UNAVAILABLE");
  }

  async function insert(job: Job, submission: Counted): Promise<KeyedJob | null> {
    const { viewer, input, submissionKey: key, giveBack } = submission;
    const { jobsInFlight: mostInFlight } = viewer.limits;
    const { durationMs: leaseMs } = submitLease;
    try {
      const taken = await store.jobs.insert({ job, input, key, leaseMs, mostInFlight });
      if (taken !== null) await giveBack("submit");
      return taken;
    } catch (error) {
      if (error instanceof IdempotencyConflictError) await giveBack("submit");
      else if (error instanceof LimitError) await giveBack("job");
      // The row may be there although its insert failed, and must not hold its key.
      else await withdraw(job, submission, UNSENT_DELAYS_MS);
      throw error;
    }
  }

  /** Takes back a job that the upstream surely does not have: its key is free, and it does not count. */
  async function withdraw(job: Job, { giveBack }: Counted, delaysMs?: readonly number[]) {
    try {
      await persist(job, () => store.jobs.withdraw(job.id), { delaysMs });
    } finally {
      await giveBack("job");
    }
  }

  async function deliver(job: Job, submission: Counted, turn: SubmitTurn): Promise<Job> {
    const { deploymentId, input } = submission;
    let requestId: string;
    try {
      const post = runcomfy.submit({ apiVersion: job.apiVersion, deploymentId, input });
      requestId = await untilOver(post.finally(() => turn.end(true)));
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        await withdraw(job, submission);
        throw toRefusal(error, deploymentId);
      }
      log.warn(
        { jobId: job.id, err: error },
        "It is not known whether RunComfy accepted a job; it is not sent again.",
      );
      const settled = await keepOutcome(job, () => record(job.id, { kind: "unanswered" }));
      return answerWith(settled ?? job);
    }
    const accepted = await keepOutcome(
      job,
      () => record(job.id, { kind: "accepted", requestId }),
      requestId,
    );
    if (accepted === null || accepted.requestId !== requestId) {
      log.error(
        { jobId: job.id, requestId },
        "RunComfy accepted a job after the gateway had given it up, so nobody follows it. Find it by its request id on RunComfy's dashboard.",
      );
      await keepOutcome(job, () => store.jobs.keepLateRequestId(job.id, requestId), requestId);
    } else {
      follow(accepted);
    }
    return answerWith(accepted ?? job);
  }

  /** Writes down what became of a POST. Where that fails, nobody may be told to submit the job again. */
  async function keepOutcome<T>(job: Job, write: () => Promise<T>, requestId?: string): Promise<T> {
    try {
      return await persist(job, write, { requestId });
    } catch (cause) {
      throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job, cause });
    }
  }

  /** What `waiting` resolves with, unless the gateway stops waiting first. */
  function untilOver<T>(waiting: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = (): void => reject(stopping());
    if (over.signal.aborted) giveUp();
    over.signal.addEventListener("abort", giveUp, { once: true });
    waiting
      .then(resolve, reject)
      .finally(() => over.signal.removeEventListener("abort", giveUp))
      .catch(reject);
    return promise;
  }

  return {
    submitJob,
    isSubmitting: (jobId) => jobsUnderWay.has(jobId),
    stop(patienceMs) {
      patience ??= setTimeout(() => over.abort(), patienceMs);
      turns.stop(stopping());
    },
    async close() {
      await Promise.allSettled(callsUnderWay);
      if (patience !== null) clearTimeout(patience);
    },
  };
}

function stopping(): UpstreamError {
  return new UpstreamError("UNAVAILABLE", {
    message: "This service is restarting. Submit again in a few seconds.",
  });
}
