import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/errors.ts";
import type { Outage } from "./breaker.ts";
import type { Breaker } from "./breaker.ts";
import { createBreaker, FAILURES_UNTIL_OUTAGE } from "./breaker.ts";
import { LONGEST_PAUSE_MS } from "./read-answer.ts";
import type { Reach } from "./reach.ts";
import { createReachTracker } from "./reach.ts";
import type { RunComfyError } from "./runcomfy-error.ts";

export type Pace = ReturnType<typeof createPace>;

/** A harmless call; without a deployment it is about the upstream as a whole. */
export type Probe = { readonly call: "list" | "status"; readonly deploymentId: string | null };

/** Failures of the upstream or a deployment, rather than of the one job that was asked for. */
const OUTAGE_CODES: ReadonlySet<UpstreamErrorCode> = new Set([
  "UNAVAILABLE",
  "TIMEOUT",
  "UNAUTHORIZED",
  "RATE_LIMITED",
]);

/** Beyond this, the one whose last failure is oldest is forgotten. */
const MOST_DEPLOYMENTS = 1_000;

/**
 * How fast the upstream and each deployment may be called. The client notes what happens; whoever looks at jobs asks first.
 * A call without an answer counts against the upstream, unless others were answered meanwhile. Then, and when it is
 * answered badly, it counts against its deployment, or against the upstream while no call at all is answered well.
 *
 * Five failures with no good call between them, or two that lie a lease apart, begin an outage of all. A failure that is
 * an answer, and an answer that does not end in time, concern their deployment first: five in a row begin an outage of
 * that one alone. The list is probed at once then; if it fails too, or five more answered failures of others come with no
 * good call between them, the outage is of all. Where probes have been answered for two minutes, and never well, one
 * submit in 8 s may go after all, because probes may not tell what POSTs would.
 *
 * `now` gives milliseconds of a clock that never goes back
 * (`performance.now`), `random` a number in [0, 1); `longestBackOffMs` (8 s) bounds how long an outage that is over can
 * go unnoticed, however many gateways there are; after `cutOffAfterMs` (6 s) of failures the answers that other gateways
 * get count.
 */
