const TIME =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,3})?\d*\s*(Z|[+-]\d{2}:?\d{2})?(Z)?$/i;

/**
 * Reads a time in any of the upstream's three forms: without a zone (which means UTC, never local time), with an
 * offset, or with an offset and a `Z` besides, which JavaScript does not read. Null when it is none of them.
 */
export function readUpstreamTime(value: unknown): Date | null {
  if (typeof value !== "string" || value.length > 64) return null;
  const match = TIME.exec(value.trim());
  if (match === null) return null;
  const [, day, time, fraction = "", offset = "Z"] = match;
  const date = new Date(`${day}T${time}${fraction}${toOffset(offset)}`);
  return Number.isNaN(date.getTime()) ? null : date;
}

function toOffset(offset: string): string {
  if (offset.toUpperCase() === "Z") return "Z";
  return offset.includes(":") ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
}
