import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  JobNotFoundError,
  UpstreamError,
} from "../job/errors.ts";
import { toUnlisted } from "../deployments/catalogue.ts";
import type { QueueOptions } from "../job/hold.ts";
import type { InputIssue } from "../job/input.ts";
import type { Job } from "../job/job.ts";
import { createJob } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { nameJobUpstream, ownership } from "../job/upstream.ts";
import { findAdapter } from "../runcomfy/kinds/find-kind.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { LimitError } from "../../runtime/coded-error.ts";
import { type Release, Semaphore } from "../../runtime/semaphore.ts";
import { DatabaseDiskError } from "../store/database-error.ts";
import type { NewHold } from "../store/holds.ts";
import { isRepeatable } from "../store/submits.ts";
import { waitForJob } from "../watch/watch-job.ts";
import { drawSeed } from "./draw-seed.ts";
import { type JobSender, stopping, UNSENT_DELAYS_MS } from "./send-job.ts";
import type { Services } from "./services.ts";
import { createQuota, type Quota } from "./quota.ts";
import type { RerunRequest, Submission, SubmissionRequest } from "./submission.ts";
import {
  AT_ITS_TURN,
  changeInput,
  explainKept,
  refuseUnlisted,
  toInputIssue,
  toSubmission,
} from "./submission.ts";

/** An accepted job, and what the upstream will silently make of its input. */
export type Submitted = {
  readonly job: Job;
  readonly warnings: readonly InputIssue[];
  /** Whether the job was there before the call. */
  readonly wasThere?: boolean;
};

/** How often a key may be taken by others whose submits are then refused. */
const MAX_ATTEMPTS = 5;

/** How many submits wait for a slot, each with its input in memory. */
const MAX_WAITING = 1_000;

type Dependencies = Omit<Services, "deadlineSeconds" | "pollsAtOnce" | "random"> & {
  readonly sender: JobSender;
  /** Notified of a job that waits for its turn. */
  readonly onReady: () => void;
};

/** A submit that has its turn. */
type Attempt = {
  readonly submission: Submission;
  readonly uploadIds: readonly string[];
  /** Ends the turn. */
  readonly release: Release;
  /** For a submit that came to no job: it counts no more. */
  readonly refund: () => Promise<void>;
  /** How far it has come. */
  readonly reached: { turn: boolean; post: boolean };
};

/** Writes the row first, then sends one POST, then records the answer: what a crash leaves behind shows how far it came. */
export class Submitter {
  readonly #given: Dependencies;
  readonly #quota: Quota;
  readonly #posts: Semaphore;
  readonly #calls = new Set<Promise<Submitted>>();
  #hasWarned = false;

