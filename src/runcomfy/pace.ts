import type { BaseLogger } from "pino";

import type { UpstreamErrorCode } from "../job/upstream-error.ts";
import type { RunComfyError } from "./runcomfy-error.ts";

/** How fast the upstream as a whole may be asked. The client notes what happens; whoever looks at jobs asks first. */
export type Pace = {
  /** How many milliseconds nobody may call the upstream, because it asked for a pause; 0 when it did not. */
  pausedForMs(): number;
  /**
   * 0: look now (in an outage this takes the one place there is, until a read is noted or the look is released).
   * Otherwise nothing is taken, and it is how many milliseconds to wait before asking again.
   */
  claimLook(): number;
  /** The look that claimed has ended without a read: its place is free again. Does nothing when none is taken. */
  releaseLook(): void;
  /** The upstream asked everybody to stay away for so long. */
  notePause(durationMs: number): void;
  /** A read ended well (null), or failed. */
  noteRead(error: RunComfyError | null): void;
};

/** The longest pause that is obeyed, however long the upstream asked for. */
export const LONGEST_PAUSE_MS = 300_000;

const FAILURES_UNTIL_OUTAGE = 5;
const SHORTEST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 15_000;

/** After so long a look whose end was never noted (it was aborted) no longer keeps its place. */
const PROBE_PATIENCE_MS = 15_000;

/** Failures that tell something of the upstream as a whole, rather than of the one job that was asked for. */
const OUTAGE_CODES: ReadonlySet<UpstreamErrorCode> = new Set([
  "UNAVAILABLE",
  "TIMEOUT",
  "UNAUTHORIZED",
  "RATE_LIMITED",
]);

/**
 * Makes a pace that starts unhindered. `now` gives milliseconds of a clock that never goes back
 * (`performance.now`), `random` a number in [0, 1).
 */
export function createPace(options: {
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
}): Pace {
  const { now, random, log } = options;
  let pausedUntil = 0;
  let failures = 0;
  let outage: { backOffMs: number; nextLookAt: number; isProbing: boolean } | null = null;

  function pausedForMs(): number {
    return Math.max(0, Math.ceil(pausedUntil - now()));
  }

  function claimLook(): number {
    const pauseMs = pausedForMs();
    if (outage === null || pauseMs > 0) return pauseMs;
    const waitMs = Math.max(0, Math.ceil(outage.nextLookAt - now()));
    if (waitMs > 0) return waitMs;
    outage.isProbing = true;
    outage.nextLookAt = now() + PROBE_PATIENCE_MS;
    return 0;
  }

  function releaseLook(): void {
    if (outage === null || !outage.isProbing) return;
    outage.isProbing = false;
    outage.nextLookAt = now();
  }

  function notePause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  function noteRead(error: RunComfyError | null): void {
    if (error?.code === "INVALID_RESPONSE") {
      // Garbage may come from anybody on the way: it neither begins an outage nor ends one.
      backOff();
    } else if (error !== null && OUTAGE_CODES.has(error.code)) {
      failures += 1;
      if (outage === null && failures >= FAILURES_UNTIL_OUTAGE) beginOutage(error.code);
      else backOff();
    } else {
      failures = 0;
      endOutage();
    }
  }

  function beginOutage(code: UpstreamErrorCode): void {
    outage = { backOffMs: SHORTEST_BACK_OFF_MS, nextLookAt: 0, isProbing: false };
    outage.nextLookAt = now() + jittered(outage.backOffMs);
    log.warn(
      { code, failures },
      "RunComfy keeps failing, so jobs are looked at one at a time until a look succeeds. If this lasts, check the gateway's token and RunComfy's status page.",
    );
  }

  /** Only the look that took the place counts: many others may have been under way when the outage began. */
  function backOff(): void {
    if (outage === null || !outage.isProbing) return;
    outage.isProbing = false;
    outage.backOffMs = Math.min(LONGEST_BACK_OFF_MS, outage.backOffMs * 2);
    outage.nextLookAt = now() + jittered(outage.backOffMs);
  }

  function endOutage(): void {
    if (outage === null) return;
    outage = null;
    log.info({}, "RunComfy answers again; jobs are looked at as usual.");
  }

  function jittered(backOffMs: number): number {
    return backOffMs * (0.5 + 0.5 * random());
  }

  return { pausedForMs, claimLook, releaseLook, notePause, noteRead };
}
