import { createContext, Script } from "node:vm";

import type { ErrorObject } from "ajv";

import type { InputIssue } from "../job/input.ts";
import type { JsonValue } from "../job/json.ts";
import type { InputCheck, OutputContract } from "./catalogue.ts";
import { createCompile } from "./compile-schema.ts";
import { explainErrors } from "./explain-errors.ts";
import { findFailures, findWarnings } from "./input-warnings.ts";
import type { SchemaDocument } from "./json-schema.ts";
import type { ModelProfile } from "./model-profile.ts";
import type { ObjectShape } from "./shape/shape.ts";

/** Larger inputs get their first issue only: the number of Ajv's errors has no bound. */
const MAX_VALUES_FOR_ALL_ISSUES = 2_000;

/** Far longer than any check of a sensible input takes. */
const MAX_CHECK_MS = 1_000;

/** The checks of one catalogue. A schema is compiled when it is first used, so that a start costs nothing. */
export function createChecks() {
  const compile = createCompile();
  return {
    /**
     * At most 50 issues and 50 warnings. `shape` is null where GraphQL knows no field of the input, `model` where nobody
     * named it.
     */
    inputCheck(
      document: SchemaDocument,
      { shape, model }: { readonly shape: ObjectShape | null; readonly model: ModelProfile | null },
    ): InputCheck {
      // The first issue decides: looking for all, Ajv may miss some where a schema says `unevaluated…`.
      const firstIssue = compile(document, "first issue");
      const allIssues = compile(document, "all issues");
      const { targets } = document;
      return (input, spell) => {
        const refuse = (issues: readonly InputIssue[]) => ({ issues, warnings: [] });
        try {
          // Compiled outside of the limit: an Ajv that is stopped there stays broken.
          const validateFirst = firstIssue();
          const errors = withinLimit(() => validateFirst(input));
          if (errors === null) return refuse([TOO_MUCH_WORK]);
          const failures = model === null ? [] : findFailures(input, model, spell);
          if (errors.length === 0 && failures.length === 0) {
            return { issues: [], warnings: findWarnings(input, { shape, model, spell }) };
          }
          const explain = (some: readonly ErrorObject[]): readonly InputIssue[] =>
            explainErrors(some, { targets, input, spell, known: failures });
          const first = explain(errors);
          if (countValues(input) > MAX_VALUES_FOR_ALL_ISSUES) return refuse(first);
          const validateAll = allIssues();
          const all = withinLimit(() => explain(validateAll(input)));
          return refuse(all === null || all.length === 0 ? first : all);
        } catch {
          return refuse([FAILED]);
        }
      };
    },
    /** Any URL will do. */
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

function countValues(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const member of Object.values(value)) count += countValues(member);
  return count;
}

const CONTEXT: { run: () => unknown } = { run: () => null };
createContext(CONTEXT);
const RUN = new Script("run()");

/**
 * What `run` gives, or null when it was stopped after a second: a schema that refers to itself from two alternatives
 * doubles the work with each level of a small input, and a pattern such as `^(\w+\s?)*$` with each letter.
 */
function withinLimit<Result extends object>(run: () => Result): Result | null {
  CONTEXT.run = run;
  try {
    // Only a script can be stopped from outside, with all that it calls.
    return RUN.runInContext(CONTEXT, { timeout: MAX_CHECK_MS });
  } catch (error) {
    // Not by its class, which may be that of the script's own realm.
    if (Object(error).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
    throw error;
  } finally {
    CONTEXT.run = () => null;
  }
}
