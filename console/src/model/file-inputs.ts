import type { Asset } from "./asset";
import { carry } from "./carry";
import { toLines, withInside } from "./draft";
import { type Field, isForFiles } from "./fields";
import { toDraft, toInput } from "./input";
import { isText, type JsonObject } from "./json";
import { findSlot } from "./place-file";
import { findSeeds } from "./seeds";

/** What of an input are files: uploads anywhere, and addresses in the fields that are for files. */
export function findFiles(fields: readonly Field[], input: unknown): readonly string[] {
  const draft = toDraft(fields, input);
  const given = withInside(fields, draft).flatMap(({ path, widget }) =>
    isForFiles(widget) ? toLines(draft[path]) : [],
  );
  const addresses = new Set(given.filter((text) => /^https?:/.test(text)));
  const isFile = (text: string): boolean => text.startsWith("upload:") || addresses.has(text);
  return [...new Set(textsIn(input).filter(isFile))];
}

function textsIn(value: unknown): readonly string[] {
  if (isText(value)) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What other fields take of an input, but for seeds, with a file in one of them; null where none takes such a file. */
export function withFile(
  fields: readonly Field[],
  input: unknown,
  { kind }: Pick<Asset, "kind">,
  reference: string,
): JsonObject | null {
  const slot = findSlot(fields, {}, `${kind.toLowerCase()}/`, null);
  if (slot === null) return null;
  const seeds = new Set(findSeeds(fields, input).map(({ name }) => name));
  const others = fields.filter(({ name }) => !seeds.has(name));
  const carried = toDraft(fields, carry(others, input));
  const draft = { ...carried, ...slot.added, [slot.path]: reference };
  return toInput(fields, draft).input;
}