export function createPace(options: {
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  readonly longestBackOffMs?: number;
  readonly cutOffAfterMs?: number;
}) {
  const { now, random, log, longestBackOffMs = 8_000, cutOffAfterMs = 6_000 } = options;
  const pause = createUpstreamPause(now);
  const reach = createReachTracker({ now, cutOffAfterMs });
  const listeners: (() => void)[] = [];
  let gateways = 1;
  let probesOfAll = 0;
  /** Consecutive answered failures, except of deployments that already have an outage. */
  let answeredFailures = 0;
  let doubt: Doubt | null = null;
  let answers = 0;

  const toWaitMs = (backOffMs: number): number =>
    Math.min(backOffMs * gateways, longestBackOffMs) * (0.5 + 0.5 * random());
  const all = createBreaker({
    now,
    toWaitMs,
    longestBackOffMs,
    longFailureMs: cutOffAfterMs,
    onBegin(code) {
      log.warn(
        { code },
        "RunComfy keeps failing, so until it answers again looks at jobs go one at a time and submits are refused. If this lasts, check the gateway's token and RunComfy's status page.",
      );
      doubt = null;
      tell();
    },
    onEnd() {
      log.info({}, "RunComfy answers again; jobs are looked at and submitted as usual.");
      // What failed with the whole has probably recovered with it.
      for (const { outage } of findFailing()) hurry(outage);
    },
  });
  /** Of each deployment that has failed. */
  const deployments = new LRUCache<string, Breaker>({
    max: MOST_DEPLOYMENTS,
    memoMethod: (deploymentId) =>
      createBreaker({
        now,
        toWaitMs,
        longestBackOffMs,
        longFailureMs: Infinity,
        onBegin(code) {
          log.warn(
            { deploymentId, code },
            "A deployment keeps failing, so until it answers again looks at its jobs go one at a time and submits to it are refused. If this lasts, check it on RunComfy's dashboard.",
          );
          beginDoubt();
          tell();
        },
        onEnd() {
          log.info(
            { deploymentId },
            "A deployment answers again; its jobs are looked at as usual.",
          );
        },
      }),
  });

  function findBreaker(deploymentId: string | null): Breaker | undefined {
    return deploymentId === null ? undefined : deployments.peek(deploymentId);
  }

  /** The deployments that are in an outage, the one that failed longest ago first. */
  function findFailing() {
    return [...deployments.rkeys()].flatMap((deploymentId) => {
      const outage = findBreaker(deploymentId)?.outage() ?? null;
      return outage === null ? [] : [{ deploymentId, outage }];
    });
  }

  function tell(): void {
    for (const listener of listeners) listener();
  }

  /** Asks for the list once; until a call is answered well, a few more failures begin an outage. */
  function beginDoubt(): void {
    if (all.outage() === null) doubt ??= { isAsked: false, failures: 0 };
  }

  function findOutages(deploymentId: string | null): readonly Outage[] {
    const found = [all.outage(), findBreaker(deploymentId)?.outage() ?? null];
    return found.filter((outage) => outage !== null);
  }

  function noteGood(deploymentId: string | null): void {
    answers += 1;
    reach.noteGood();
    answeredFailures = 0;
    doubt = null;
    findBreaker(deploymentId)?.noteGood();
    all.noteGood();
  }

  function noteFailure(
    error: RunComfyError,
    deploymentId: string | null,
    answersBefore = answers,
  ): void {
    const isAnswered = error.httpStatus !== null;
    reach.noteFailure(!isAnswered || error.code === "UNAUTHORIZED");
    const isSlow = error.code === "TIMEOUT" && answers > answersBefore;
    if (
      (!isAnswered && !isSlow) ||
      error.code === "UNAUTHORIZED" ||
      error.code === "RATE_LIMITED"
    ) {
      all.noteFailure(error.code);
    } else if (deploymentId !== null) {
      noteAnsweredFailure(error.code, deploymentId);
    }
  }

  function noteAnsweredFailure(code: UpstreamErrorCode, deploymentId: string): void {
    const deployment = deployments.memo(deploymentId);
    if (deployment.outage() !== null || all.outage() !== null) return deployment.noteFailure(code);
    if (doubt !== null && (doubt.failures += 1) >= FAILURES_UNTIL_OUTAGE) all.begin(code);
    answeredFailures += 1;
    deployment.noteFailure(code);
    if (answeredFailures < FAILURES_UNTIL_OUTAGE || doubt !== null) return;
    beginDoubt();
    tell();
  }

  /** A probe was answered well (null), or failed. */
  function noteProbe(error: RunComfyError | null, probe: Probe): void {
    if (error === null || isAnswer(error)) return noteGood(probe.deploymentId);
    const isFailure = OUTAGE_CODES.has(error.code);
    if (isFailure) noteFailure(error, probe.deploymentId);
    const breaker = probe.deploymentId === null ? all : findBreaker(probe.deploymentId);
    breaker?.noteProbeFailure(error.httpStatus !== null);
    breaker?.outage()?.probes.backOff();
    if (isFailure && doubt !== null && probe.call === "list") all.begin(error.code);
  }

  /** The probe to send now, which takes its slot until it is noted, or how many milliseconds to wait (Infinity: no need). */
  function claimProbe(): Probe | number {
    const pausedForMs = pause.pausedForMs();
    const outage = all.outage();
    const failing = findFailing();
    if (outage === null && failing.length === 0 && doubt === null) return Infinity;
    if (pausedForMs > 0) return pausedForMs;
    if (outage !== null) {
      const waitMs = outage.probes.waitMs();
      if (waitMs > 0) return waitMs;
      outage.probes.take();
      // In turns, because each is a service of its own: one may fail for long while submits would be taken.
      probesOfAll += 1;
      return { call: probesOfAll % 2 === 1 ? "list" : "status", deploymentId: null };
    }
    if (doubt !== null && !doubt.isAsked) {
      doubt.isAsked = true;
      return { call: "list", deploymentId: null };
    }
    let waitMs = Infinity;
    for (const { deploymentId, outage: own } of failing) {
      const ownMs = own.probes.waitMs();
      waitMs = Math.min(waitMs, ownMs);
      if (ownMs > 0) continue;
      own.probes.take();
      return { call: "status", deploymentId };
    }
    return waitMs;
  }

  /** How many milliseconds nobody may look at any job; 0 when only a job's deployment may forbid it. */
  function lookDelayMs(): number {
    return Math.max(pause.pausedForMs(), all.outage()?.looks.waitMs() ?? 0);
  }

  return {
    ...pause,
    lookDelayMs,
    /**
     * 0: look now at a job of this deployment (in an outage this takes the one slot for looks, until a read is noted or
     * the look is released). Otherwise nothing is taken, and it is how many milliseconds to wait before asking again.
     */
    claimLook(deploymentId: string | null): number {
      const slots = findOutages(deploymentId).map(({ looks }) => looks);
      const waitMs = Math.max(lookDelayMs(), ...slots.map((slot) => slot.waitMs()));
      if (waitMs === 0) for (const slot of slots) slot.take();
      return waitMs;
    },
    /** The claimed look ended without a read, so its slot is free again. Does nothing when no slot is taken. */
    releaseLook(deploymentId: string | null): void {
      for (const { looks } of findOutages(deploymentId)) looks.release();
    },
    /** Whether the upstream has an outage, or this deployment, if given. */
    isOutage: (deploymentId?: string) => findOutages(deploymentId ?? null).length > 0,
    /** How this gateway reaches the upstream, for others to compare with. */
    reach: (): Reach => ({
      isOutage: all.outage() !== null,
      isCutOff: all.outage() !== null && reach.isCutOff(),
      answeredMsAgo: reach.answeredMsAgo(),
    }),
    /** Another gateway had an answer that long ago. In an outage one call may then leave at once to check. */
    noteAnswerElsewhere(ageMs: number): void {
      const outage = all.outage();
      if (outage !== null && reach.noteAnswerElsewhere(ageMs)) hurry(outage);
    },
    /** Why no submit to this deployment may leave now. After null, one has to leave. */
    submitRefusal: (deploymentId: string) =>
      all.submitRefusal() ?? findBreaker(deploymentId)?.submitRefusal() ?? null,
    claimProbe,
    /** Calls back whenever there is something new to probe. */
    onDoubt: (listener: () => void) => void listeners.push(listener),
    /** How many calls were answered well so far, to be passed on when a call that begins now fails. */
    countAnswers: () => answers,
    /** A read of a job of this deployment ended well (null), or failed. */
    noteRead(error: RunComfyError | null, deploymentId: string, answersBefore?: number): void {
      if (error === null || isAnswer(error)) return noteGood(deploymentId);
      if (OUTAGE_CODES.has(error.code)) noteFailure(error, deploymentId, answersBefore);
      for (const { looks } of findOutages(deploymentId)) looks.backOff();
    },
    noteProbe,
    /** A submit to this deployment was accepted (null), or failed. */
    noteSubmit(error: RunComfyError | null, deploymentId: string, answersBefore?: number): void {
      if (error === null || (error.delivery === "refused" && isAnswer(error))) {
        return noteGood(deploymentId);
      }
      // One may be its input's fault, but not five with no good call between them.
      const isFailure = error.code === "UNAVAILABLE" || error.code === "TIMEOUT";
      if (isFailure && error.delivery !== "refused") {
        noteFailure(error, deploymentId, answersBefore);
      }
    },
    /** How many gateways share the rare calls of an outage: each waits that many times longer. */
    setGateways: (count: number) => void (gateways = count),
  };
}

