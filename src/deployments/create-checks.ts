import type { ErrorObject } from "ajv";

import type { InputIssue } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { InputCheck, OutputContract } from "./catalogue.ts";
import type { Validate } from "./compile-schema.ts";
import { createCompile } from "./compile-schema.ts";
import { explainErrors } from "./explain-errors.ts";
import type { Filled } from "./fill-defaults.ts";
import { fillDefaults } from "./fill-defaults.ts";
import { findWarnings } from "./input-warnings.ts";
import type { SchemaDocument } from "./json-schema.ts";
import type { FieldShape, ObjectShape } from "./shape/shape.ts";
import { withinLimit } from "./within-limit.ts";

/** Larger inputs get their first issue only: the number of Ajv's errors has no bound. */
const MOST_VALUES_FOR_ALL_ISSUES = 2_000;

/** The checks of one catalogue. A schema is compiled when it is first used, so that a start costs nothing. */
export function createChecks() {
  const compile = createCompile();
  return {
    /**
     * At most 50 issues and 50 warnings. `shape` is null where GraphQL knows no field of the input; the upstream floors
     * `width` and `height` to a multiple of `divisor`, which is null where nobody knows.
     */
    inputCheck(
      document: SchemaDocument,
      { shape, divisor }: { readonly shape: ObjectShape | null; readonly divisor: number | null },
    ): InputCheck {
      // The first issue decides: looking for all, Ajv may miss some where a schema says `unevaluated…`.
      const firstIssue = compile(document, "first issue");
      const allIssues = compile(document, "all issues");
      const { targets } = document;
      return (input, spell) => {
        const refuse = (issues: readonly InputIssue[]) => ({ input, issues, warnings: [] });
        try {
          // Compiled outside of the limit: an Ajv that is stopped there stays broken.
          const validateFirst = firstIssue();
          const decided = withinLimit(() => decide(input, shape, validateFirst));
          if (decided === null) return refuse([TOO_MUCH_WORK]);
          if (decided.errors.length === 0) {
            const warnings = findWarnings(decided.input, { shape, divisor, spell });
            return { input: decided.input, issues: [], warnings };
          }
          const explain = (errors: readonly ErrorObject[]): readonly InputIssue[] =>
            explainErrors(errors, { targets, input: decided.input, spell });
          const first = explain(decided.errors);
          if (countValues(input) > MOST_VALUES_FOR_ALL_ISSUES) return refuse(first);
          const validateAll = allIssues();
          const all = withinLimit(() =>
            explain(
              validateAll(decided.input).filter((error) => !isAbout(error, decided.defaults)),
            ),
          );
          return refuse(all === null || all.length === 0 ? first : all);
        } catch {
          return refuse([FAILED]);
        }
      };
    },
    /** Nothing is filled in, and any URL will do. */
    outputCheck(document: SchemaDocument): OutputContract["accepts"] {
      const validator = compile(document, "output");
      return (output) => {
        try {
          const validate = validator();
          return withinLimit(() => validate(output))?.length === 0;
        } catch {
          return false;
        }
      };
    },
  };
}

const TOO_MUCH_WORK: InputIssue = {
  path: [],
  message: "takes too much work to check; make it smaller or less deep",
};
/** As by a mistake of Ajv's own. To send what was not checked could cost what the schema was to prevent. */
const FAILED: InputIssue = { path: [], message: "can't be checked as it is; try another input" };

/** The input as it would be sent, what was filled in, and the first thing that is wrong. */
function decide(
  input: JsonObject,
  shape: ObjectShape | null,
  validate: Validate,
): Filled & { readonly errors: readonly ErrorObject[] } {
  // Defaults that the schema refuses are left to the upstream.
  const refused = new Set<FieldShape>();
  for (;;) {
    const filled = fillDefaults(input, shape, refused);
    const errors = validate(filled.input);
    const culprits = filled.defaults.filter((one) => errors.some((error) => isAbout(error, [one])));
    for (const { field } of culprits) refused.add(field);
    if (culprits.length > 0) continue;
    // Where the defaults spoil an input that is right without them, all are left out.
    const isSpoiled = errors.length > 0 && validate(input).length === 0;
    return isSpoiled ? { input, defaults: [], errors: [] } : { ...filled, errors };
  }
}

function isAbout({ instancePath }: ErrorObject, defaults: Filled["defaults"]): boolean {
  return defaults.some(({ pointer }) => `${instancePath}/`.startsWith(`${pointer}/`));
}

function countValues(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const member of Object.values(value)) count += countValues(member);
  return count;
}
