import { EventEmitter } from "node:events";

import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/errors.ts";
import type { Breaker } from "./breaker.ts";
import { createBreaker, FAILURES_UNTIL_OUTAGE } from "./breaker.ts";
import { MAX_PAUSE_MS } from "./read-answer.ts";
import type { RunComfyError } from "./runcomfy-error.ts";

export type Pace = ReturnType<typeof createPace>;

/** A harmless call; without a deployment it is about RunComfy as a whole. */
export type Probe = { readonly call: "list" | "status"; readonly deploymentId: string | null };

/** Beyond this, the one whose last failure is oldest is forgotten. */
const MAX_DEPLOYMENTS = 1_000;

/** Pauses that differ by less are one pause that several answers asked for. */
const SAME_PAUSE_MS = 500;

/**
 * How fast RunComfy and each deployment may be called. The client notes how its calls end; whoever wants to poll or to
 * submit asks first.
 *
 * - A Retry-After pauses every call.
 * - Five failures in a row, or two time-outs, open a breaker: that of all of RunComfy, or that of a deployment.
 * - A broken connection, a refused token, and a 429 without a Retry-After are failures of all. A bad answer is one of its
 *   deployment. So is a time-out; it is one of all as well when no call was answered well meanwhile.
 * - Five bad answers with none good between them, of whichever deployments, put all in doubt. Then the list is probed at
 *   once, and only if that fails too is it an outage of all.
 * - In an outage nobody polls or submits. Probes find out its end, because a user's submit must not.
 *
 * `now` gives milliseconds of a clock that never goes back (`performance.now`), `random` a number in [0, 1).
 * `longestBackOffMs` (8 s) bounds how long the end of an outage can go unnoticed.
 */
