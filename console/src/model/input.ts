import {
  type Draft,
  insideOf,
  isFilled,
  isNested,
  isToken,
  jsonOf,
  toIdsText,
  toJsonText,
  tokensIn,
  toLines,
  without,
} from "./draft";
import { ALL_AS_JSON, type Field, isForFiles, REST, withOthers } from "./fields";
import { isObject, isText, type JsonObject, parseJson, toWords } from "./json";

type Problems = Map<string, string>;

/** What is submitted for a draft, empty fields left out, and a sentence for each field, by its path, that can't be read. */
export function toInput(
  known: readonly Field[],
  draft: Draft,
): { readonly input: JsonObject; readonly problems: ReadonlyMap<string, string> } {
  const fields = withOthers(known, draft);
  const problems: Problems = new Map();
  const { [REST]: rest, ...members } = toMembers(fields, draft, problems);
  if (rest === undefined || isObject(rest))
    // The members first, in the order of the form.
    return { input: { ...members, ...rest, ...members }, problems };
  const label = fields.find(({ name }) => name === REST)?.label;
  problems.set(REST, `${label} has to begin with { and end with }.`);
  return { input: members, problems };
}

function toMembers(fields: readonly Field[], draft: Draft, problems: Problems): JsonObject {
  const members = fields.flatMap((field) => {
    const value = toValue(field, draft, problems);
    return value === undefined ? [] : [[field.name, value] as const];
  });
  return Object.fromEntries(members);
}

/** What a field gives; undefined for nothing. */
function toValue(field: Field, draft: Draft, problems: Problems): unknown {
  const { path, widget, isRequired } = field;
  if (widget.kind === "constant") return widget.value;
  if (isNested(field) && jsonOf(field, draft) === null) return toNested(field, draft, problems);
  const typed = toTyped(field, draft);
  if ((isNested(field) ? typed.trim() : typed) === "")
    return widget.kind === "flag" && isRequired ? false : undefined; // As it looks.
  const read = readValue(field, typed);
  if ("value" in read) return read.value;
  problems.set(path, `${field.label} ${read.problem}.`);
  return undefined;
}

function toNested(field: Field, draft: Draft, problems: Problems): unknown {
  const { widget, isRequired } = field;
  const inside = insideOf(field, draft);
  if (widget.kind === "object")
    return isRequired || isFilled(field, draft) ? toMembers(inside, draft, problems) : undefined;
  const values = inside.map((one) => toValue(one, draft, problems));
  if (widget.kind !== "list") return values[0];
  for (const [index, { path, label }] of inside.entries())
    if (values[index] === undefined && !problems.has(path)) problems.set(path, label + EMPTY);
  return values.length > 0 || (isRequired && widget.least === 0) ? values : undefined;
}

const EMPTY = " is empty; fill it in or remove it.";

/** Without the files that have not arrived. */
function toTyped(field: Field, draft: Draft): string {
  const { path, widget } = field;
  const text = isNested(field) ? (jsonOf(field, draft) ?? "") : (draft[path] ?? "");
  if (!isForFiles(widget)) return text;
  return toLines(text)
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
    case "constant":
      return { value: widget.value };
    case "choice":
    case "flag":
    case "object":
    case "list":
    case "variants":
    case "json":
      return readJson(typed);
  }
}

function readJson(typed: string): Read {
  const value = parseJson(typed);
  if (value === undefined) return { problem: INCOMPLETE };
  return isTooDeep(value) ? { problem: TOO_DEEP } : { value };
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
  const { draft, others } = fillMembers(fields, isObject(input) ? input : {});
  return others.length === 0 ? draft : { ...draft, [REST]: toText(Object.fromEntries(others)) };
}

/** A draft in which all is written as JSON, or no longer, or why it can't be yet. */
export function switchAll(known: readonly Field[], draft: Draft): Draft | string {
  const { input, problems } = toInput(known, draft);
  const [problem] = problems.values();
  if (problem !== undefined) return problem;
  if (tokensIn(withOthers(known, draft), draft).length > 0) return UPLOADING;
  if (ALL_AS_JSON in draft) return toDraft(known, input);
  return { [ALL_AS_JSON]: "json", [REST]: toText(input) };
}

export const UPLOADING = "The upload has to end first.";

/** A draft in which a field is written as JSON, or why it can't be yet. */
export function toJsonDraft(field: Field, draft: Draft): Draft | string {
  const problems: Problems = new Map();
  const value = toValue(field, draft, problems);
  const [problem] = problems.values();
  if (problem !== undefined) return problem;
  if (tokensIn([field], draft).length > 0) return UPLOADING;
  const text = value === undefined ? "" : toText(value);
  return { ...without(field, draft), [field.path]: toJsonText(text) };
}

