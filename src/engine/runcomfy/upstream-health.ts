import { EventEmitter } from "node:events";

import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/errors.ts";
import type { Service } from "../job/upstream.ts";
import { sleepFor } from "../../runtime/loop.ts";
import type { RunComfyError } from "./runcomfy-error.ts";
import { mayFailForAll } from "./services.ts";

/** Longer pauses are cut to this. */
export const MAX_PAUSE_MS = 300_000;

/** Beyond this, the one whose last failure is oldest is forgotten. */
const MAX_DEPLOYMENTS = 1_000;

/** Pauses that differ by less are one pause that several answers asked for. */
const SAME_PAUSE_MS = 500;

type HealthOptions = {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  /** Bounds how long the end of an outage can go unnoticed. */
  readonly longestBackOffMs: number;
};

type HealthEvents = {
  /** A noted pause lasts longer than the one before. */
  pause: [];
  /** So many deployments' failures came in a row that one of the list would begin an outage of all. */
  suspicion: [];
  /** An outage begins, of a deployment or of all (null). */
  outage: [string | null];
  /** An outage ends, of a deployment or of all (null). */
  recovery: [string | null];
};

/**
 * Whether RunComfy and each deployment may be called. The client notes how its calls end; polls and submits ask first.
 *
 * - A Retry-After pauses every call.
 * - Five failures in a row, or two time-outs, open a breaker: that of all of RunComfy, or that of a deployment.
 * - A bad answer or a time-out is a failure of its deployment, a broken connection, a refused token, and a 429 without a
 *   Retry-After one of all.
 * - Failures of deployments, so long as these have no outage, count for all too, but do not open its breaker alone: where
 *   one more would, the list is asked at once, and begins the outage if it fails too.
 * - Whatever fails at the host of models is of the model alone, never one of all. But an outage of all, or a pause, holds up
 *   models too: they share the token, the account and the loop that claims polls.
 * - In an outage nobody polls or submits. Probes find out its end, because a user's submit must not.
 */
export class UpstreamHealth extends EventEmitter<HealthEvents> {
  readonly #options: HealthOptions;
  readonly #all: Breaker;
  /** Of each deployment that has failed. */
  readonly #deployments: LRUCache<string, Breaker>;
  #pausedUntil = 0;

  constructor(options: HealthOptions) {
    super();
    this.#options = options;
    this.#all = new Breaker(options);
    const memoMethod = () => new Breaker(options);
    this.#deployments = new LRUCache({ max: MAX_DEPLOYMENTS, memoMethod });
  }

