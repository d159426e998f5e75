import type { Observation } from "../job/advance.ts";
import type { Job } from "../job/job.ts";
import { isCancellable, isFinished } from "../job/job.ts";
import { JobNotCancellableError, JobNotFoundError, UpstreamError } from "../job/errors.ts";
import { isPaused } from "../job/upstream.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { RequestReference } from "../runcomfy/adapter.ts";
import type { CancelReport } from "../runcomfy/wire.ts";
import { timeoutSignal } from "../../runtime/environment.ts";
import { sleepFor } from "../../runtime/loop.ts";
import { waitForJob } from "../watch/watch-job.ts";
import type { Services } from "./services.ts";
import { attempt, pollJob } from "./poll-job.ts";

/** How long to poll for the outcome of a cancel that the upstream only acknowledged. */
const PATIENCE_MS = 5_000;
const POLL_DELAY_MS = 500;

/** How long it may take to store a submit's outcome. */
const SUBMIT_MARGIN_MS = 1_000;

/** A CANCELLED job, and whether this gateway's POST may be what cancelled it. */
type Cancelled = { readonly job: Job; readonly isOwn: boolean };

type Dependencies = Pick<
  Services,
  "store" | "runcomfy" | "record" | "watchJob" | "submitTimeoutMs"
> & { readonly signal: AbortSignal };

/** Cancels jobs. All who cancel one at the same time share what comes of it. */
export class Canceller {
  readonly #given: Dependencies;
  readonly #underWay = new Map<string, Promise<Cancelled>>();

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
  }

  /**
   * Resolves with the job once that is CANCELLED, or rejects with JobNotFoundError, JobNotCancellableError or UpstreamError.
   * `onChange` is called for one at most of all who cancel the job here, and not where another has surely cancelled it,
   * whoever was the first to write that.
   */
  async cancelJob(jobId: string, ownerId: string, onChange?: () => void): Promise<Job> {
    const key = JSON.stringify([ownerId, jobId]);
    const others = this.#underWay.get(key);
    if (others !== undefined) return (await others).job;
    const own = this.#cancel(jobId, ownerId);
    this.#underWay.set(key, own);
    const { job, isOwn } = await own.finally(() => this.#underWay.delete(key));
    if (isOwn) onChange?.();
    return job;
  }

  async #cancel(jobId: string, ownerId: string): Promise<Cancelled> {
    const { store, runcomfy, signal } = this.#given;
    const job = await this.#untilSubmitted(jobId, ownerId);
    if (job.status === "HELD") return await this.#cancelHeld(job);
    if (job.status === "CANCELLED") return { job, isOwn: false };
    if (isPaused(job, store.upstream)) throw new UpstreamError("PAUSED");
    if (job.status !== "IN_QUEUE" || job.requestId === null) throw new JobNotCancellableError(job);
    const request = { ...job, requestId: job.requestId };
    const answer = await attempt(() => runcomfy.cancel(request, signal));
    const current = await this.#observe(request, answer);
    if (current === null) throw new JobNotFoundError(jobId);
    if (current.status === "CANCELLED") return { job: current, isOwn: mayHaveCancelled(answer) };
    throw isPaused(current, store.upstream)
      ? new UpstreamError("PAUSED")
      : toError(current, answer);
  }

  /** The job once its submit has an outcome. Where it is put back, it is not claimed again. */
  async #untilSubmitted(jobId: string, ownerId: string): Promise<Job> {
    const { store, watchJob, submitTimeoutMs } = this.#given;
    const isSubmitted = async ({ id, status, claim }: Job): Promise<boolean> => {
      if (status !== "SUBMITTING") return true;
      // Mutant: a cancel that a claimed job does not keep
      if (claim > 0) await store.holds.noteCancel(id);
      return false;
    };
    const patienceMs = submitTimeoutMs + SUBMIT_MARGIN_MS;
    const job = await waitForJob(watchJob(jobId, ownerId), isSubmitted, patienceMs);
    if (job === null || job.status === "SUBMITTING") throw new UpstreamError("TIMEOUT");
    return job;
  }

  /** Ends a job that RunComfy does not have. */
  async #cancelHeld({ id, ownerId }: Job): Promise<Cancelled> {
    const job = await this.#given.record(id, { kind: "unsent", error: null });
    if (job === null) throw new JobNotFoundError(id);
    // It may have been claimed, or ended, right before.
    return job.status === "CANCELLED" ? { job, isOwn: true } : await this.#cancel(id, ownerId);
  }

  /** The job once it shows the cancel's outcome, or when the time is over. */
  async #observe(job: Accepted, answer: CancelAnswer): Promise<Job | null> {
    // Mutant: a cancel recorded as final
    if (answer === "cancelled")
      return await this.#given.record(job.id, { kind: "cancelled", finishedAt: null });
    if (answer === "requested") return await this.#pollUntil(job, isFinished);
    // Any other answer says nothing, so one poll decides.
    return await this.#pollUntil(job, (now) => answer !== "not-cancellable" || !isCancellable(now));
  }

  /** These polls need no claim: that decides who polls, never who writes. */
  async #pollUntil(job: Accepted, isSettled: (job: Job) => boolean): Promise<Job | null> {
    const { store, record, signal } = this.#given;
    const patience = AbortSignal.any([signal, timeoutSignal(PATIENCE_MS)]);
    for (;;) {
      const observation = await this.#poll(job, patience);
      const current =
        observation === null ? await store.jobs.read(job.id) : await record(job.id, observation);
      if (current === null || isSettled(current) || patience.aborted) return current;
      await sleepFor(POLL_DELAY_MS, patience);
    }
  }

  /** Null where it learned nothing, or patience ended. */
  async #poll(job: Accepted, patience: AbortSignal): Promise<Observation | null> {
    try {
      const limits = { signal: patience, mostMs: PATIENCE_MS };
      const outcome = await pollJob(this.#given.runcomfy, job, limits);
      if (outcome.kind === "not-ours") return { kind: "not-ours" };
      return outcome.kind === "seen" ? outcome.observation : null;
    } catch (error) {
      if (patience.aborted) return null;
      throw error;
    }
  }
}

type Accepted = RequestReference & Pick<Job, "id">;
type CancelAnswer = CancelReport | RunComfyError;

/** Whether a job that is CANCELLED may be so by the POST that was answered like this. */
function mayHaveCancelled(answer: CancelAnswer): boolean {
  if (answer instanceof RunComfyError) return answer.delivery === "unknown";
  return answer !== "not-cancellable";
}

/** Why a job that is not CANCELLED is not. */
function toError(job: Job, answer: CancelAnswer): Error {
  if (isFinished(job)) return new JobNotCancellableError(job);
  if (answer instanceof RunComfyError)
    return new UpstreamError(answer.code, { retryAfterMs: answer.retryAfterMs, cause: answer });
  const isRunning = answer === "not-cancellable" && !isCancellable(job);
  return isRunning ? new JobNotCancellableError(job) : new UpstreamError("TIMEOUT");
}
