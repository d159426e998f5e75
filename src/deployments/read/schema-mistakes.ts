import leven from "leven";

import type { JsonObject } from "../../job/json.ts";
import { didYouMean, nearMisses } from "../near-misses.ts";
import type { Report, SchemaDraft } from "./schema-keywords.ts";

/**
 * Reports what is valid JSON Schema and surely not meant: a keyword that is misspelt, which would check nothing, and a
 * required property that may not be there.
 */
export function reportMistakes(node: JsonObject, draft: SchemaDraft, report: Report): void {
  for (const key of Object.keys(node)) {
    if (KEYWORDS.has(key)) continue;
    const meant = [...KEYWORDS].find((keyword) => !(keyword in node) && isMisspelt(key, keyword));
    if (meant !== undefined) report([key], `is no keyword of JSON Schema${didYouMean([meant])}`);
  }
  if (draft.additionalProperties !== false || draft.patternProperties !== undefined) return;
  const known = Object.keys(draft.properties ?? {});
  for (const name of draft.required ?? []) {
    if (known.includes(name)) continue;
    const message = `names ${name}, which additionalProperties refuses`;
    report(["required"], `${message}${didYouMean(nearMisses(name, known)) || "; describe it"}`);
  }
}

/** Reports a document that is something else than a schema, such as an example of the input. */
export function reportNoSchema(node: JsonObject, report: Report): void {
  const keys = Object.keys(node);
  if (keys.some((key) => KEYWORDS.has(key)) || keys.every(isAnnotation)) return;
  report([], "has no keyword of JSON Schema; put the fields under properties, or leave it out");
}

/** Others than those are for people, or extensions. */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "default", "format", "pattern", "required", "nullable"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  ...["minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "contains"],
  ...["minContains", "maxContains", "minProperties", "maxProperties", "properties"],
  ...["patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"],
  ...["items", "prefixItems", "additionalItems", "unevaluatedItems", "dependencies"],
  ...["dependentRequired", "dependentSchemas", "definitions", "allOf", "anyOf", "oneOf"],
  ...["not", "if", "then", "else", "$ref", "$dynamicRef", "$recursiveRef"],
]);

function isAnnotation(key: string): boolean {
  return key.startsWith("$") || ANNOTATIONS.has(key);
}

const ANNOTATIONS: ReadonlySet<string> = new Set(["title", "description", "examples", "example"]);

/** Short words are near to each other without being meant. */
function isMisspelt(key: string, keyword: string): boolean {
  if (keyword.length < 5) return false;
  const farthest = keyword.length < 8 ? 1 : 2;
  return leven(key.toLowerCase(), keyword.toLowerCase(), { maxDistance: 3 }) <= farthest;
}
