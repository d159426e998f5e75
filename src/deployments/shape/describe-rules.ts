import type { JsonSchemaObject } from "../json-schema.ts";

/** What a schema itself demands of a value beside its type, in short sentences; not what it refers to. */
export function describeRules(schema: JsonSchemaObject): string[] {
  const { pattern, format, contains, multipleOf, exclusiveMinimum, exclusiveMaximum } = schema;
  return [
    describeRange(schema.minimum, schema.maximum),
    exclusiveMinimum === undefined ? null : `More than ${exclusiveMinimum}.`,
    exclusiveMaximum === undefined ? null : `Less than ${exclusiveMaximum}.`,
    multipleOf === undefined ? null : `A multiple of ${multipleOf}.`,
    describeRange(schema.minLength, schema.maxLength, "character"),
    pattern === undefined ? null : `Matches \`${pattern}\`.`,
    format === undefined ? null : describeFormat(format),
    describeRange(schema.minItems, schema.maxItems, "item"),
    schema.uniqueItems === true ? "No duplicates." : null,
    contains === undefined
      ? null
      : describeRange(schema.minContains ?? 1, schema.maxContains, "item", " of a certain kind"),
    describeRange(schema.minProperties, schema.maxProperties, "member"),
  ].filter((rule) => rule !== null);
}

/** With a noun it is a count, which is never below 0. */
function describeRange(
  minimum: number | undefined,
  maximum: number | undefined,
  noun?: string,
  kind = "",
): string | null {
  const counted = (count: number): string =>
    noun === undefined ? `${count}.` : `${count} ${noun}${count === 1 ? "" : "s"}${kind}.`;
  const least = noun !== undefined && minimum === 0 ? undefined : minimum;
  if (maximum === undefined) return least === undefined ? null : `At least ${counted(least)}`;
  if (least === undefined) return `At most ${counted(maximum)}`;
  return least === maximum ? `Exactly ${counted(maximum)}` : `From ${least} to ${counted(maximum)}`;
}

function describeFormat(format: string): string {
  return format.endsWith("_uri") ? "A public https URL of a file." : `Format: ${format}.`;
}
