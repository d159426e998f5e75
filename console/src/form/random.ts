import type { Bounds } from "./fields";

/** Seeds are drawn below it where nothing bounds them: every model takes 32 bits. */
const MAX_SEED = 2 ** 32 - 1;

/** A whole number within the bounds; below 0 only where nothing else is left, as -1 means a seed that nobody is told. */
export function drawSeed({ minimum, maximum }: Bounds): number {
  const most = Math.min(maximum ?? MAX_SEED, Number.MAX_SAFE_INTEGER);
  const least = Math.min(Math.max(Math.ceil(minimum ?? 0), 0), most);
  const span = Math.min(most - least, MAX_SEED);
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return least + (drawn % (span + 1));
}
