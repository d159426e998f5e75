import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/upstream-error.ts";
import type { RunComfyError } from "./runcomfy-error.ts";

/** How fast the upstream as a whole may be asked. The client notes what happens; whoever looks at jobs asks first. */
export type Pace = {
  /** How many milliseconds nobody may call the upstream, because it asked for a pause; 0 when it did not. */
  pausedForMs(): number;
  /**
   * 0: look now (in an outage this takes the one place for looks, until a read is noted or the look is released).
   * Otherwise nothing is taken, and it is how many milliseconds to wait before asking again.
   */
  claimLook(): number;
  /** The look that claimed has ended without a read: its place is free again. Does nothing when none is taken. */
  releaseLook(): void;
  isOutage(): boolean;
  /** How well the upstream can be reached from here, for other gateways to compare with. */
  reach(): Reach;
  /** Another gateway had an answer so long ago. In an outage one call may then go at once, to find out the same. */
  noteAnswerElsewhere(ageMs: number): void;
  /** Why no submit may go now: in an outage none does. Null when it may. */
  submitRefusal(): UpstreamErrorCode | null;
  /** As `claimLook`, for the probes of an outage, which have a place of their own until one is noted. */
  claimProbe(): number;
  /** Calls `tell` whenever an outage begins. */
  onOutage(tell: () => void): void;
  /** The upstream asked everybody to stay away for so long; the listeners of `onPause` hear of it. */
  notePause(durationMs: number): void;
  /** Another gateway was asked to: the same, but nobody hears of it. */
  adoptPause(durationMs: number): void;
  /** Calls `tell` whenever a pause was noted that lasts longer than the one before. */
  onPause(tell: () => void): void;
  /** A read ended well (null), or failed. */
  noteRead(error: RunComfyError | null): void;
  /** A probe was answered well (null), or failed. */
  noteProbe(error: RunComfyError | null): void;
  /** A submit was accepted (null), or failed. */
  noteSubmit(error: RunComfyError | null): void;
  /** With how many gateways the rare calls of an outage are shared: each waits so many times longer. */
  setGateways(gateways: number): void;
};

/** How well one gateway reaches the upstream. */
export type Reach = {
  readonly isOutage: boolean;
  /** It has failed for long, also after another gateway had an answer: the fault is on this side. */
  readonly isCutOff: boolean;
  /** Null when the upstream never answered it. */
  readonly answeredMsAgo: number | null;
};

/** The longest pause that is obeyed, however long the upstream asked for. */
export const LONGEST_PAUSE_MS = 300_000;

const FAILURES_UNTIL_OUTAGE = 5;
const SHORTEST_BACK_OFF_MS = 1_000;

/** An outage so soon after another goes on with its probes' back-off: their answers tell nothing of what fails. */
const RELAPSE_MS = 60_000;

/** Pauses that differ by less are the same one, which several answers told. */
const SAME_PAUSE_MS = 500;

/** Failures that tell something of the upstream as a whole, rather than of the one job that was asked for. */
const OUTAGE_CODES: ReadonlySet<UpstreamErrorCode> = new Set([
  "UNAVAILABLE",
  "TIMEOUT",
  "UNAUTHORIZED",
  "RATE_LIMITED",
]);

