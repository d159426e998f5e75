import { createContext, Script } from "node:vm";

/** Asks whether texts match, as a RegExp does. */
export type Pattern = { test(text: string): boolean; toString(): string };

/** As long as one text may take: a pattern such as `^(\w+\s?)*$` doubles its time with each letter. */
const TIMEOUT_MS = 50;
/** Up to so many characters no pattern takes long. */
const SHORT = 12;

const CONTEXT: { pattern: RegExp; text: string } = { pattern: /^/, text: "" };
createContext(CONTEXT);
const TEST = new Script("pattern.test(text)");

/**
 * A pattern of a schema: with the flag u where it can be, as the standard has it. What it does not match in 50 ms it
 * does not match; `spend` is told how long it took.
 */
export function toPattern(source: string, spend: (durationMs: number) => void): Pattern {
  const pattern = toRegExp(source);
  return {
    test(text) {
      if (text.length <= SHORT) return pattern.test(text);
      const startedAt = performance.now();
      try {
        CONTEXT.pattern = pattern;
        CONTEXT.text = text;
        // Only a script can be stopped while it matches.
        return TEST.runInContext(CONTEXT, { timeout: TIMEOUT_MS }) === true;
      } catch {
        return false;
      } finally {
        spend(performance.now() - startedAt);
      }
    },
    toString: () => pattern.toString(),
  };
}

function toRegExp(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    // Many patterns escape what needs no escape, e.g. `\-`, which u refuses.
    if (error instanceof SyntaxError) return new RegExp(source);
    throw error;
  }
}
