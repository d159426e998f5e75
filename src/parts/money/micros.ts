/** Whole microdollars, in which money is stored and summed; half a microdollar is rounded up. */
export function toMicros(usd: number): number {
  return Math.round(usd * 1_000_000);
}
