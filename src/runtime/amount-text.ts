/** `1 socket`, `2 sockets`. */
export function toCountText(count: number, plural: string): string {
  return `${count} ${count === 1 ? plural.replace(/s$/, "") : plural}`;
}

/** A duration as people say it, rounded up: `1 second`, `10 minutes`, `24 hours`. */
export function toDurationText(seconds: number): string {
  const [unit, unitSeconds] =
    seconds < 120 ? ["second", 1] : seconds < 7_200 ? ["minute", 60] : ["hour", 3_600];
  const format = new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" });
  return format.format(Math.ceil(seconds / unitSeconds));
}
