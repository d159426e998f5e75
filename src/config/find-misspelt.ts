import leven from "leven";

import { VARIABLES } from "./variables.ts";

const KNOWN = Object.keys(VARIABLES.shape);

/** Sentences about those of these names that are no variable of the gateway but look like one. */
export function findMisspelt(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const meant = KNOWN.includes(name) ? undefined : findNearest(name);
    if (meant === undefined) return [];
    return `${name} is no variable of the gateway and has no effect. Did you mean ${meant}?`;
  });
}

function findNearest(name: string): string | undefined {
  const folded = fold(name);
  // Nobody else's begin like this. Of other names many are set for other programs, so they have to be nearer.
  const share = name.startsWith("RUNCOMFY_") ? 0.4 : 0.2;
  return KNOWN.map((known) => ({ known, distance: leven(folded, fold(known)) }))
    .filter(({ known, distance }) => distance <= fold(known).length * share)
    .toSorted((a, b) => a.distance - b.distance)[0]?.known;
}

function fold(name: string): string {
  return name.toUpperCase().replaceAll(/[_-]/g, "");
}