/** A draft in which what was written as JSON stands in the fields inside, or why it can't. */
export function toFormDraft(field: Field, draft: Draft): Draft | string {
  const text = jsonOf(field, draft) ?? "";
  const others = without(field, draft);
  if (text.trim() === "") return others;
  const read = readJson(text);
  if ("problem" in read) return `${field.label} ${read.problem}.`;
  const form = fillForm(field, read.value);
  return isText(form) ? `Only JSON can hold this: ${form}.` : { ...others, ...form };
}

/** The draft of members, and those that no field can hold. */
function fillMembers(fields: readonly Field[], given: JsonObject) {
  const drafts: Draft[] = [];
  const others: (readonly [string, unknown])[] = [];
  for (const [name, value] of Object.entries(given)) {
    const field = fields.find((one) => one.name === name && name !== REST);
    const draft = field && fill(field, value);
    if (draft) drafts.push(draft);
    else others.push([name, value]);
  }
  return { draft: merge(drafts), others };
}

/** The draft of a field that gives a value: as JSON where what is inside it can't, null where nothing can. */
function fill(field: Field, value: unknown): Draft | null {
  const draft = fillForm(field, value);
  if (!isText(draft)) return draft;
  return isNested(field) ? { [field.path]: toJsonText(toText(value)) } : null;
}

/** The same without JSON for the field itself, or why not. */
function fillForm(field: Field, value: unknown): Draft | string {
  const draft = (value ?? null) === null ? {} : fillInside(field, value);
  if (isText(draft)) return draft;
  // An empty field is left out, so that an empty value stands elsewhere, unless that is the default.
  const held = toValue(field, draft, new Map()) ?? field.fallback ?? null;
  return isSame(held, value ?? null) ? draft : "the form would send something else";
}

/** As many items as a page shows well. */
const MAX_ITEMS = 100;

function fillInside(field: Field, value: unknown): Draft | string {
  const { path, widget } = field;
  switch (widget.kind) {
    case "object": {
      if (!isObject(value)) return "it is no object";
      const fields = widget.members();
      const unknown = Object.keys(value).filter((name) => !fields.some((one) => one.name === name));
      if (unknown.length > 0) return `there is no field for ${unknown.join(", ")}`;
      const { draft, others } = fillMembers(fields, value);
      const [other] = others;
      return other === undefined ? draft : `no field can hold ${other[0]} as it is`;
    }
    case "list": {
      if (!Array.isArray(value)) return "it is no list";
      if (value.length > MAX_ITEMS) return `it has more than ${MAX_ITEMS} items`;
      const items = value.map((one: unknown, index) =>
        fill(widget.item(String(index), index), one),
      );
      const misfit = items.indexOf(null);
      if (misfit >= 0) return `no field can hold item ${misfit + 1} as it is`;
      return merge([{ [path]: toIdsText([...items.keys()].map(String)) }, ...items]);
    }
    case "variants": {
      for (const [index, variant] of widget.variants.entries()) {
        const draft = suits(variant, value) ? fillForm(variant, value) : "";
        if (!isText(draft)) return { ...draft, [path]: toIdsText([String(index)]) };
      }
      return "it is none of what can be chosen";
    }
    case "json":
      return { [path]: toText(value) };
    case "constant":
      return {};
    case "choice":
      return { [path]: JSON.stringify(value) };
    case "text":
    case "number":
    case "seed":
    case "flag":
    case "file":
    case "files":
      if (Array.isArray(value) && value.every(isText)) return { [path]: value.join("\n") };
      return { [path]: toWords(value) };
  }
}

/** Whether a value is meant for a variant, as far as can be seen from outside. */
export function suits({ widget }: Field, value: unknown): boolean {
  switch (widget.kind) {
    case "text":
      return isText(value);
    case "file":
      return isText(value) && /^(https?|upload|data):/.test(value);
    case "number":
    case "seed":
      return typeof value === "number";
    case "flag":
      return typeof value === "boolean";
    case "choice":
      return widget.options.some((option) => isSame(option, value));
    case "constant":
      return isSame(widget.value, value);
    case "files":
    case "list":
      return Array.isArray(value);
    case "object":
      return (
        isObject(value) &&
        widget
          .members()
          .every((one) => one.widget.kind !== "constant" || suits(one, value[one.name]))
      );
    case "variants":
      return widget.variants.some((one) => suits(one, value));
    case "json":
      return true;
  }
}

/** Whether two values are the same JSON; the order of members says nothing. */
function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return one === other;
  const others = new Map<string, unknown>(Object.entries(other));
  const own = Object.entries(one);
  return (
    own.length === others.size &&
    own.every(([name, value]) => others.has(name) && isSame(value, others.get(name)))
  );
}

function merge(drafts: readonly (Draft | null)[]): Draft {
  return Object.fromEntries(drafts.flatMap((draft) => Object.entries(draft ?? {})));
}

function toText(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
