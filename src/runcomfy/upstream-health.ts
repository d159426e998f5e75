import { EventEmitter } from "node:events";

import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/errors.ts";
import type { Breaker } from "./breaker.ts";
import { createBreaker } from "./breaker.ts";
import type { RunComfyError } from "./runcomfy-error.ts";

export type UpstreamHealth = ReturnType<typeof createUpstreamHealth>;

/** Longer pauses are cut to this. */
export const MAX_PAUSE_MS = 300_000;

/** Beyond this, the one whose last failure is oldest is forgotten. */
const MAX_DEPLOYMENTS = 1_000;

/** Pauses that differ by less are one pause that several answers asked for. */
const SAME_PAUSE_MS = 500;

/**
 * Whether RunComfy and each deployment may be called. The client notes how its calls end; whoever wants to poll or to submit
 * asks first.
 *
 * - A Retry-After pauses every call.
 * - Five failures in a row, or two time-outs, open a breaker: that of all of RunComfy, or that of a deployment.
 * - A bad answer or a time-out is a failure of its deployment. So long as that has no outage, it is one of all too, as is a
 *   broken connection, a refused token, and a 429 without a Retry-After in any case.
 * - Where a deployment's outage begins, the list is asked at once: if that fails too, it is one more failure of all.
 * - In an outage nobody polls or submits. Probes find out its end, because a user's submit must not.
 *
 * `now` gives milliseconds of a clock that never goes back (`performance.now`), `random` a number in [0, 1).
 * `longestBackOffMs` bounds how long the end of an outage can go unnoticed.
 */
export function createUpstreamHealth(options: {
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  readonly longestBackOffMs: number;
}) {
  const { now, log } = options;
  const events = new EventEmitter<{ pause: []; outage: [string | null]; recovery: [] }>();
  let pausedUntil = 0;

  /** Of a deployment, or of all of RunComfy (null). */
  function createNamedBreaker(deploymentId: string | null): Breaker {
    const about = deploymentId === null ? {} : { deploymentId };
    const messages = deploymentId === null ? MESSAGES_OF_ALL : MESSAGES_OF_DEPLOYMENT;
    return createBreaker({
      ...options,
      onOpen(code) {
        log.warn({ ...about, code }, messages.outage);
        events.emit("outage", deploymentId);
      },
      onClose() {
        log.info(about, messages.recovery);
        events.emit("recovery");
      },
    });
  }

  const all = createNamedBreaker(null);
  /** Of each deployment that has failed. */
  const deployments = new LRUCache<string, Breaker>({
    max: MAX_DEPLOYMENTS,
    memoMethod: createNamedBreaker,
  });

  const breakerOf = (deploymentId: string | null = null): Breaker | undefined =>
    deploymentId === null ? all : deployments.peek(deploymentId);

  const pausedForMs = () => Math.max(0, Math.ceil(pausedUntil - now()));

  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, MAX_PAUSE_MS));
  }

  function noteEnd(error: RunComfyError | null, deploymentId: string | null): void {
    if (error === null || isGood(error)) {
      breakerOf(deploymentId)?.noteGood();
      all.noteGood();
      return;
    }
    // What fails in an outage of all tells nothing of its deployment.
    if (!isFailure(error) || all.isOpen()) return;
    if (deploymentId !== null && isOfDeployment(error)) {
      const deployment = deployments.memo(deploymentId);
      deployment.noteFailure(error.code);
      if (deployment.isOpen()) return;
    }
    all.noteFailure(error.code);
  }

  return {
    /** How many milliseconds nobody may call RunComfy; 0 without a pause. */
    pausedForMs,
    /** Takes over a pause that another gateway noted; no listener hears of it. */
    adoptPause,
    /** RunComfy asked for a pause; listeners of `onPause` hear of it. */
    notePause(durationMs: number): void {
      const before = pausedUntil;
      adoptPause(durationMs);
      if (pausedUntil > before + SAME_PAUSE_MS) events.emit("pause");
    },
    /** Calls back whenever a noted pause lasts longer than the one before. */
    onPause: (listener: () => void) => void events.on("pause", listener),
    /** For how many milliseconds no job may be polled, but for failing deployments; Infinity in an outage of all. */
    pollDelayMs: () => (all.isOpen() ? Infinity : pausedForMs()),
    /** The deployments with an outage of their own. */
    failingDeployments: (): readonly string[] =>
      [...deployments].filter(([, breaker]) => breaker.isOpen()).map(([id]) => id),
    /** Whether all of RunComfy has an outage, or this deployment, if given. */
    isOutage: (deploymentId?: string) => all.isOpen() || breakerOf(deploymentId)?.isOpen() === true,
    /** For how many milliseconds all of RunComfy has had an outage, or this deployment, if given; null without one. */
    outageMs: (deploymentId?: string) => breakerOf(deploymentId)?.openForMs() ?? null,
    /** Why no submit to this deployment may leave now. After null, one has to leave. */
    submitRefusal: (deploymentId: string): UpstreamErrorCode | null =>
      all.submitRefusal() ?? deployments.peek(deploymentId)?.submitRefusal() ?? null,
    /** How long to wait before the next probe of this deployment, or of all; null without an outage. */
    nextProbeMs: (deploymentId: string | null) => breakerOf(deploymentId)?.nextProbeMs() ?? null,
    /** A probe of this deployment, or of all, was answered well (null), or failed. */
    noteProbe(error: RunComfyError | null, deploymentId: string | null): void {
      if (error !== null && !isGood(error))
        breakerOf(deploymentId)?.noteBadProbe(error.httpStatus !== null);
      noteEnd(error, deploymentId);
    },
    /** Calls back when an outage begins, of a deployment or of all (null). */
    onOutage: (listener: (deploymentId: string | null) => void) =>
      void events.on("outage", listener),
    /** Calls back when an outage ends, of all or of a deployment. */
    onRecovery: (listener: () => void) => void events.on("recovery", listener),
    /** A read of a job of this deployment ended well (null), or failed. */
    noteRead: noteEnd,
    /** A submit to this deployment was accepted (null), or failed. */
    noteSubmit(error: RunComfyError | null, deploymentId: string): void {
      // Its input may be at fault: surely in a refusal, but not five times with no good call between.
      if (error?.delivery !== "refused" || isGood(error)) noteEnd(error, deploymentId);
    },
  };
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