export function createPace(options: {
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  readonly longestBackOffMs?: number;
}) {
  const { now, random, log, longestBackOffMs = 8_000 } = options;
  const events = new EventEmitter<{ pause: []; doubt: []; recovery: [] }>();
  let pausedUntil = 0;
  let answers = 0;
  /** With no good answer since, and only of deployments without an outage. */
  let badAnswers = 0;
  /** Whether the list was asked because all is in doubt, with no good answer since. */
  let isListAsked = false;
  /** Of probes of all the last one. They take turns: each call is a service of its own, and may fail for long. */
  let lastCall: Probe["call"] = "status";

  const backOff = { now, random, longestBackOffMs };
  const all = createBreaker({
    ...backOff,
    onOpen(code) {
      log.warn(
        { code },
        "RunComfy keeps failing, so until it answers again no job is polled and submits are refused. If this lasts, check the gateway's token and RunComfy's status page.",
      );
      events.emit("doubt");
    },
    onClose() {
      log.info({}, "RunComfy answers again; jobs are polled and submitted as usual.");
      events.emit("recovery");
    },
  });
  /** Of each deployment that has failed. */
  const deployments = new LRUCache<string, Breaker>({
    max: MAX_DEPLOYMENTS,
    memoMethod: (deploymentId) =>
      createBreaker({
        ...backOff,
        onOpen(code) {
          log.warn(
            { deploymentId, code },
            "A deployment keeps failing, so until it answers again its jobs are not polled and submits to it are refused. If this lasts, check it on RunComfy's dashboard.",
          );
          events.emit("doubt");
        },
        onClose() {
          log.info({ deploymentId }, "A deployment answers again; its jobs are polled as usual.");
          events.emit("recovery");
        },
      }),
  });

  const findFailing = () => [...deployments].filter(([, breaker]) => breaker.isOpen());

  const pausedForMs = () => Math.max(0, Math.ceil(pausedUntil - now()));

  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, MAX_PAUSE_MS));
  }

  function noteGood(deploymentId: string | null): void {
    answers += 1;
    badAnswers = 0;
    isListAsked = false;
    if (deploymentId !== null) deployments.peek(deploymentId)?.noteGood();
    all.noteGood();
  }

  function noteEnd(
    error: RunComfyError | null,
    deploymentId: string,
    answersBefore = answers,
  ): void {
    if (error === null || isGood(error)) return noteGood(deploymentId);
    // What fails in an outage of all tells nothing of its deployment.
    if (!isFailure(error) || all.isOpen()) return;
    const { code, httpStatus } = error;
    const isTimeout = code === "TIMEOUT";
    const isBadAnswer = httpStatus !== null && code !== "UNAUTHORIZED" && code !== "RATE_LIMITED";
    if (isBadAnswer || isTimeout) {
      const deployment = deployments.memo(deploymentId);
      if (!deployment.isOpen()) badAnswers += 1;
      deployment.noteFailure(code);
      if (badAnswers === FAILURES_UNTIL_OUTAGE) events.emit("doubt");
    }
    if (!isBadAnswer && !(isTimeout && answers > answersBefore)) all.noteFailure(code);
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
    /** How many milliseconds no job may be polled; 0 when polls may start, but for those at failing deployments. */
    pollDelayMs(): number {
      const untilProbeMs = all.isOpen() ? Math.max(1, Math.ceil(all.probeAt() - now())) : 0;
      return Math.max(pausedForMs(), untilProbeMs);
    },
    /** The deployments with an outage of their own. */
    failingDeployments: (): readonly string[] =>
      findFailing().map(([deploymentId]) => deploymentId),
    /** Whether all of RunComfy has an outage, or this deployment, if given. */
    isOutage: (deploymentId?: string) =>
      all.isOpen() ||
      (deploymentId !== undefined && deployments.peek(deploymentId)?.isOpen() === true),
    /** For how many milliseconds all of RunComfy has had an outage, or this deployment, if given; null without one. */
    outageMs: (deploymentId?: string) =>
      (deploymentId === undefined ? all : deployments.peek(deploymentId))?.openForMs() ?? null,
    /** Why no submit to this deployment may leave now. After null, one has to leave. */
    submitRefusal: (deploymentId: string): UpstreamErrorCode | null =>
      all.submitRefusal() ?? deployments.peek(deploymentId)?.submitRefusal() ?? null,
    /** The probe to send now, or how many milliseconds to wait (Infinity: until `onDoubt`). */
    claimProbe(): Probe | number {
      if (pausedForMs() > 0) return pausedForMs();
      if (badAnswers >= FAILURES_UNTIL_OUTAGE) {
        badAnswers = 0;
        isListAsked = true;
        return { call: "list", deploymentId: null };
      }
      const [first] = findFailing().toSorted(([, a], [, b]) => a.probeAt() - b.probeAt());
      const [deploymentId, breaker] = all.isOpen() || first === undefined ? [null, all] : first;
      const waitMs = Math.ceil(breaker.probeAt() - now());
      if (waitMs > 0) return waitMs;
      breaker.takeProbe();
      if (deploymentId !== null) return { call: "status", deploymentId };
      lastCall = lastCall === "list" ? "status" : "list";
      return { call: lastCall, deploymentId };
    },
    /** A claimed probe was answered well (null), or failed. */
    noteProbe(error: RunComfyError | null, { deploymentId }: Probe): void {
      if (error === null || isGood(error)) return noteGood(deploymentId);
      const breaker = deploymentId === null ? all : deployments.peek(deploymentId);
      breaker?.noteBadProbe(error.httpStatus !== null);
      if (deploymentId === null && isListAsked && isFailure(error)) all.open(error.code);
    },
    /** Calls back when an outage begins, or all comes into doubt: `claimProbe` says something new. */
    onDoubt: (listener: () => void) => void events.on("doubt", listener),
    /** Calls back when an outage ends, of all or of a deployment. */
    onRecovery: (listener: () => void) => void events.on("recovery", listener),
    /** How many calls were answered well so far, to be passed on when a call that begins now fails. */
    countAnswers: () => answers,
    /** A read of a job of this deployment ended well (null), or failed. */
    noteRead: noteEnd,
    /** A submit to this deployment was accepted (null), or failed. */
    noteSubmit(error: RunComfyError | null, deploymentId: string, answersBefore?: number): void {
      // Its input may be at fault: surely in a refusal, but not five times with no good call between.
      if (error?.delivery !== "refused" || isGood(error))
        noteEnd(error, deploymentId, answersBefore);
    },
  };
}

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

/** An answer about the one job. Garbage may come from anything on the way, so it neither begins nor ends an outage. */
function isGood({ code }: RunComfyError): boolean {
  return code !== "INVALID_RESPONSE" && !FAILURES.has(code);
}
