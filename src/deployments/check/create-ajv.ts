import { Ajv2020 } from "ajv/dist/2020.js";

import type { JsonValue } from "../../job/json.ts";
import { toCanonicalJson } from "../../job/json.ts";
import { PUBLIC_URL_FORMAT } from "./checked-schema.ts";
import { publicUrlProblem } from "./public-url.ts";

/** An Ajv for schemas that are read already; with `allErrors` it goes on after the first mistake. */
export function createAjv({ allErrors }: { readonly allErrors: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors,
    verbose: true,
    strict: false,
    validateSchema: false,
    meta: false,
    logger: false,
    useDefaults: true,
    // Without it, every object has a `constructor`.
    ownProperties: true,
    // Without it, 0.3 is no multiple of 0.1.
    multipleOfPrecision: 9,
    // Ajv's optimizer drops variables that are used, where alternatives nest: `items1 is not defined`.
    code: { optimize: false, regExp: Object.assign(toRegExp, { code: "toRegExp" }) },
    formats: { [PUBLIC_URL_FORMAT]: (text: string) => publicUrlProblem(text) === null },
  });
  // Ajv's own compare by calling `valueOf`, which an input may have as a key, and each item with each other.
  for (const keyword of ["const", "enum", "uniqueItems"]) ajv.removeKeyword(keyword);
  ajv.addKeyword({ keyword: "const", errors: false, compile: compileConst });
  ajv.addKeyword({ keyword: "enum", errors: false, compile: compileEnum });
  ajv.addKeyword({ keyword: "uniqueItems", type: "array", errors: false, compile: compileUnique });
  return ajv;
}

/** A pattern as a regular expression: with the flag u where it can be, as the standard has it. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (error) {
    // Many patterns escape what needs no escape, e.g. `\-`, which u refuses.
    if (error instanceof SyntaxError) return new RegExp(pattern);
    throw error;
  }
}

type Accepts = (value: JsonValue) => boolean;

function compileConst(constant: JsonValue): Accepts {
  const text = toCanonicalJson(constant);
  return (value) => toCanonicalJson(value) === text;
}

function compileEnum(values: readonly JsonValue[]): Accepts {
  const texts = new Set(values.map(toCanonicalJson));
  return (value) => texts.has(toCanonicalJson(value));
}

function compileUnique(isUnique: boolean): (items: readonly JsonValue[]) => boolean {
  return (items) => !isUnique || new Set(items.map(toCanonicalJson)).size === items.length;
}