/** Garbage may come from anything on the way, so it neither begins nor ends an outage. */
function isAnswer({ code }: RunComfyError): boolean {
  return code !== "INVALID_RESPONSE" && !OUTAGE_CODES.has(code);
}

function hurry({ looks, probes }: Outage): void {
  looks.hurry();
  probes.hurry();
}

/** Several calls were answered badly: is it the upstream as a whole? */
type Doubt = { isAsked: boolean; failures: number };

/** Pauses that differ by less are one pause that several answers asked for. */
const SAME_PAUSE_MS = 500;

/** The pause that the upstream asked for with a Retry-After. */
function createUpstreamPause(now: () => number) {
  const listeners: (() => void)[] = [];
  let pausedUntil = 0;

  /** Takes over a pause that another gateway noted; no listener hears of it. */
  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  return {
    /** How many milliseconds nobody may call the upstream; 0 without a pause. */
    pausedForMs: () => Math.max(0, Math.ceil(pausedUntil - now())),
    adoptPause,
    /** The upstream asked for a pause; listeners of `onPause` hear of it. */
    notePause(durationMs: number): void {
      const before = pausedUntil;
      adoptPause(durationMs);
      if (pausedUntil > before + SAME_PAUSE_MS) for (const tell of listeners) tell();
    },
    /** Calls `tell` whenever a noted pause lasts longer than the one before. */
    onPause: (tell: () => void) => void listeners.push(tell),
  };
}
