import leven from "leven";

import type { JsonObject } from "../../job/json.ts";
import type { SchemaDraft } from "../json-schema.ts";
import { didYouMean, nearMisses } from "../near-misses.ts";
import type { Report } from "./schema-keywords.ts";

/** Doubts what looks like a misspelt keyword, and so checks nothing: extensions are as good as any other word. */
export function doubtKeywords(node: JsonObject, doubt: Report): void {
  for (const key of Object.keys(node)) {
    const meant = KEYWORDS.find((keyword) => !Object.hasOwn(node, keyword) && isNear(key, keyword));
    if (meant !== undefined) doubt([key], `checks nothing${didYouMean([meant])}`);
  }
}

/** Doubts a required property that a closed schema does not have, so that nothing fits. */
export function doubtRequired(draft: SchemaDraft, doubt: Report): void {
  if (draft.additionalProperties !== false || draft.patternProperties !== undefined) return;
  const known = Object.keys(draft.properties ?? {});
  for (const name of draft.required ?? []) {
    if (known.includes(name)) continue;
    const message = `names ${name}, which additionalProperties refuses`;
    doubt(["required"], `${message}${didYouMean(nearMisses(name, known)) || "; describe it"}`);
  }
}

/** Doubts a document that says nothing by any keyword, such as an example of the input. */
export function doubtSchema(node: JsonObject, doubt: Report): void {
  const keys = Object.keys(node);
  if (keys.some((key) => USUAL.has(key)) || keys.every(isAnnotation)) return;
  doubt([], "has no keyword of JSON Schema, so it takes anything; put the fields under properties");
}

/** Those whose loss goes unseen, and that no other word is near to by chance. */
const KEYWORDS = [
  ...["properties", "required", "additionalProperties", "patternProperties", "minLength"],
  ...["maxLength", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "default"],
  ...["exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format", "description"],
];
const USUAL: ReadonlySet<string> = new Set([
  ...KEYWORDS,
  ...["type", "enum", "const", "items", "prefixItems", "allOf", "anyOf", "oneOf", "not", "if"],
  ...["$ref", "$dynamicRef", "$recursiveRef", "dependencies", "dependentRequired"],
  ...["dependentSchemas", "propertyNames", "unevaluatedProperties"],
  ...["minProperties", "maxProperties", "nullable"],
]);
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...["title", "examples", "example", "deprecated", "readOnly", "writeOnly", "definitions", "id"],
]);

function isAnnotation(key: string): boolean {
  return /^(\$|x-)/.test(key) || ANNOTATIONS.has(key);
}

function isNear(key: string, keyword: string): boolean {
  // `defaults`, `x-nullable`, `requiredIf` and the like are words of their own.
  if (!/^[A-Za-z]+$/.test(key) || key === keyword) return false;
  const word = key.toLowerCase();
  const wanted = keyword.toLowerCase();
  if (word === wanted) return true;
  if (USUAL.has(key) || word.includes(wanted) || wanted.includes(word)) return false;
  return leven(word, wanted, { maxDistance: 3 }) <= (wanted.length < 8 ? 1 : 2);
}