/**
 * Makes a pace that starts unhindered. `now` gives milliseconds of a clock that never goes back
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
}): Pace {
  const { now, random, log, longestBackOffMs = 8_000, cutOffAfterMs = 6_000 } = options;
  const pauseListeners: (() => void)[] = [];
  const outageListeners: (() => void)[] = [];
  let pausedUntil = 0;
  let failures = 0;
  /** Of those failures, the first. */
  let failingSince = 0;
  let answeredAt = -Infinity;
  let gateways = 1;
  let outage: Outage | null = null;
  /** Of the last outage: when it ended, and the back-off that its probes had come to. */
  let endedAt = -Infinity;
  let endedBackOffMs = 0;

  function pausedForMs(): number {
    return Math.max(0, Math.ceil(pausedUntil - now()));
  }

  function claim(place: Place | undefined): number {
    const pauseMs = pausedForMs();
    if (place === undefined || pauseMs > 0) return pauseMs;
    const waitMs = Math.max(0, Math.ceil(place.freeAt - now()));
    if (waitMs > 0) return waitMs;
    place.takenAt = now();
    // A call that hangs, or whose end is never noted, keeps the place no longer: the upstream may be back meanwhile.
    place.freeAt = now() + longestBackOffMs;
    return 0;
  }

  function release(place: Place | undefined): void {
    if (place === undefined || place.takenAt === null) return;
    place.takenAt = null;
    place.freeAt = now();
  }

  function submitRefusal(): UpstreamErrorCode | null {
    if (outage === null) return null;
    // A token that is not accepted is nothing that waiting mends.
    return outage.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
  }

  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  function notePause(durationMs: number): void {
    const before = pausedUntil;
    adoptPause(durationMs);
    if (pausedUntil > before + SAME_PAUSE_MS) for (const tell of pauseListeners) tell();
  }

  function noteGet(error: RunComfyError | null, place: "looks" | "probes"): void {
    if (error === null || isAnswer(error)) return noteAnswer();
    if (OUTAGE_CODES.has(error.code)) noteFailure(error.code);
    backOff(outage?.[place]);
  }

  function noteSubmit(error: RunComfyError | null): void {
    if (error === null || (error.delivery === "refused" && isAnswer(error))) return noteAnswer();
    // A single one may be the fault of its deployment or input, but not five with no good call between them.
    const isFailure = error.code === "UNAVAILABLE" || error.code === "TIMEOUT";
    if (isFailure && error.delivery !== "refused") noteFailure(error.code);
  }

  function noteAnswer(): void {
    failures = 0;
    answeredAt = now();
    if (outage === null) return;
    endedAt = now();
    endedBackOffMs = outage.probes.backOffMs;
    outage = null;
    log.info({}, "RunComfy answers again; jobs are looked at and submitted as usual.");
  }

  function noteFailure(code: UpstreamErrorCode): void {
    failures += 1;
    if (failures === 1) failingSince = now();
    if (outage !== null) outage.failedAt = now();
    if (outage !== null || failures < FAILURES_UNTIL_OUTAGE) return;
    outage = {
      code,
      failedAt: now(),
      answeredElsewhereAt: null,
      looks: createPlace(SHORTEST_BACK_OFF_MS),
      probes: createPlace(now() - endedAt < RELAPSE_MS ? endedBackOffMs * 2 : SHORTEST_BACK_OFF_MS),
    };
    log.warn(
      { code, failures },
      "RunComfy keeps failing, so until it answers again looks at jobs go one at a time and submits are refused. If this lasts, check the gateway's token and RunComfy's status page.",
    );
    for (const tell of outageListeners) tell();
  }

  function noteAnswerElsewhere(ageMs: number): void {
    const at = now() - ageMs;
    // The first is enough to know, and each probe that it brings on may fail.
    if (outage === null || outage.answeredElsewhereAt !== null || at <= failingSince) return;
    outage.answeredElsewhereAt = at;
    for (const place of [outage.looks, outage.probes]) {
      if (place.takenAt === null) place.freeAt = now();
    }
  }

  function isCutOff(): boolean {
    const at = outage?.answeredElsewhereAt ?? null;
    if (outage === null || at === null || now() - failingSince < cutOffAfterMs) return false;
    // A call that hangs is not waited for.
    return outage.failedAt > at || now() - at >= cutOffAfterMs;
  }

  function createPlace(wantedMs: number): Place {
    const backOffMs = Math.min(wantedMs, longestBackOffMs);
    return { backOffMs, freeAt: now() + toWaitMs(backOffMs), takenAt: null };
  }

  /** Only the call that took the place counts: many others may have been under way when the outage began. */
  function backOff(place: Place | undefined): void {
    if (place === undefined || place.takenAt === null) return;
    place.backOffMs = Math.min(longestBackOffMs, place.backOffMs * 2);
    // From its start: the upstream may have come back while the call was waiting in vain.
    place.freeAt = place.takenAt + toWaitMs(place.backOffMs);
    place.takenAt = null;
  }

  function toWaitMs(backOffMs: number): number {
    return Math.min(backOffMs * gateways, longestBackOffMs) * (0.5 + 0.5 * random());
  }

  return {
    pausedForMs,
    claimLook: () => claim(outage?.looks),
    releaseLook: () => release(outage?.looks),
    isOutage: () => outage !== null,
    reach: () => ({
      isOutage: outage !== null,
      isCutOff: isCutOff(),
      answeredMsAgo: answeredAt === -Infinity ? null : now() - answeredAt,
    }),
    noteAnswerElsewhere,
    submitRefusal,
    claimProbe: () => claim(outage?.probes),
    onOutage: (tell) => void outageListeners.push(tell),
    notePause,
    adoptPause,
    onPause: (tell) => void pauseListeners.push(tell),
    noteRead: (error) => noteGet(error, "looks"),
    noteProbe: (error) => noteGet(error, "probes"),
    noteSubmit,
    setGateways: (count) => void (gateways = count),
  };
}

/** Garbage may come from anybody on the way: it neither begins an outage nor ends one. */
function isAnswer({ code }: RunComfyError): boolean {
  return code !== "INVALID_RESPONSE" && !OUTAGE_CODES.has(code);
}

type Outage = {
  /** Of the failure that began it. */
  readonly code: UpstreamErrorCode;
  failedAt: number;
  /** Null until it is known that another gateway had an answer in this outage. */
  answeredElsewhereAt: number | null;
  readonly looks: Place;
  /** Beside the looks, which may all be at one broken job, or far off, or none. */
  readonly probes: Place;
};

/** What lets one call at a time pass in an outage. */
type Place = {
  backOffMs: number;
  freeAt: number;
  /** Null while nobody has it. */
  takenAt: number | null;
};
