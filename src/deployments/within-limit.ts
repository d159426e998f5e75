import { createContext, Script } from "node:vm";

/** Far longer than any check of a sensible input takes. */
const LIMIT_MS = 1_000;

const CONTEXT: { run: () => unknown } = { run: () => null };
createContext(CONTEXT);
const RUN = new Script("run()");

/**
 * What `run` gives, or null when it was stopped after a second: a schema that refers to itself from two alternatives
 * doubles the work with each level of a small input, and a pattern such as `^(\w+\s?)*$` with each letter.
 */
export function withinLimit<Result extends object>(run: () => Result): Result | null {
  CONTEXT.run = run;
  try {
    // Only a script can be stopped from outside, with all that it calls.
    return RUN.runInContext(CONTEXT, { timeout: LIMIT_MS });
  } catch (error) {
    // Not by its class, which may be that of the script's own realm.
    if (Object(error).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
    throw error;
  } finally {
    CONTEXT.run = () => null;
  }
}
