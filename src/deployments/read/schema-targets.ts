import type { InputPath } from "../../job/input-issue.ts";
import { createNamePicker } from "../name-picker.ts";
import type { SchemaPlace } from "./schema-references.ts";
import { toPlaceKey } from "./schema-references.ts";

/** The places that references lead to, each with its name under `$defs`. */
export type SchemaTargets = {
  /** The `$ref` to a place, which is a target from now on. */
  referTo(place: SchemaPlace): string;
  /** In the order in which they were first referred to; those that come meanwhile are in it too. */
  all(): Iterable<{ readonly name: string; readonly place: SchemaPlace }>;
};

/** Names targets after the last word of their path, as ASCII letters, digits and `_`, with a number where two clash. */
export function createTargets(): SchemaTargets {
  const targets = new Map<string, { readonly name: string; readonly place: SchemaPlace }>();
  const pickName = createNamePicker("_");

  function add(key: string, place: SchemaPlace): string {
    const name = pickName([], toName(place.path));
    targets.set(key, { name, place });
    return name;
  }

  return {
    referTo(place) {
      if (place.path.length === 0) return "#";
      const key = toPlaceKey(place);
      return `#/$defs/${targets.get(key)?.name ?? add(key, place)}`;
    },
    all: () => targets.values(),
  };
}

function toName(path: InputPath): string {
  const first = path.findLastIndex((segment) => typeof segment === "string");
  const name = path
    .slice(Math.max(first, 0))
    .join("_")
    .replaceAll(/[^A-Za-z0-9]+/g, "_")
    // So that no name is `__proto__` either.
    .replaceAll(/^_|_$/g, "");
  return name === "" ? "schema" : name;
}
