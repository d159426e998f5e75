/** The pattern of ids, ours and the upstream's, without anchors: as part of a path they can't change its shape. */
export const IDENTIFIER = "[A-Za-z0-9_-]{1,128}";

const WHOLE = new RegExp(`^${IDENTIFIER}$`);

/** Whether a value can be an id; what can't never reaches the upstream or a database. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && WHOLE.test(value);
}
