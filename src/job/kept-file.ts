/**
 * Whether the gateway has a copy of a file that an output names. `NOT_KEPT`: it was not asked to keep it; `PENDING`: it will
 * be fetched; `KEPT`: the copy is there; `FAILED`: it could not be fetched in six days, or never can be.
 */
export type KeepState = "NOT_KEPT" | "PENDING" | "KEPT" | "FAILED";

/** The copy of a file that a job's output names. */
export type KeptFile = {
  readonly state: KeepState;
  /** The copy's name in the file store; null unless KEPT. */
  readonly file: string | null;
  readonly contentType: string | null;
  readonly bytes: number | null;
  /** In pixels, as a browser shows it; null where it is no picture, or not known. */
  readonly width: number | null;
  readonly height: number | null;
  /** Why it FAILED. */
  readonly reason: string | null;
};

/** What holds of a file of which there is no copy. */
export const NOT_KEPT: KeptFile = {
  state: "NOT_KEPT",
  file: null,
  contentType: null,
  bytes: null,
  width: null,
  height: null,
  reason: null,
};

/** Before a file is given up, however old its job is. */
const MIN_ATTEMPTS = 5;
const RETRIED_FOR_MS = 6 * 24 * 60 * 60 * 1_000;
const FIRST_BACK_OFF_MS = 2_000;
const MAX_BACK_OFF_MS = 6 * 60 * 60 * 1_000;

/** When to fetch a file again after so many attempts failed, in milliseconds from now; null once it is given up. */
export function keepBackOffMs(attempts: number, sinceEndMs: number, random: number): number | null {
  if (sinceEndMs >= RETRIED_FOR_MS && attempts >= MIN_ATTEMPTS) return null;
  const longest = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(attempts - 1, 20));
  return longest * (0.5 + random / 2);
}
