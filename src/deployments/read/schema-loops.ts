import type { InputPath } from "../../job/input-issue.ts";

/** A schema has its value checked by another one as well; `path` is that of the `$ref`, null where it is nested. */
export type SchemaStep = {
  readonly from: string;
  readonly to: string;
  readonly path: InputPath | null;
};

/** The steps on the way round where a value would be checked by the same schema for ever. */
export function findLoops(steps: readonly SchemaStep[]): readonly SchemaStep[] {
  let left = steps;
  for (;;) {
    // Steps that come from nowhere or lead no further are on no way round; without them, others are so too.
    const starts = new Set(left.map(({ from }) => from));
    const ends = new Set(left.map(({ to }) => to));
    const kept = left.filter(({ from, to }) => starts.has(to) && ends.has(from));
    if (kept.length === left.length) return kept;
    left = kept;
  }
}
