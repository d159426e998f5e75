import { LONGEST_PAUSE_MS } from "./pause.ts";

/**
 * Reads a Retry-After header, seconds or an HTTP date, as milliseconds from `now`, at most five minutes. Null when
 * there is none or it can't be read.
 */
export function readRetryAfterMs(header: string | null, now: number): number | null {
  const value = header?.trim() ?? "";
  const delayMs = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : readDate(value) - now;
  if (Number.isNaN(delayMs)) return null;
  return Math.min(LONGEST_PAUSE_MS, Math.max(0, Math.ceil(delayMs)));
}

/** A date in words always has letters; without that, `Date.parse` would take "-5" for a year. */
function readDate(value: string): number {
  return /^[a-z]{3,9},? /i.test(value) ? Date.parse(value) : Number.NaN;
}
