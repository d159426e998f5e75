/**
 * What an id looks like, ours or the upstream's, and so a segment of a path that can't change the path's shape; source
 * of a regular expression without its anchors.
 */
export const IDENTIFIER = "[A-Za-z0-9_-]{1,128}";

const WHOLE = new RegExp(`^${IDENTIFIER}$`);

/** Whether a value can be an id at all; what can't is sent to no upstream and sought in no database. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && WHOLE.test(value);
}