  constructor(dependencies: Dependencies) {
    const { store, submitTimeoutMs, submitsAtOnce, log } = dependencies;
    this.#given = dependencies;
    this.#quota = createQuota({ quotas: store.quotas, log });
    this.#posts = new Semaphore({
      // Mutant: more POSTs at once than there may be
      atOnce: submitsAtOnce,
      maxWaiting: MAX_WAITING,
      maxWaitMs: submitTimeoutMs,
      refuse: () => this.#refuseWaiting(),
    });
  }

  /**
   * Submits a job and resolves with it once the upstream accepted it, whether or not the caller still waits. Rejects with
   * InvalidInputError, DeploymentNotFoundError, IdempotencyConflictError, UpstreamError or LimitError.
   */
  async submitJob(request: SubmissionRequest): Promise<Submitted> {
    const call = this.#submitUnderKey(request);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /**
   * Submits a job's deployment and input again, with the members of `changes` put over it; null takes one away. Rejects as
   * `submitJob` does, and with a `JobNotFoundError`.
   */
  async rerunJob({ jobId, changes, ...request }: RerunRequest): Promise<Submitted> {
    const { jobs, documents } = this.#given.store;
    const { ownerId } = request.viewer;
    const job = await jobs.read(jobId, ownerId);
    const kept = job && (await documents.readInput(jobId));
    if (job === null || kept === null) throw new JobNotFoundError(jobId);
    const { deploymentId, kind } = job;
    try {
      const input = changeInput(kept, changes ?? {});
      return await this.submitJob({ ...request, deploymentId, kind, input });
    } catch (error) {
      throw error instanceof InvalidInputError ? explainKept(error, kept, Object(changes)) : error;
    }
  }

  /** Refuses new and waiting submits; those that have no answer within `patienceMs` end as unknown. */
  stop(patienceMs: number): void {
    this.#given.sender.stop(patienceMs);
    this.#posts.close(stopping());
  }

  /** Waits for a slot for a POST, behind the submits that wait. */
  async enter(): Promise<Release> {
    return await this.#posts.enter();
  }

  /** Resolves once every submit under way has its outcome written down. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }

  async #submitUnderKey(request: SubmissionRequest): Promise<Submitted> {
    const submission = toSubmission(request, this.#given);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { warnings } = submission;
      const keyed = await this.#findKeyed(submission);
      if (keyed !== null) return { job: keyed, warnings, wasThere: true };
      const job = await this.#submitOnce(submission);
      if (job !== null) return { job, warnings, wasThere: false };
    }
    throw new UpstreamError("UNAVAILABLE");
  }

  /** The job that the key has already, or that is repeated, once its submit is over; null if there is none. */
  async #findKeyed({ viewer, submissionKey }: Submission): Promise<Job | null> {
    if (submissionKey === null) return null;
    const { store, watchJob, sender } = this.#given;
    const { key, fingerprint } = submissionKey;
    if (key === null && !isRepeatable(submissionKey)) return null;
    const keyed = await (key === null
      ? store.jobs
          .readRepeated(viewer.ownerId, fingerprint)
          .then((job) => job && { job, fingerprint })
      : store.jobs.readKeyed(viewer.ownerId, key));
    if (keyed === null) return null;
    // Another call is submitting it now, or its gateway has died over it and will be found out.
    const job = isSettled(keyed.job)
      ? keyed.job
      : await sender
          .untilOver(waitForJob(watchJob(keyed.job.id), isSettled, sender.leaseMs))
          .catch(toNull);
    if (job === null) return null;
    if (!isSettled(job)) throw new UpstreamError("UNAVAILABLE");
    if (ownership(job, store.upstream) === "another's")
      throw new IdempotencyConflictError(job.id, "elsewhere");
    if (keyed.fingerprint !== fingerprint) throw new IdempotencyConflictError(job.id);
    return answerWith(job);
  }

  /** Null when another call took the key meanwhile. */
  async #submitOnce(submission: Submission): Promise<Job | null> {
    const { refusal, alsoWrite } = submission;
    if (refusal !== null) throw refusal;
    await refuseUnlisted(submission.deploymentId, this.#given);
    const admitted = await this.#given.admission.prepare(submission);
    const whole: Submission = {
      ...submission,
      async alsoWrite(transaction, job) {
        await alsoWrite?.(transaction, job);
        await admitted.alsoWrite(transaction, job);
      },
    };
    const { needsApproval } = admitted;
    const queue = submission.queue ?? (needsApproval ? AT_ITS_TURN : null);
    if (queue === null) return await this.#send(whole);
    return await this.#hold(whole, queue, needsApproval);
  }

  async #send(submission: Submission): Promise<Job | null> {
    const { viewer, input } = submission;
    this.#refuseIfHeldUp(submission);
    const uploadIds = await this.#given.uploads.check(input, submission);
    const { refund, refundSubmit } = await this.#quota.count(viewer);
    if (this.#posts.taken <= this.#given.submitsAtOnce / 2) this.#hasWarned = false;
    const reached = { turn: false, post: false };
    let release: Release | null = null;
    try {
      release = await this.#posts.enter();
      this.#refuseIfHeldUp(submission);
      reached.turn = true;
      return await this.#insertAndSend({ submission, uploadIds, release, refund, reached });
    } catch (error) {
      if (!reached.turn) await refund();
      throw error;
    } finally {
      release?.();
      if (!reached.post) await refundSubmit();
    }
  }

  /** Adds a job that waits for its turn here. Null when another call took the key meanwhile. */
  async #hold(
    submission: Submission,
    options: QueueOptions,
    mustBeApproved: boolean,
  ): Promise<Job | null> {
    const { store, uploads, sender } = this.#given;
    const { viewer, input, submissionKey: key, alsoWrite } = submission;
    const { credential, limits } = viewer;
    const { jobsInFlight, submitsPerMinute } = limits;
    if (sender.isStopping) throw stopping();
    const uploadIds = await uploads.check(input, submission);
    const { refund, counted } = await this.#quota.countHeld(viewer);
    const job = this.#createJob(submission, "HELD");
    const hold: NewHold = {
      ...{ options, counted, mostHeld: limits.heldJobs },
      needsApproval: credential.needsApproval || mustBeApproved,
      ...{ submittedBy: credential.id, signedBy: credential.signedBy },
      limits: { jobsInFlight, submitsPerMinute },
    };
    try {
      const row = {
        job,
        input: this.#toKept(submission),
        key,
        hold,
        uploads: uploadIds,
        alsoWrite,
      };
      const isInserted = await store.jobs.insert(row);
      if (isInserted) this.#given.onReady();
      else await refund();
      return isInserted ? job : null;
    } catch (error) {
      // A disk that fails takes no row.
      if (isRefusal(error) || error instanceof DatabaseDiskError) {
        await refund();
        throw error;
      }
      // The row may be there although its insert failed, and then it is sent: that is the caller's job.
      const settled = await sender
        .persist({ jobId: job.id }, () => store.holds.readSettled(job), UNSENT_DELAYS_MS)
        .catch((cause: unknown) => {
          throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job, cause });
        });
      if (settled !== null) return settled;
      await refund();
      throw error;
    }
  }

  #createJob(
    { viewer, kind, deploymentId, tags, work }: Submission,
    status: "HELD" | "SUBMITTING",
  ) {
    const { store, apiVersion, now } = this.#given;
    const upstream = nameJobUpstream(store.upstream, findAdapter(kind).service);
    const facts = { kind, deploymentId, upstream, apiVersion, tags, work, status };
    return createJob({ ...facts, ownerId: viewer.ownerId, now: new Date(now()) });
  }

  #refuseIfHeldUp({ deploymentId }: Submission): void {
    const { health, sender } = this.#given;
    if (sender.isStopping) throw stopping();
    const pausedForMs = health.pausedForMs();
    if (pausedForMs > 0) throw new UpstreamError("RATE_LIMITED", { retryAfterMs: pausedForMs });
    const refusal = health.submitRefusal(deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
  }

  #refuseWaiting(): UpstreamError {
    const { submitsAtOnce, log } = this.#given;
    if (!this.#hasWarned) {
      log.warn(
        { submitsAtOnce },
        "Jobs are submitted faster than RunComfy takes them, so some are refused with RATE_LIMITED. If RunComfy can take more at once, raise SUBMITS_AT_ONCE.",
      );
    }
    this.#hasWarned = true;
    return new UpstreamError("RATE_LIMITED", {
      message:
        "Too many jobs are being submitted at the moment, so this one was not sent. Submit it again in 5 seconds.",
      retryAfterMs: 5_000,
    });
  }

  async #insertAndSend(attempt: Attempt): Promise<Job | null> {
    const { submission, refund } = attempt;
    const job = this.#createJob(submission, "SUBMITTING");
    return await this.#given.sender.hold(job.id, async () => {
      const body = await this.#prepare(job, attempt);
      if (body === "key-taken") {
        await refund();
        return null;
      }
      if (body === "too-late") return await this.#answerUnsent(job, attempt);
      return await this.#deliver(job, body, attempt);
    });
  }

  /** Writes the row; resolves with the body of the POST, or why there must be none. */
  async #prepare(job: Job, attempt: Attempt): Promise<JsonObject | "key-taken" | "too-late"> {
    const { store, uploads, sender, monotonic } = this.#given;
    const { uploadIds } = attempt;
    const { viewer, toBody, submissionKey: key, alsoWrite } = attempt.submission;
    const input = this.#toKept(attempt.submission);
    const { jobsInFlight: mostInFlight } = viewer.limits;
    const beside = { uploads: uploadIds, alsoWrite };
    const row = { job, input, key, leaseMs: sender.leaseMs, mostInFlight, ...beside };
    const insertedAt = monotonic();
    let isInserted = false;
    try {
      // Mutant: a POST that does not wait for its row
      isInserted = await store.jobs.insert(row);
      if (!isInserted) return "key-taken";
      const sent = toBody(await uploads.toSent(input, uploadIds));
      // Mutant: a POST that leaves although its lease has run out
      return (await sender.mayLeave(job.id, insertedAt)) ? sent : "too-late";
    } catch (error) {
      // The row may be there although its insert failed. A gateway that can't ask does not send, and leaves the key free.
      if (isInserted || !isRefusal(error)) await this.#withdraw(job, attempt, UNSENT_DELAYS_MS);
      else await attempt.refund();
      throw error;
    }
  }

  /** The input as it is stored and sent. The key's fingerprint is of what was given. */
  #toKept({ deploymentId, input }: Submission): JsonObject {
    const { catalogue, drawsSeeds } = this.#given;
    if (!drawsSeeds) return input;
    return drawSeed(input, catalogue.find(deploymentId) ?? toUnlisted(deploymentId));
  }

  /** A gateway that settled the row meanwhile could not know that nothing was sent, so its outcome stays. */
  async #answerUnsent(job: Job, attempt: Attempt): Promise<Job> {
    await this.#withdraw(job, attempt, UNSENT_DELAYS_MS);
    const settled = await this.#given.store.jobs.read(job.id);
    if (settled === null) throw new UpstreamError("UNAVAILABLE");
    return answerWith(settled);
  }

  /**
   * Takes back a job that the upstream surely does not have, so that its key is free. One that stays, since another gateway
   * has settled it or the database is unreachable, goes on to count.
   */
  async #withdraw({ id }: Job, { refund }: Attempt, delaysMs?: readonly number[]): Promise<void> {
    const withdraw = () => this.#given.store.jobs.withdraw(id);
    const isGone = await this.#given.sender.persist({ jobId: id }, withdraw, delaysMs);
    // Mutant: a quota refunded twice
    if (isGone) await refund();
  }

  async #deliver(job: Job, body: JsonObject, attempt: Attempt): Promise<Job> {
    const { submission, release, reached } = attempt;
    reached.post = true;
    try {
      return answerWith(await this.#given.sender.send(job, body, release));
    } catch (error) {
      if (!(error instanceof RunComfyError)) throw error;
      // Only what has arrived is answered.
      reached.post = error.httpStatus !== null;
      await this.#withdraw(job, attempt);
      throw toRefusal(error, submission);
    }
  }
}

/** Whether an insert has written nothing for certain. */
function isRefusal(error: unknown): boolean {
  const refusals = [IdempotencyConflictError, LimitError, InvalidInputError, UpstreamError];
  return refusals.some((Refusal) => error instanceof Refusal);
}

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

/** The error for a submit that was surely refused. */
function toRefusal(cause: RunComfyError, submission: Submission): Error {
  const { deploymentId } = submission;
  if (cause.issues !== null)
    return new InvalidInputError(
      cause.issues.map((issue) => toInputIssue(issue, submission)),
      { cause },
    );
  if (cause.code === "NOT_FOUND") return new DeploymentNotFoundError(deploymentId, { cause });
  return new UpstreamError(cause.code, { retryAfterMs: cause.retryAfterMs, cause });
}
