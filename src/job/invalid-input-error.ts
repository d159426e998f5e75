/** One thing that is wrong with an input; `path` as in the input (`width`, `prompts[0].text`), empty for all of it. */
export type InputIssue = { readonly path: string; readonly message: string };

/** The input can't be submitted as it is. */
export class InvalidInputError extends Error {
  override readonly name = "InvalidInputError";
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[], options?: ErrorOptions) {
    super(
      "The input can't be submitted as it is. Correct what `issues` lists, then submit again.",
      options,
    );
    this.issues = issues;
  }
}

/** Writes a path into JSON as clients see it: `images[0].url`; keys that are no identifiers are quoted. */
export function toPath(segments: readonly (string | number)[]): string {
  return segments
    .map((segment, index) => {
      if (typeof segment === "number") return `[${segment}]`;
      if (!/^[A-Za-z_$][\w$-]*$/.test(segment)) return `[${JSON.stringify(segment)}]`;
      return index === 0 ? segment : `.${segment}`;
    })
    .join("");
}
