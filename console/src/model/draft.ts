import { type Field, REST } from "./fields";
import { isObject, isText, type JsonObject, parseJson } from "./json";

/** What was typed into the form, by field; of several files each is a line, and a choice is JSON. */
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

/** What is submitted for a draft, empty fields left out, and a sentence for each field that can't be read. */
export function toInput(
  fields: readonly Field[],
  draft: Draft,
): { readonly input: JsonObject; readonly problems: ReadonlyMap<string, string> } {
  const input: Record<string, unknown> = {};
  const problems = new Map<string, string>();
  for (const field of fields) {
    const { name, widget, isRequired } = field;
    const typed = toTyped(field, draft);
    if (widget.kind === "flag" && typed === "" && isRequired) {
      input[name] = false; // As it looks.
    }
    if (typed === "") continue;
    const read = readValue(field, typed);
    if ("problem" in read) problems.set(name, `${field.label} ${read.problem}.`);
    else if (name !== REST) input[name] = read.value;
    else if (isObject(read.value)) Object.assign(input, { ...read.value, ...input });
    else problems.set(name, `${field.label} has to begin with { and end with }.`);
  }
  return { input, problems };
}

/** Without the files that have not arrived. */
function toTyped({ name, widget }: Field, draft: Draft): string {
  const text = draft[name] ?? "";
  if (widget.kind !== "file" && widget.kind !== "files") return text;
  return text
    .split("\n")
    .filter((line) => !isToken(line))
    .join("\n");
}

type Read = { readonly value: unknown } | { readonly problem: string };

function readValue({ widget }: Field, typed: string): Read {
  switch (widget.kind) {
    case "text":
    case "file":
      return { value: typed };
    case "files":
      return { value: typed.split("\n") };
    case "number":
    case "seed": {
      const value = Number(typed);
      return typed.trim() !== "" && Number.isFinite(value)
        ? { value }
        : { problem: "is no number; use digits" };
    }
    case "choice":
    case "flag":
    case "json": {
      const value = parseJson(typed);
      if (value === undefined) return { problem: INCOMPLETE };
      return isTooDeep(value) ? { problem: TOO_DEEP } : { value };
    }
  }
}

const INCOMPLETE = "is not complete JSON yet; check its quotes, commas and brackets";
const TOO_DEEP = "is nested deeper than 64 levels; flatten it";

/** Whether the gateway would refuse a value; of thousands of levels no text can be made again. */
function isTooDeep(value: unknown, levels = 64): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels < 0 || Object.values(value).some((one) => isTooDeep(one, levels - 1));
}

/** The draft that submits an input. */
export function toDraft(fields: readonly Field[], input: unknown): Draft {
  const given = isObject(input) ? input : {};
  const draft: Record<string, string> = {};
  for (const { name, widget } of fields) {
    const value = given[name];
    if (name === REST || value === undefined || value === null) continue;
    if (widget.kind === "json") draft[name] = JSON.stringify(value, null, 2);
    else if (widget.kind === "choice") draft[name] = JSON.stringify(value);
    else if (Array.isArray(value) && value.every(isText)) draft[name] = value.join("\n");
    else draft[name] = isText(value) ? value : JSON.stringify(value);
  }
  // An empty field is left out, so that an empty value stands elsewhere, unless that is the default.
  const { input: held } = toInput(fields, draft);
  const defaults = new Map(fields.map(({ name, fallback }) => [name, fallback ?? null]));
  const others = Object.entries(given).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(held[name] ?? defaults.get(name)),
  );
  for (const [name] of others) delete draft[name];
  if (others.length > 0) draft[REST] = JSON.stringify(Object.fromEntries(others), null, 2);
  return draft;
}
