import type { JsonObject, JsonValue } from "../../engine/job/json.ts";
import { ownMember } from "../../engine/deployments/json-schema.ts";

/** How many outputs an input asks for, as models call it. */
const COUNTS = ["num_images", "number_of_images", "num_outputs", "batch_size", "n"];
/** How many it asks for at most. */
const BOUNDS = ["max_images"];
const MOST_OUTPUTS = 1_000;
const MOST_SECONDS = 86_400;

/**
 * How many units of a catalogue's price an input asks for, with the defaults for what it leaves out; as a text why that is
 * not known, and what would help.
 */
export function countUnits(unit: string, input: JsonObject, defaults: JsonObject): number | string {
  const read = (name: string): JsonValue =>
    ownMember(input, name) ?? ownMember(defaults, name) ?? null;
  const outputs = countOutputs(read);
  if (outputs === null) return MANY;
  if (unit === "output") return outputs;
  if (unit !== "second")
    return `RunComfy prices it by the ${unit}, which an input does not show. ${LATER}`;
  const seconds = toNumber(read("duration"));
  return isWithin(seconds, MOST_SECONDS) ? seconds * outputs : NO_DURATION;
}

const LATER = "After three runs of yours with the same settings, what they cost is the estimate.";
const MANY = `How many files it makes is not known before. ${LATER}`;
const NO_DURATION = `It is priced by the second, and the input has no \`duration\` in seconds. Set one, if it takes one. ${LATER}`;

/** Null where only a bound is known, or a number is odd. */
function countOutputs(read: (name: string) => JsonValue): number | null {
  const counts = COUNTS.map(read).filter((value) => value !== null);
  const bounds = BOUNDS.map(read).filter((value) => value !== null && toNumber(value) !== 1);
  if (bounds.length > 0 && counts.length === 0) return null;
  const count = toNumber(counts[0] ?? 1);
  return isWithin(count, MOST_OUTPUTS) && Number.isInteger(count) ? count : null;
}

/** Schemas list numbers as strings, too. */
function toNumber(value: JsonValue): number {
  return typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
}

function isWithin(value: number, most: number): boolean {
  return value > 0 && value <= most;
}