  /** How many milliseconds nobody may call RunComfy; 0 without a pause. */
  pausedForMs(): number {
    return Math.max(0, Math.ceil(this.#pausedUntil - this.#options.now()));
  }

  /** Takes over a pause that another gateway noted, without an event. */
  adoptPause(durationMs: number): void {
    const until = this.#options.now() + Math.min(durationMs, MAX_PAUSE_MS);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** RunComfy asked for a pause. */
  notePause(durationMs: number): void {
    const before = this.#pausedUntil;
    this.adoptPause(durationMs);
    if (this.#pausedUntil > before + SAME_PAUSE_MS) this.emit("pause");
  }

  /** For how many milliseconds no job may be polled, but for failing deployments; Infinity in an outage of all. */
  pollDelayMs(): number {
    return this.#all.isOpen ? Infinity : this.pausedForMs();
  }

  /** The deployments with an outage of their own. */
  failingDeployments(): readonly string[] {
    return [...this.#deployments].filter(([, { isOpen }]) => isOpen).map(([id]) => id);
  }

  /** Whether all of RunComfy has an outage, or this deployment, if given. */
  isOutage(deploymentId?: string): boolean {
    return this.#all.isOpen || this.outageMs(deploymentId) !== null;
  }

  /** For how many milliseconds all of RunComfy has had an outage, or this deployment, if given; null without one. */
  outageMs(deploymentId?: string): number | null {
    return this.#find(deploymentId)?.openForMs() ?? null;
  }

  /** Why no submit to this deployment may leave now. After null, one has to leave. */
  submitRefusal(deploymentId: string): UpstreamErrorCode | null {
    return this.#all.submitRefusal() ?? this.#find(deploymentId)?.submitRefusal() ?? null;
  }

  /** How long to wait before the next probe of this deployment, or of all; null without an outage. */
  nextProbeMs(deploymentId: string | null): number | null {
    return this.#find(deploymentId)?.nextProbeMs() ?? null;
  }

  /** A read of a job of this deployment ended well (null), or failed; without a deployment, a read of the list did. */
  noteRead(
    error: RunComfyError | null,
    deploymentId: string | null,
    service: Service = "deployments",
  ): void {
    const hasOwnBreaker = !mayFailForAll(service);
    if (error === null || isGood(error)) {
      for (const id of new Set(hasOwnBreaker ? [deploymentId] : [deploymentId, null]))
        if (this.#find(id)?.noteGood() === true) this.#report("recovery", id);
      return;
    }
    // What fails in an outage of all says nothing about its deployment.
    if (!isFailure(error) || (this.#all.isOpen && !hasOwnBreaker)) return;
    const { code } = error;
    if (deploymentId !== null && (hasOwnBreaker || isOfDeployment(error))) {
      const deployment = this.#deployments.memo(deploymentId);
      if (deployment.isOpen) return;
      if (!hasOwnBreaker && this.#all.noteSuspicion(code)) this.emit("suspicion");
      if (deployment.noteFailure(code)) this.#report("outage", deploymentId, code);
      return;
    }
    if (this.#all.noteFailure(code)) this.#report("outage", null, code);
  }

  /** A submit to this deployment was accepted (null), or failed. */
  noteSubmit(error: RunComfyError | null, deploymentId: string, service?: Service): void {
    // Its input may be at fault: surely in a refusal, but not five times with no good call between.
    if (error?.delivery !== "refused" || isGood(error)) this.noteRead(error, deploymentId, service);
  }

  /** A probe of this deployment, or of all, was answered well (null), or failed. */
  noteProbe(error: RunComfyError | null, deploymentId: string | null, service?: Service): void {
    if (error !== null && !isGood(error))
      this.#find(deploymentId)?.noteBadProbe(error.httpStatus !== null);
    this.noteRead(error, deploymentId, service);
  }

  #find(deploymentId: string | null = null): Breaker | undefined {
    return deploymentId === null ? this.#all : this.#deployments.peek(deploymentId);
  }

  #report(
    event: "outage" | "recovery",
    deploymentId: string | null,
    code?: UpstreamErrorCode,
  ): void {
    const { log } = this.#options;
    const about = deploymentId === null ? {} : { deploymentId };
    const messages = deploymentId === null ? MESSAGES_OF_ALL : MESSAGES_OF_DEPLOYMENT;
    if (event === "outage") log.warn({ ...about, code }, messages.outage);
    else log.info(about, messages.recovery);
    this.emit(event, deploymentId);
  }
}

/** Probes RunComfy, and each deployment, while it has an outage, and RunComfy also when an outage is suspected. */
export function startOutageProbe({
  health,
  runcomfy,
}: {
  readonly health: UpstreamHealth;
  readonly runcomfy: { probe(deploymentId: string | null, signal: AbortSignal): Promise<void> };
}) {
  const closing = new AbortController();
  const { signal } = closing;
  /** By deployment, and of all by null: one at a time of each, also where an outage ends and another begins. */
  const underWay = new Map<string | null, Promise<void>>();
  /** Whether all of RunComfy fails. */
  let asking: Promise<void> | null = null;

  async function probeUntilOver(deploymentId: string | null): Promise<void> {
    let probing = asking;
    let waitMs = health.nextProbeMs(deploymentId);
    while (waitMs !== null && !signal.aborted) {
      // Counted from when the last one left: RunComfy may be back while that still waits for its answer.
      await Promise.all([sleepFor(waitMs, signal), probing]);
      waitMs = health.nextProbeMs(deploymentId);
      if (waitMs !== null) probing = runcomfy.probe(deploymentId, signal);
    }
    underWay.delete(deploymentId);
  }

  health.on("suspicion", () => {
    if (asking === null && !signal.aborted)
      asking = runcomfy.probe(null, signal).finally(() => (asking = null));
  });
  health.on("outage", (deploymentId) => {
    if (underWay.has(deploymentId) || signal.aborted) return;
    underWay.set(deploymentId, probeUntilOver(deploymentId));
  });
  return {
    /** Aborts the probes under way and starts no more. */
    async close(): Promise<void> {
      closing.abort();
      await Promise.all([asking, ...underWay.values()]);
    },
  };
}

const FAILURES_UNTIL_OUTAGE = 5;

/** Two in a row open a breaker: each has taken seconds already. */
const TIMEOUT_WEIGHT = 3;

const MIN_BACK_OFF_MS = 1_000;

/** Where probes are answered and all else fails, outages follow each other this soon; their back-off goes on. */
const RELAPSE_MS = 60_000;

/** Probes may not show what POSTs would: after this long with bad answers to them, a submit has to find out. */
const BAD_ANSWERS_MS = 120_000;

/**
 * Opens after failures in a row, of RunComfy or of one deployment, which begins an outage; the first good answer closes it.
 * Probes are due after 1, 2, 4, 8 s and so on, at most `longestBackOffMs`, less up to a half.
 */
class Breaker {
  readonly #options: HealthOptions;
  #failures = 0;
  /** What opened it; null while it is closed. */
  #cause: UpstreamErrorCode | null = null;
  #openedAt = -Infinity;
  #closedAt = -Infinity;
  #backOffMs = MIN_BACK_OFF_MS;
  /** Since when every probe was answered, but badly. */
  #badAnswersSince = Infinity;
  #nextSubmitAt = -Infinity;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#cause !== null;
  }

  /** For how long it has been open, in milliseconds; null while it is closed. */
  openForMs(): number | null {
    return this.isOpen ? this.#options.now() - this.#openedAt : null;
  }

  /** Counts a failure that may not be its own, which opens nothing. Returns whether one more of its own would. */
  noteSuspicion(code: UpstreamErrorCode): boolean {
    const most = FAILURES_UNTIL_OUTAGE - 1;
    this.#failures = Math.min(this.#failures + weigh(code), most);
    return this.#failures === most;
  }

  /** Whether this has opened it. */
  noteFailure(code: UpstreamErrorCode): boolean {
    this.#failures += weigh(code);
    if (this.#failures < FAILURES_UNTIL_OUTAGE || this.isOpen) return false;
    this.#cause = code;
    this.#openedAt = this.#options.now();
    this.#badAnswersSince = Infinity;
    if (this.#openedAt - this.#closedAt >= RELAPSE_MS) this.#backOffMs = MIN_BACK_OFF_MS;
    return true;
  }

  /** Whether this has closed it. */
  noteGood(): boolean {
    this.#failures = 0;
    if (!this.isOpen) return false;
    this.#cause = null;
    this.#closedAt = this.#options.now();
    return true;
  }

  noteBadProbe(isAnswered: boolean): void {
    const now = this.#options.now();
    this.#badAnswersSince = isAnswered ? Math.min(this.#badAnswersSince, now) : Infinity;
  }

  /** How long to wait before the next probe; longer each time. Null while it is closed. */
  nextProbeMs(): number | null {
    if (!this.isOpen) return null;
    const { random, longestBackOffMs } = this.#options;
    const waitMs = Math.min(this.#backOffMs, longestBackOffMs);
    this.#backOffMs = waitMs * 2;
    return waitMs * (0.5 + 0.5 * random());
  }

  /** Why no submit may leave now. After null, one has to leave. */
  submitRefusal(): UpstreamErrorCode | null {
    if (!this.isOpen) return null;
    const { now, longestBackOffMs } = this.#options;
    if (now() - this.#badAnswersSince >= BAD_ANSWERS_MS && now() >= this.#nextSubmitAt) {
      this.#nextSubmitAt = now() + longestBackOffMs;
      return null;
    }
    // Waiting does not make a refused token good.
    return this.#cause === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
  }
}

function weigh(code: UpstreamErrorCode): number {
  return code === "TIMEOUT" ? TIMEOUT_WEIGHT : 1;
}

const MESSAGES_OF_ALL = {
  outage:
    "RunComfy keeps failing, so until it answers again no job is polled and submits are refused. If this lasts, check the gateway's token and RunComfy's status page.",
  recovery: "RunComfy answers again; jobs are polled and submitted as usual.",
};
const MESSAGES_OF_DEPLOYMENT = {
  outage:
    "A deployment keeps failing, so until it answers again its jobs are not polled and submits to it are refused. If this lasts, check it on RunComfy's dashboard.",
  recovery: "A deployment answers again; its jobs are polled as usual.",
};

const FAILURES: ReadonlySet<UpstreamErrorCode> = new Set([
  "UNAVAILABLE",
  "TIMEOUT",
  "UNAUTHORIZED",
  "RATE_LIMITED",
]);

/** A failure of RunComfy or of a deployment, rather than of the one job that was asked for. */
function isFailure({ code, retryAfterMs }: RunComfyError): boolean {
  return FAILURES.has(code) && !(code === "RATE_LIMITED" && retryAfterMs !== null);
}

/** Whether a failure may be that of a deployment alone. */
function isOfDeployment({ code, httpStatus }: RunComfyError): boolean {
  return code === "TIMEOUT" || (code === "UNAVAILABLE" && httpStatus !== null);
}

/** An answer about the one job. Garbage may come from anything on the way, so it neither begins nor ends an outage. */
function isGood({ code, httpStatus }: RunComfyError): boolean {
  return httpStatus !== null && code !== "INVALID_RESPONSE" && !FAILURES.has(code);
}
