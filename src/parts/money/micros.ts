/** Whole microdollars, in which money is stored and summed; half a microdollar is rounded up. */
export function toMicros(usd: number): number {
  return Math.round(usd * 1_000_000);
}

/** In US dollars; null where it is not known. */
export function toUsd<Micros extends number | null>(
  micros: Micros,
): Micros extends number ? number : null | number;
export function toUsd(micros: number | null): number | null {
  return micros === null ? null : micros / 1_000_000;
}
