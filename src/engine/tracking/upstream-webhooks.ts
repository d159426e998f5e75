import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { Channels } from "../diagnostics/channels.ts";
import type { Job } from "../job/job.ts";
import type { Loop } from "../../runtime/loop.ts";
import { startLoop } from "../../runtime/loop.ts";
import { findAdapter } from "../runcomfy/kinds/find-kind.ts";
import type { UpstreamWebhookTrust } from "../store/upstream-webhook-trust.ts";
import type { PollTable } from "../store/polls.ts";

/** Upstream webhooks are relied on from this much trust on. Each end that comes with one adds to it, up to one more. */
const RELIED_ON = 3;
/** What a poll of a running job costs then, in usual polls. */
const NOTIFIED_COST = 100;
/** A call that came earlier before an end was about something else. */
const BEFORE_END_MS = 3_000;

/** What comes within this time shares a statement. */
const BETWEEN_TICKS_MS = 50;
const RETRY_MS = 1_000;
const IDLE_MS = 60_000;
const MAX_WAITING = 10_000;
const MAX_AT_ONCE = 500;
/** A poll is written by somebody else for a few milliseconds at most. */
const MAX_ATTEMPTS = 3;
const MAX_DEPLOYMENTS = 1_000;
/** How old what is known of another gateway's ends may be. */
const KEPT_MS = 2_000;

/** How long before a poll was due a call came; null where none did. */
type NotifiedForMs = number | null;

/**
 * RunComfy's calls about jobs that have ended. They are unsigned, and may come late, twice or never. So each only makes a
 * poll due, and its body is not read. While they come, running jobs are polled less; once one is missing, that ends.
 */
export class UpstreamWebhooks {
  readonly #given: Dependencies;
  /** How often each of these jobs was tried. */
  readonly #waiting = new Map<string, number>();
  /** By deployment. */
  readonly #trust: LRUCache<string, Promise<number>>;
  readonly #followed = new LRUCache<string, number>({ max: MAX_DEPLOYMENTS });
  #loop: Loop | null = null;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    this.#trust = new LRUCache({
      max: MAX_DEPLOYMENTS,
      ttl: KEPT_MS,
      // Otherwise it caches the time with a timer of its own.
      ttlResolution: 0,
      perf: { now: dependencies.monotonic },
      memoMethod: (deploymentId) => this.#readTrust(deploymentId),
    });
  }

  start(): void {
    const { log } = this.#given;
    this.#loop = startLoop({
      act: () => this.tick(),
      firstRestMs: BETWEEN_TICKS_MS,
      minRestMs: () => BETWEEN_TICKS_MS,
      retryMs: RETRY_MS,
      // The poller logs a database that fails.
      onFailure: (err) =>
        log.debug({ err }, "Upstream webhooks could not be followed; trying again."),
    });
  }

  /** Takes a call about a job; the caller has checked that it comes from RunComfy. Returns at once. */
  take(jobId: string): void {
    const isTaken = this.#waiting.has(jobId) || this.#waiting.size < MAX_WAITING;
    this.#given.channels.upstreamWebhooks.publish(isTaken ? "taken" : "dropped");
    if (!isTaken) return;
    this.#waiting.set(jobId, 0);
    this.#loop?.wake();
  }

  /** Makes polls due, and resolves with the milliseconds until there may be more to do. */
  async tick(): Promise<number> {
    const batch = [...this.#waiting].slice(0, MAX_AT_ONCE);
    if (batch.length === 0) return IDLE_MS;
    for (const [jobId] of batch) this.#waiting.delete(jobId);
    const { polls, onDue } = this.#given;
    const jobIds = batch.map(([jobId]) => jobId);
    const followed = await polls.makeDue(jobIds).catch((error: unknown) => {
      for (const [jobId, attempts] of batch) this.#tryAgain(jobId, attempts);
      throw error;
    });
    const left = new Set(jobIds);
    for (const { jobId, deploymentId } of followed) {
      left.delete(jobId);
      this.#followed.set(deploymentId, this.countFollowed(deploymentId) + 1);
    }
    for (const [jobId, attempts] of batch) if (left.has(jobId)) this.#tryAgain(jobId, attempts + 1);
    if (followed.length > 0) onDue();
    return this.#waiting.size > 0 ? 0 : IDLE_MS;
  }

  /** A poll has found the end of a job. RunComfy may not call about a cancelled one. Never rejects. */
  async noteEnd({ status, kind, deploymentId }: Job, notifiedForMs: NotifiedForMs): Promise<void> {
    const { areAsked, trust, log } = this.#given;
    if (!areAsked || !findAdapter(kind).takesWebhook || status === "CANCELLED") return;
    const wasNotified = notifiedForMs !== null && notifiedForMs <= BEFORE_END_MS;
    try {
      const before = await this.#trust.memo(deploymentId);
      // One call may have come just after a poll, but hardly two.
      const lower = before === RELIED_ON ? 0 : Math.max(0, before - 1);
      const after = wasNotified ? Math.min(RELIED_ON + 1, before + 1) : lower;
      if (after === before) return;
      this.#trust.set(deploymentId, Promise.resolve(after));
      await trust.note(deploymentId, after);
    } catch (err) {
      log.debug({ err }, "It could not be stored whether an upstream webhook came.");
    }
  }

  /** How many usual polls a poll of a job costs: many, where a call will probably come with its end. */
  async toCostFactor(
    { startedAt, deploymentId }: Job,
    notifiedForMs: NotifiedForMs,
  ): Promise<number> {
    // RunComfy calls at ends, not at starts. For a job that continues after a call there may be no other.
    if (!this.#given.areAsked || startedAt === null || notifiedForMs !== null) return 1;
    return (await this.#trust.memo(deploymentId)) >= RELIED_ON ? NOTIFIED_COST : 1;
  }

  /** How many calls have made a poll of this deployment's jobs due, on this gateway. */
  countFollowed(deploymentId: string): number {
    return this.#followed.get(deploymentId) ?? 0;
  }

  async close(): Promise<void> {
    await this.#loop?.close();
  }

  async #readTrust(deploymentId: string): Promise<number> {
    try {
      return await this.#given.trust.read(deploymentId);
    } catch (error) {
      this.#trust.delete(deploymentId);
      throw error;
    }
  }

  /** What came meanwhile counts as the first attempt. */
  #tryAgain(jobId: string, attempts: number): void {
    const hasRoom = attempts < MAX_ATTEMPTS && this.#waiting.size < MAX_WAITING;
    if (hasRoom && !this.#waiting.has(jobId)) this.#waiting.set(jobId, attempts);
  }
}

type Dependencies = {
  readonly polls: Pick<PollTable, "makeDue">;
  readonly trust: UpstreamWebhookTrust;
  /** Whether submits ask for them. */
  readonly areAsked: boolean;
  /** Notified that polls have come due. */
  readonly onDue: () => void;
  readonly channels: Pick<Channels, "upstreamWebhooks">;
  readonly monotonic: () => number;
  readonly log: Pick<BaseLogger, "debug">;
};
