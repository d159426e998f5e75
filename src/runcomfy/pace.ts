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
  /**
   * Whether a submit may go now. In an outage there is one place for submits beside the one for looks: the looks may
   * all be at one broken job, or far off, and then they never find out that the upstream takes submits.
   */
  claimSubmit(): SubmitClaim;
  /** The submit that has the place was not sent: its place is free again. Does nothing when none is taken. */
  releaseSubmit(): void;
  /** The upstream asked everybody to stay away for so long; the listeners of `onPause` hear of it. */
  notePause(durationMs: number): void;
  /** Another gateway was asked to: the same, but nobody hears of it. */
  adoptPause(durationMs: number): void;
  /** Calls `tell` whenever a pause was noted that lasts longer than the one before. */
  onPause(tell: () => void): void;
  /** A read ended well (null), or failed. */
  noteRead(error: RunComfyError | null): void;
  /** A submit was accepted (null), or failed. */
  noteSubmit(error: RunComfyError | null): void;
  /** With how many gateways the rare calls of an outage are shared: each waits so many times longer. */
  setGateways(gateways: number): void;
};

/** Whether a submit may go, and if so whether it has the one place for submits in an outage; if not, why. */
type SubmitClaim =
  | { readonly isOpen: true; readonly isProbe: boolean }
  | { readonly isOpen: false; readonly code: UpstreamErrorCode };

/** The longest pause that is obeyed, however long the upstream asked for. */
export const LONGEST_PAUSE_MS = 300_000;

const FAILURES_UNTIL_OUTAGE = 5;
const SHORTEST_BACK_OFF_MS = 1_000;

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
 * go unnoticed, however many gateways there are.
 */
export function createPace(options: {
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  readonly longestBackOffMs?: number;
}): Pace {
  const { now, random, log, longestBackOffMs = 8_000 } = options;
  const listeners: (() => void)[] = [];
  let pausedUntil = 0;
  let failures = 0;
  let gateways = 1;
  let outage: Outage | null = null;

  function pausedForMs(): number {
    return Math.max(0, Math.ceil(pausedUntil - now()));
  }

  function claim(place: Place | undefined): number {
    const pauseMs = pausedForMs();
    if (place === undefined || pauseMs > 0) return pauseMs;
    const waitMs = Math.max(0, Math.ceil(place.freeAt - now()));
    if (waitMs > 0) return waitMs;
    place.isTaken = true;
    // A call that hangs, or whose end is never noted, keeps the place no longer: the upstream may be back meanwhile.
    place.freeAt = now() + longestBackOffMs;
    return 0;
  }

  function release(place: Place | undefined): void {
    if (place === undefined || !place.isTaken) return;
    place.isTaken = false;
    place.freeAt = now();
  }

  function claimSubmit(): SubmitClaim {
    if (outage === null) return { isOpen: true, isProbe: false };
    if (claim(outage.submits) === 0) return { isOpen: true, isProbe: true };
    // A token that is not accepted is nothing that waiting mends.
    const code = outage.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
    return { isOpen: false, code };
  }

  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  function notePause(durationMs: number): void {
    const before = pausedUntil;
    adoptPause(durationMs);
    if (pausedUntil > before + SAME_PAUSE_MS) for (const tell of listeners) tell();
  }

  function noteRead(error: RunComfyError | null): void {
    if (error === null || isAnswer(error)) return noteAnswer();
    if (OUTAGE_CODES.has(error.code)) noteFailure(error.code);
    backOff(outage?.looks);
  }

  function noteSubmit(error: RunComfyError | null): void {
    if (error === null || (error.delivery === "refused" && isAnswer(error))) return noteAnswer();
    // A single one may be the fault of its deployment or input, but not five with no good call between them.
    const isFailure = error.code === "UNAVAILABLE" || error.code === "TIMEOUT";
    if (isFailure && error.delivery !== "refused") noteFailure(error.code);
    backOff(outage?.submits);
  }

  function noteAnswer(): void {
    failures = 0;
    if (outage === null) return;
    outage = null;
    log.info({}, "RunComfy answers again; jobs are looked at and submitted as usual.");
  }

  function noteFailure(code: UpstreamErrorCode): void {
    failures += 1;
    if (outage !== null || failures < FAILURES_UNTIL_OUTAGE) return;
    outage = { code, looks: createPlace(), submits: createPlace() };
    log.warn(
      { code, failures },
      "RunComfy keeps failing, so looks at jobs go one at a time, and so do submits, until one succeeds. If this lasts, check the gateway's token and RunComfy's status page.",
    );
  }

  function createPlace(): Place {
    const backOffMs = Math.min(SHORTEST_BACK_OFF_MS, longestBackOffMs);
    return { backOffMs, freeAt: now() + toWaitMs(backOffMs), isTaken: false };
  }

  /** Only the call that took the place counts: many others may have been under way when the outage began. */
  function backOff(place: Place | undefined): void {
    if (place === undefined || !place.isTaken) return;
    place.isTaken = false;
    place.backOffMs = Math.min(longestBackOffMs, place.backOffMs * 2);
    place.freeAt = now() + toWaitMs(place.backOffMs);
  }

  function toWaitMs(backOffMs: number): number {
    return Math.min(backOffMs * gateways, longestBackOffMs) * (0.5 + 0.5 * random());
  }

  return {
    pausedForMs,
    claimLook: () => claim(outage?.looks),
    releaseLook: () => release(outage?.looks),
    isOutage: () => outage !== null,
    claimSubmit,
    releaseSubmit: () => release(outage?.submits),
    notePause,
    adoptPause,
    onPause: (tell) => void listeners.push(tell),
    noteRead,
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
  readonly looks: Place;
  readonly submits: Place;
};

/** What lets one call at a time pass in an outage. */
type Place = {
  backOffMs: number;
  freeAt: number;
  isTaken: boolean;
};
