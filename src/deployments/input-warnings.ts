import type { InputIssue, InputPath, Spelling } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import { ownMember } from "./json-schema.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";
import type { ObjectShape, Shape } from "./shape/shape.ts";

const MOST_WARNINGS = 50;

type Context = {
  /** Null where nothing is known of the input's members. */
  readonly shape: ObjectShape | null;
  /** What the upstream floors `width` and `height` to a multiple of; null where nobody knows. */
  readonly divisor: number | null;
  readonly spell: Spelling;
};

/** What will happen to an input silently: sizes are floored, members that the schema does not speak of are sent. At most 50. */
export function findWarnings(input: JsonObject, { shape, divisor, spell }: Context): InputIssue[] {
  const floored = divisor === null ? [] : findFloored(input, divisor, spell);
  const whole = shape && ({ kind: "object", object: shape, isNullable: false } as const);
  const unknown = whole === null ? [] : findUnknown(input, whole, [], spell);
  return [...floored, ...Iterator.from(unknown).take(MOST_WARNINGS)];
}

function findFloored(input: JsonObject, divisor: number, spell: Spelling): InputIssue[] {
  return ["width", "height"].flatMap((name) => {
    const size = ownMember(input, name);
    if (typeof size !== "number" || !Number.isInteger(size) || size % divisor === 0) return [];
    const path = spell([name]);
    const floored = Math.floor(size / divisor) * divisor;
    const message = `${path.at(-1)} ${size} is rounded down to ${floored}, a multiple of ${divisor}`;
    return [{ path, message }];
  });
}

function* findUnknown(
  value: JsonValue,
  shape: Shape,
  path: InputPath,
  spell: Spelling,
): Generator<InputIssue, void> {
  if (shape.kind === "list" && isJsonArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* findUnknown(item, shape.item, [...path, index], spell);
    }
  }
  if (shape.kind !== "object" || !isJsonObject(value)) return;
  const { fields, isOpen } = shape.object;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, name];
    const field = fields.find((one) => one.name === name);
    if (field !== undefined) {
      yield* findUnknown(member, field.shape, at, spell);
    } else if (!isOpen) {
      const spelled = String(spell(at).at(-1));
      const known = fields.map((one) => String(spell([...path, one.name]).at(-1)));
      const suggestion = didYouMean(nearMisses(spelled, known));
      const message = `${spelled} is not known here and is sent as it is${suggestion}`;
      yield { path: spell(at), message };
    }
  }
}
