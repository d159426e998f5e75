import { UpstreamError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { clock } from "../../runtime/environment.ts";
import { FIRST_POLL_MS } from "../store/polls.ts";
import type { Poller } from "./poller.ts";
import type { Services } from "./services.ts";

/** The part of the margin that may pass between submit lease and POST; the rest is for the outcome. */
const UNSENT_PART = 0.4;

/** The delays between attempts to store an outcome; five minutes in all. */
const OUTCOME_DELAYS_MS = [100, 500, ...Array.from({ length: 300 }, () => 1_000)] as const;

/** A submit that was never sent is not worth a long wait; what it leaves behind is settled later. */
export const UNSENT_DELAYS_MS = [100, 500] as const;

type Dependencies = Pick<
  Services,
  | "store"
  | "runcomfy"
  | "record"
  | "toUpstreamWebhookUrl"
  | "submitTimeoutMs"
  | "submitMarginMs"
  | "channels"
  | "monotonic"
  | "sleep"
  | "log"
> & { readonly poller: Pick<Poller, "wakeIn"> };

/** Sends the one POST of a job that is SUBMITTING here, and stores its outcome. */
export class JobSender {
  /** How long a SUBMITTING row is this gateway's, and nobody else settles it: the POST and recording its outcome. */
  readonly leaseMs: number;
  readonly #given: Dependencies;
  readonly #jobIds = new Set<string>();
  /** Aborted once the gateway stops waiting. */
  readonly #over = new AbortController();
  #stopPatience: (() => void) | null = null;

  constructor(dependencies: Dependencies) {
    const { submitTimeoutMs, submitMarginMs } = dependencies;
    this.#given = dependencies;
    this.leaseMs = submitTimeoutMs + submitMarginMs;
  }

  /** Whether this process is submitting the job. */
  isSubmitting(jobId: string): boolean {
    return this.#jobIds.has(jobId);
  }

  /** Whether no POST is to leave any more. */
  get isStopping(): boolean {
    return this.#stopPatience !== null;
  }

  /** What has no answer within `patienceMs` ends as unknown. */
  stop(patienceMs: number): void {
    this.#stopPatience ??= clock.setTimer(() => this.#over.abort(), patienceMs);
  }

  close(): void {
    this.#stopPatience?.();
  }

  /** Keeps the job from being settled by the recovery while `act` runs. */
  async hold<Value>(jobId: string, act: () => Promise<Value>): Promise<Value> {
    this.#jobIds.add(jobId);
    try {
      return await act();
    } finally {
      this.#jobIds.delete(jobId);
    }
  }

  /**
   * Whether a POST that leaves now will be over before another gateway may settle the row, whose lease was asked for at
   * `leasedAt`. A gateway that was frozen in between renews the submit lease here, or learns that it can't.
   */
  async mayLeave(jobId: string, leasedAt: number): Promise<boolean> {
    const { store, monotonic, submitMarginMs } = this.#given;
    const isFresh = (since: number): boolean => monotonic() - since <= submitMarginMs * UNSENT_PART;
    if (isFresh(leasedAt)) return true;
    const renewedAt = monotonic();
    return (await store.jobs.extendSubmit(jobId, this.leaseMs)) && isFresh(renewedAt);
  }

  /**
   * Sends the POST, and resolves with the job once its acceptance, or that nobody knows of one, is stored. Rejects with
   * a `RunComfyError` where the upstream certainly did not accept it, and with an `UpstreamError` where the outcome could not
   * be stored. `release` ends the turn of the POST, which leaves within so many ms.
   */
  async send(
    job: Job,
    body: JsonObject,
    release: () => void,
    leavesWithinMs = Infinity,
  ): Promise<Job> {
    const { runcomfy, record, poller, toUpstreamWebhookUrl, channels, log } = this.#given;
    const { kind, apiVersion, deploymentId, claim } = job;
    const webhook = toUpstreamWebhookUrl?.(job.id) ?? null;
    let requestId: string;
    try {
      const target = { kind, apiVersion, deploymentId };
      const post = runcomfy.submit({ ...target, webhook, body, leavesWithinMs });
      requestId = await this.untilOver(post.finally(release));
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        channels.submitted.publish(error.delivery);
        throw error;
      }
      log.warn(
        { jobId: job.id, err: error },
        "It is not known whether RunComfy accepted a job; it is not sent again.",
      );
      const settle = () => record(job.id, { kind: "unanswered", claim }, job);
      return (await this.#keepOutcome(job, settle)) ?? job;
    }
    channels.submitted.publish("accepted");
    const accept = () => record(job.id, { kind: "accepted", requestId, claim }, job);
    const accepted = await this.#keepOutcome(job, accept, requestId);
    if (accepted?.requestId === requestId) {
      poller.wakeIn(FIRST_POLL_MS);
    } else {
      log.error(
        { jobId: job.id, requestId },
        "RunComfy accepted a job after the gateway had given it up, so nobody follows it. Find it by its request id on RunComfy's dashboard.",
      );
    }
    return accepted ?? job;
  }

  /** Stores the outcome of a POST. If that fails, no answer may suggest submitting the job again. */
  async #keepOutcome<T>(job: Job, write: () => Promise<T>, requestId?: string): Promise<T> {
    try {
      return await this.persist({ jobId: job.id, requestId }, write);
    } catch (cause) {
      throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job, cause });
    }
  }

  /** Tries again while the database is unreachable. A stop leaves time for one last try. */
  async persist<T>(
    fields: { readonly jobId: string; readonly requestId?: string | undefined },
    write: () => Promise<T>,
    delaysMs: readonly number[] = OUTCOME_DELAYS_MS,
  ): Promise<T> {
    const { sleep, log } = this.#given;
    const { signal } = this.#over;
    for (const [attempt, delayMs] of delaysMs.entries()) {
      try {
        return await write();
      } catch (error) {
        // What was not sent has no outcome; its waiting callers are answered.
        const isNews = attempt === 0 && delaysMs !== UNSENT_DELAYS_MS;
        log[isNews ? "error" : "debug"](
          { ...fields, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
      }
      await sleep(delayMs, signal);
      if (signal.aborted) break;
    }
    return await write();
  }

  /** What `waiting` resolves with, unless the gateway stops waiting first. */
  async untilOver<T>(waiting: Promise<T>): Promise<T> {
    const { signal } = this.#over;
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => reject(stopping());
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([waiting, promise]);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

export function stopping(): UpstreamError {
  return new UpstreamError("UNAVAILABLE", {
    message: "This service is restarting. Submit again in a few seconds.",
  });
}
