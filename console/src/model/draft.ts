import { type Field, isForFiles, REST } from "./fields";

/** What was typed into the form, by the paths of its fields; of several files each is a line, and a choice is JSON. */
export type Draft = Readonly<Record<string, string>>;

/** What a text begins with that stands for a file on its way to the gateway. */
export const TOKEN = "file:";

export function isToken(text: string): boolean {
  return text.startsWith(TOKEN);
}

export function toLines(text = ""): readonly string[] {
  return text === "" ? [] : text.split("\n");
}

/** What a form begins with. */
export function emptyDraft(fields: readonly Field[]): Draft {
  const isWhole = fields.length === 1 && fields[0]?.name === REST;
  return isWhole ? { [REST]: '{ "prompt": "" }' } : {};
}

/** What the text of a field begins with that has others inside: the ids of a list's items, or which variant was chosen. */
const AS_FORM = "form:";
/** What it begins with where it is written as JSON, if with anything. */
const AS_JSON = "json:";

export function isNested({ widget: { kind } }: Field): boolean {
  return kind === "object" || kind === "list" || kind === "variants";
}

/** The JSON of a field that has others inside; null where they are shown. */
export function jsonOf(field: Field, draft: Draft): string | null {
  const text = draft[field.path] ?? "";
  if (!isNested(field) || text === "" || text.startsWith(AS_FORM)) return null;
  return text.startsWith(AS_JSON) ? text.slice(AS_JSON.length) : text;
}

export function toJsonText(text: string): string {
  return AS_JSON + text;
}

/** What stands for each item of a list in a draft, in their order. */
export function idsOf({ path }: Field, draft: Draft): readonly string[] {
  const text = draft[path] ?? "";
  const ids = text.startsWith(AS_FORM) ? text.slice(AS_FORM.length) : "";
  return ids === "" ? [] : ids.split(",");
}

/** The same as `idsOf` reads them; without any, nothing was filled in. */
export function toIdsText(ids: readonly string[]): string {
  return ids.length === 0 ? "" : AS_FORM + ids.join(",");
}

/** What stands for one more item. */
export function nextId(ids: readonly string[]): string {
  return String(Math.max(-1, ...ids.map(Number)) + 1);
}

/** The fields inside another as it is filled in: its members, its items, what was chosen; none where it is JSON. */
export function insideOf(field: Field, draft: Draft): readonly Field[] {
  if (jsonOf(field, draft) !== null) return [];
  const { widget } = field;
  if (widget.kind === "object") return widget.members();
  if (widget.kind === "list") return idsOf(field, draft).map(widget.item);
  if (widget.kind !== "variants") return [];
  return idsOf(field, draft).flatMap((index) => widget.variants[Number(index)] ?? []);
}

/** Whether anything was typed into a field, or one inside it. */
export function isFilled({ path }: Field, draft: Draft): boolean {
  if (draft[path]) return true;
  return Object.keys(draft).some((one) => one.startsWith(`${path}/`) && draft[one] !== "");
}

/** Fields and those inside them, in the order of the form, but not what is deep in something empty, which may have no end. */
export function withInside(fields: readonly Field[], draft: Draft): readonly Field[] {
  return fields.flatMap((field) => {
    const isOpen = !field.path.includes("/") || field.isRequired || isFilled(field, draft);
    return isOpen ? [field].concat(withInside(insideOf(field, draft), draft)) : field;
  });
}

/** The files on their way in what is seen: a variant that is no longer chosen may have others. */
export function tokensIn(fields: readonly Field[], draft: Draft): readonly string[] {
  const files = withInside(fields, draft).filter(({ widget }) => isForFiles(widget));
  return files.flatMap(({ path }) => toLines(draft[path])).filter(isToken);
}

/** The field of this path, however deep it is. */
export function findField(fields: readonly Field[], path: string, draft: Draft): Field | undefined {
  const field = fields.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  if (field === undefined || field.path === path) return field;
  return findField(insideOf(field, draft), path, draft);
}

/** A draft without what was typed into a field and those inside it. */
export function without({ path }: Field, draft: Draft): Draft {
  const others = Object.entries(draft).filter(
    ([one]) => one !== path && !one.startsWith(`${path}/`),
  );
  return Object.fromEntries(others);
}
