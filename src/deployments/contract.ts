import type { InputIssue, Spelling } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { ObjectShape } from "./shape/shape.ts";

/** What a deployment takes, as far as it is known. */
export type InputContract = {
  /** The generated mutation, e.g. `submitWarmGlow`. */
  readonly submitField: string;
  /** Null where GraphQL knows no field of it. */
  readonly shape: ObjectShape | null;
  readonly check: InputCheck;
};

/** What a deployment gives, as far as it is known. */
export type OutputContract = {
  readonly shape: ObjectShape;
  /** Whether an output is what was announced. */
  accepts(output: JsonValue): boolean;
};

/** Checks an input and fills in defaults, in a copy. Paths and names in messages are spelled as `spell` has it. */
export type InputCheck = (input: JsonObject, spell: Spelling) => CheckedInput;

type CheckedInput = {
  /** With defaults filled in; to be sent only where there are no issues. */
  readonly input: JsonObject;
  readonly issues: readonly InputIssue[];
  /** What will happen to the input silently. */
  readonly warnings: readonly InputIssue[];
};
