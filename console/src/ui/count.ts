/** The gateway counts no further. */
const MAX_COUNTED = 10_000;

/** `1 job`, `10,000 or more jobs`. */
export function toCountText(jobs: number): string {
  const count = format(Math.min(jobs, MAX_COUNTED));
  return `${count}${jobs >= MAX_COUNTED ? " or more" : ""} ${jobs === 1 ? "job" : "jobs"}`;
}

/** `12,000` */
export function format(count: number): string {
  return count.toLocaleString("en");
}
