import type { Asset } from "./asset";
import { toLines, withInside } from "./draft";
import { type Field, withOthers } from "./fields";
import { toDraft, toInput } from "./input";
import { isObject, isText, type JsonObject } from "./json";
import { findSlot } from "./place-file";
import { findSeeds } from "./seeds";

/** What of an input are files: uploads anywhere, and addresses in the fields that are for files. */
export function findFiles(fields: readonly Field[], input: unknown): readonly string[] {
  const draft = toDraft(fields, input);
  const given = withInside(fields, draft).flatMap(({ path, widget }) =>
    /^files?$/.test(widget.kind) ? toLines(draft[path]) : [],
  );
  const addresses = new Set(given.filter((text) => /^https?:/.test(text)));
  const isFile = (text: string): boolean => text.startsWith("upload:") || addresses.has(text);
  return [...new Set(textsIn(input).filter(isFile))];
}

function textsIn(value: unknown): readonly string[] {
  if (isText(value)) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What fits of an input into other fields, but for seeds, with a file in one of them; null where none takes such a file. */
export function withFile(
  fields: readonly Field[],
  input: unknown,
  { kind }: Pick<Asset, "kind">,
  reference: string,
): JsonObject | null {
  const slot = findSlot(fields, {}, `${kind.toLowerCase()}/`, null);
  if (slot === null) return null;
  const given = isObject(input) ? Object.entries(input) : [];
  const taken = new Set(fields.map(({ name }) => name));
  for (const { name } of findSeeds(fields, input)) taken.delete(name);
  const fitting = given.filter(([name]) => taken.has(name));
  const draft = {
    ...toDraft(fields, Object.fromEntries(fitting)),
    ...{ ...slot.added, [slot.path]: reference },
  };
  return toInput(withOthers(fields, draft), draft).input;
}
