import type { ErrorObject } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

import type { JsonValue } from "../../job/json.ts";
import { toCanonicalJson } from "../../job/json.ts";
import type { JsonSchemaObject } from "../json-schema.ts";
import { PUBLIC_URL_FORMAT } from "./checked-schema.ts";
import { once } from "./once.ts";
import { publicUrlProblem } from "./public-url.ts";
import { toRegExp } from "./to-reg-exp.ts";
import { isWithinLimit } from "./within-limit.ts";

/** Checks values, and fills in defaults where they stand. */
type Validate = (value: JsonValue) => Verdict;

/**
 * What Ajv has against a value. `failed`: Ajv itself failed, as it does on some schemas that have
 * `unevaluatedProperties` beside `patternProperties`.
 */
type Verdict = readonly ErrorObject[] | "too much work" | "failed";

export function isAccepted(verdict: Verdict): boolean {
  return typeof verdict !== "string" && verdict.length === 0;
}

/** Compiles schemas for checking, each when it is first used; with `allErrors` checks go on after the first mistake. */
export function createCompiler(options: {
  readonly allErrors: boolean;
}): (schema: () => JsonSchemaObject) => Validate {
  const ajv = once(() => createAjv(options.allErrors));
  return (schema) => {
    const validator = once(() => ajv().compile(schema()));
    return (value) => {
      try {
        const validate = validator();
        const isEnded = isWithinLimit(() => void validate(value));
        const errors = validate.errors ?? [];
        // Ajv keeps them until the next value, and with them all that they are about.
        validate.errors = null;
        return isEnded ? errors : "too much work";
      } catch {
        return "failed";
      }
    };
  };
}

function createAjv(allErrors: boolean): Ajv2020 {
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
