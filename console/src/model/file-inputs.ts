import type { Asset } from "./asset";
import type { Field } from "./fields";
import { isObject, isText, type JsonObject } from "./json";
import { findSlot } from "./place-file";
import { findSeeds } from "./seeds";

/** What of an input are files: uploads anywhere, and addresses in the fields that are for files. */
export function findFiles(fields: readonly Field[], input: unknown): readonly string[] {
  if (!isObject(input)) return [];
  const named = new Set(
    fields.flatMap(({ name, widget }) => (/^files?$/.test(widget.kind) ? name : [])),
  );
  const isFile = (name: string, text: string): boolean =>
    text.startsWith("upload:") || (named.has(name) && /^https?:/.test(text));
  const texts = Object.entries(input).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (isText(one) && isFile(name, one) ? one : [])),
  );
  return [...new Set(texts)];
}

/** What fits of an input into other fields, but for seeds, with a file in one of them; null where none takes such a file. */
export function withFile(
  fields: readonly Field[],
  input: unknown,
  { kind }: Pick<Asset, "kind">,
  reference: string,
): JsonObject | null {
  const slot = findSlot(fields, {}, `${kind.toLowerCase()}/`, null);
  const field = fields.find(({ name }) => name === slot?.name);
  if (field === undefined) return null;
  const given = isObject(input) ? Object.entries(input) : [];
  const taken = new Set(fields.map(({ name }) => name));
  for (const { name } of findSeeds(fields, input)) taken.delete(name);
  const fitting = given.filter(([name]) => taken.has(name));
  const file = field.widget.kind === "files" ? [reference] : reference;
  return { ...Object.fromEntries(fitting), [field.name]: file };
}
