import type { InputIssue, InputPath, Spelling } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import { findEffects } from "./model-effects.ts";
import type { ModelProfile } from "./model-profile.ts";
import { didYouMean, nearMisses } from "./near-misses.ts";
import type { ObjectShape, Shape } from "./shape/shape.ts";

const MAX_WARNINGS = 50;

type Context = {
  /** Null where nothing is known of the input's members. */
  readonly shape: ObjectShape | null;
  /** Null where nobody named it. */
  readonly model: ModelProfile | null;
  readonly spell: Spelling;
};

/** What will happen to an input silently: what its model makes of it, and that unknown members are sent. At most 50. */
export function findWarnings(input: JsonObject, { shape, model, spell }: Context): InputIssue[] {
  const effects = model === null ? [] : findEffects(input, model, spell);
  const whole = shape && ({ kind: "object", object: shape, isNullable: false } as const);
  const unknown = whole === null ? [] : findUnknown(input, whole, [], spell);
  return [...effects, ...Iterator.from(unknown).take(MAX_WARNINGS - effects.length)];
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
