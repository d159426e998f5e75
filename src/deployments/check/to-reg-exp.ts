/** A pattern of a schema: with the flag u where it can be, as the standard has it. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (error) {
    // Many patterns escape what needs no escape, e.g. `\-`, which u refuses.
    if (error instanceof SyntaxError) return new RegExp(pattern);
    throw error;
  }
}
