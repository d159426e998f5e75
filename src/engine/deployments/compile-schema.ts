import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

import type { JsonValue } from "../job/json.ts";
import type { Draft, JsonSchema, SchemaDocument } from "./json-schema.ts";
import { isUploadReference } from "../job/input.ts";
import { publicUrlProblem } from "../../runtime/public-address.ts";

/** What Ajv has against a value; empty when nothing. Throws where Ajv itself fails at it. */
type Validate = (value: JsonValue) => readonly ErrorObject[];

/** What a check is for: files in an input have public URLs, those in an output any. */
type Purpose = "input" | "output" | "schema";

/**
 * The compiler of one catalogue, which has one Ajv for each draft and purpose. It gives what checks values by a document,
 * which is compiled when it is first asked for, and once.
 */
export function createCompile() {
  const made = new Map<string, Ajv>();
  return ({ root, draft }: SchemaDocument, purpose: Purpose): (() => Validate) => {
    let compiled: Validate | undefined;
    return () => {
      if (compiled !== undefined) return compiled;
      const key = `${draft} ${purpose}`;
      const ajv = made.get(key) ?? createAjv(draft, purpose);
      made.set(key, ajv);
      try {
        compiled = toValidate(ajv.compile(root));
      } catch (error) {
        // To compile it again would fail again, after as much work.
        compiled = () => {
          throw error;
        };
      }
      // Another deployment may have the same `$id`.
      ajv.removeSchema(root);
      return compiled;
    };
  };
}

/** What is wrong with a value as a schema of a draft. */
export function findSchemaErrors(draft: Draft, value: JsonValue): readonly ErrorObject[] {
  const { $ref } = DIALECTS[draft];
  const check = META_CHECKS.get(draft) ?? toValidate(createAjv(draft, "schema").compile({ $ref }));
  META_CHECKS.set(draft, check);
  return check(value);
}

/** Whether a value is a schema of a draft. */
export function isSchema(draft: Draft, value: JsonValue): value is JsonValue & JsonSchema {
  return findSchemaErrors(draft, value).length === 0;
}

/** The check of each draft that was asked for: to compile one takes longer than to read a file. */
const META_CHECKS = new Map<Draft, Validate>();
const DIALECTS = {
  "draft-07": { Class: Ajv, $ref: "http://json-schema.org/draft-07/schema" },
  "2020-12": { Class: Ajv2020, $ref: "https://json-schema.org/draft/2020-12/schema" },
};

function createAjv(draft: Draft, purpose: Purpose): Ajv {
  const options: Options = {
    meta: purpose === "schema",
    allErrors: purpose !== "output",
    verbose: true,
    strict: false,
    validateSchema: false,
    logger: false,
    // Without it, every object has a `constructor`.
    ownProperties: true,
    // Without it, 0.3 is no multiple of 0.1.
    multipleOfPrecision: 9,
    // Ajv's optimizer drops variables that are used, where alternatives nest: `items1 is not defined`.
    code: { optimize: false, regExp: Object.assign(toRegExp, { code: "toRegExp" }) },
  };
  const ajv = new DIALECTS[draft].Class(options);
  // Ajv throws at this word of draft 4.
  ajv.removeKeyword("id");
  ajv.removeKeyword("format");
  const isChecked = (format: string): boolean =>
    purpose === "schema" ? format === "regex" : purpose !== "output" && format.endsWith("_uri");
  ajv.addKeyword({
    keyword: "format",
    type: "string",
    compile: (format: string) => (text: string) =>
      !isChecked(format) || formatProblem(format, text) === null,
  });
  return ajv;
}

/** What keeps a text from being a pattern (`regex`) or a file's URL (`image_uri` and the like), or null. */
export function formatProblem(format: string, text: string): string | null {
  if (format !== "regex") return isUploadReference(text) ? null : publicUrlProblem(text);
  try {
    toRegExp(text);
    return null;
  } catch (error) {
    const reason = String(error).split(": ").at(-1);
    return `is no regular expression of JavaScript (${reason}); correct it`;
  }
}

/** A pattern with the flag `u`, as the standard has it; without, where it escapes what needs no escape, e.g. `\-`. */
function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return new RegExp(pattern);
  }
}

function toValidate(validate: ValidateFunction): Validate {
  // The first call has V8 compile it too, before any time counts.
  validate({});
  return (value) => {
    validate(value);
    const errors = validate.errors ?? [];
    // Ajv keeps them until the next value, and with them all that they are about.
    validate.errors = null;
    return errors;
  };
}
