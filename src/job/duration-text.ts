/** A duration as people say it, rounded up: `1 second`, `10 minutes`, `24 hours`. */
export function toDurationText(seconds: number): string {
  if (seconds < 120) return countOf(seconds, "second");
  if (seconds < 7_200) return countOf(seconds / 60, "minute");
  return countOf(seconds / 3_600, "hour");
}

function countOf(amount: number, unit: string): string {
  const count = Math.ceil(amount);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
