const MAX_MODEL_ID_LENGTH = 200;
const SEGMENT = String.raw`(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+`;
const MODEL_ID = new RegExp(`^${SEGMENT}(?:/${SEGMENT})+$`);

/** Whether a value can be the id of a model: segments that go into a path as they are, so none is `.` or `..`. */
export function isModelId(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_MODEL_ID_LENGTH && MODEL_ID.test(value);
}
