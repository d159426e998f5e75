import type { EnumShape, FieldShape, ObjectShape } from "../deployments/shape/shape.ts";

/** What a generated field of an input demands, for the docs panel. */
export function describeInputField(field: FieldShape): string {
  const defaults =
    field.default === undefined ? [] : [`Default: \`${JSON.stringify(field.default)}\`.`];
  const need = field.isRequired && field.shape.isNullable ? ["Required, but may be null."] : [];
  return describe(field, [...field.rules, ...need, ...defaults], "Sent as");
}

/** What a generated field of an output holds, for the docs panel. */
export function describeOutputField(field: FieldShape): string {
  const absence = field.shape.isNullable || !field.isRequired ? ["Null when there is none."] : [];
  return describe(field, [...field.rules, ...absence], "Known to the upstream as");
}

/** A text of the schema's author as a sentence. */
export function toSentence(text: string): string {
  const trimmed = text.trim().toWellFormed();
  return /[.!?:`)]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** What a generated type is, in the schema's words or in `otherwise`. */
export function describeType({ description }: ObjectShape | EnumShape, otherwise: string): string {
  return description === null ? otherwise : toSentence(description);
}

function describe(field: FieldShape, facts: readonly string[], knownAs: string): string {
  const said = field.description === null ? [] : [toSentence(field.description)];
  const name = field.graphqlName === field.name ? [] : [`${knownAs} \`${field.name}\`.`];
  const sentences = [...said, ...facts, ...name];
  const text = sentences.length === 0 ? `${knownAs} \`${field.name}\`.` : sentences.join(" ");
  // A printed schema with half of a surrogate pair can't be read again.
  return text.toWellFormed();
}
