import { createContext, Script } from "node:vm";

/** Far longer than any check of a sensible input takes. */
const LIMIT_MS = 300;

const CONTEXT: { run: () => void } = { run: () => undefined };
createContext(CONTEXT);
const RUN = new Script("run()");

/**
 * Runs what may go on for ever, and stops it after 300 ms: a schema that refers to itself from two alternatives doubles
 * the work with each level of a small input, and a pattern such as `^(\w+\s?)*$` with each letter. Tells whether it ended
 * by itself; what it throws is thrown.
 */
export function isWithinLimit(run: () => void): boolean {
  CONTEXT.run = run;
  try {
    // Only a script can be stopped from outside, with all that it calls.
    RUN.runInContext(CONTEXT, { timeout: LIMIT_MS });
    return true;
  } catch (error) {
    if (isTimeout(error)) return false;
    throw error;
  } finally {
    CONTEXT.run = () => undefined;
  }
}

/** Not by its class, which may be that of the script's own realm. */
function isTimeout(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
