import type { Bounds, Field } from "./fields";
import { isObject, type JsonObject } from "./json";

/** Every model takes 31 bits. */
const MAX_DRAWN = 2 ** 31 - 1;
/** Models take it to mean a random seed, which they don't report. */
const RANDOM = -1;

/** A seed for whatever model. */
export function draw(): number {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return drawn % (MAX_DRAWN + 1);
}

/** A whole number within the bounds that is not below 0, unless nothing else is left. */
export function drawSeed(bounds: Bounds): number {
  return fit(bounds, draw());
}

export type Seed = Bounds & { readonly name: string };

/** The seeds of an input: those that its deployment has, or the one that stands in it. */
export function findSeeds(fields: readonly Field[], input: unknown): readonly Seed[] {
  const known = fields.flatMap(({ name, widget }) =>
    widget.kind === "seed" ? [{ name, ...widget }] : [],
  );
  const isGiven = isObject(input) && typeof input["seed"] === "number";
  return known.length > 0 || !isGiven ? known : [{ name: "seed", minimum: null, maximum: null }];
}

/** An input with a number for every seed: what was drawn where it has none. The `nth` of several has the one after the last's. */
export function withSeeds(
  seeds: readonly Seed[],
  input: JsonObject,
  drawn: number,
  nth = 0,
): JsonObject {
  const numbers = seeds.map((seed) => {
    const given = input[seed.name] ?? RANDOM;
    const first = given === RANDOM ? fit(seed, drawn) : given;
    return [seed.name, typeof first === "number" ? goOn(seed, first + nth) : first] as const;
  });
  return { ...input, ...Object.fromEntries(numbers) };
}

function fit(bounds: Bounds, drawn: number): number {
  const { least, most } = toRange(bounds);
  return least + (drawn % (Math.min(most - least, MAX_DRAWN) + 1));
}

/** Beyond the last it begins with the first again. */
function goOn(bounds: Bounds, seed: number): number {
  const { least, most } = toRange(bounds);
  return seed <= most ? seed : least + (seed - most - 1);
}

function toRange({ minimum, maximum }: Bounds) {
  const most = Math.min(maximum ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return { least: Math.min(Math.max(Math.ceil(minimum ?? 0), 0), most), most };
}
