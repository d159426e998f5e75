import type { InputIssue } from "./input-issue.ts";

/** The input can't be submitted as it is. */
export class InvalidInputError extends Error {
  override readonly name = "InvalidInputError";
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[], options?: ErrorOptions) {
    super("Correct the marked fields, then submit again.", options);
    this.issues = issues;
  }
}
