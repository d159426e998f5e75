/** A pattern in JavaScript's spelling, or why it is none. */
type ReadPattern = { readonly pattern: string } | { readonly problem: string };

/** Reads a regular expression of JavaScript, with the flag `u` or else without it, or in Python's spelling. */
export function readPattern(written: string): ReadPattern {
  if (compileError(written, "u") === null) return { pattern: written };
  const pattern = written.replaceAll(PYTHON, (found, name: string | undefined) => {
    if (found.startsWith("(?P<")) return "(?<";
    if (name !== undefined) return `\\k<${name}>`;
    return ANCHORS.get(found) ?? found;
  });
  if (compileError(pattern, "u") === null) return { pattern };
  const reason = compileError(pattern, "");
  if (reason === null) return { pattern };
  return { problem: `is no regular expression of JavaScript (${reason}); correct it` };
}

/** Python's own spellings; the last part also steps over every other escape, so that `\\A` stays what it is. */
const PYTHON = /\(\?P<|\(\?P=(\w+)\)|\\[^]/g;
const ANCHORS = new Map([
  ["\\A", "^"],
  ["\\Z", "$"],
]);

function compileError(pattern: string, flags: "" | "u"): string | null {
  try {
    RegExp(pattern, flags);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.slice(message.lastIndexOf(": ") + 1).trim();
  }
}
