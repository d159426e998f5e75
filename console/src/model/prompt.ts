import type { JobRowFragment } from "../gql";
import type { Field } from "./fields";
import { isObject, isText } from "./json";

/** What models call the words that say what to make, the usual one first. */
const NAMES = ["prompt", "text", "tags"];

/** What a job was asked for, in its own words; empty where its input has none. */
export function promptOf({ input }: Pick<JobRowFragment, "input">): string {
  const words = NAMES.map((name) => (isObject(input) ? input[name] : undefined));
  return words.find(isText) ?? "";
}

/** The field of a form for what `promptOf` finds; undefined where there is none. */
export function findPrompt(fields: readonly Field[]): Field | undefined {
  const texts = fields.filter(({ widget }) => widget.kind === "text");
  return NAMES.map((name) => texts.find((field) => field.name === name)).find(Boolean);
}
