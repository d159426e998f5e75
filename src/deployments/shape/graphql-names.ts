import { createNamePicker } from "../name-picker.ts";

/** Whether GraphQL can write it: letters, digits and underscores, and not one of GraphQL's own, which start with `__`. */
export function isGraphqlName(name: string): boolean {
  return /^(?!__)[_A-Za-z][_0-9A-Za-z]*$/.test(name);
}

/** `WarmGlow` of "warm-glow"; of the id where nothing of the name can be written. An underscore only before a digit. */
export function toTypeName(name: string, id: string): string {
  return beforeDigit(toPascalCase(name) || toPascalCase(id) || "Deployment");
}

/** `submitWarmGlow` of `WarmGlow`. */
export function toSubmitField(typeName: string): string {
  return `submit${typeName.replace(/^_/, "")}`;
}

/** `WarmGlowInput_Loras` of `WarmGlowInput` and its field `loras`; another field may give the same. */
export function toMemberTypeName(typeName: string, field: string): string {
  return `${typeName}_${toPascalCase(field) || "Value"}`;
}

/** The camelCase of each name, unique among them; who is spelled so already keeps it. */
export function toFieldNames(names: readonly string[]): ReadonlyMap<string, string> {
  // GraphQL reads the members of an input without asking whether they are the input's own.
  const pick = createNamePicker("", Object.getOwnPropertyNames(Object.prototype));
  const fields = new Map<string, string>();
  let nameless = 0;
  for (const name of ownSpellingFirst(names, toCamelCase)) {
    const camelCase = toCamelCase(name);
    const choices = [camelCase, name].filter(isGraphqlName);
    fields.set(name, pick(choices, camelCase || `field${(nameless += 1)}`));
  }
  return fields;
}

/** The SCREAMING_SNAKE_CASE of each value in their order, unique among them; what is spelled so already keeps it. */
export function toEnumNames(
  values: readonly (string | number)[],
): ReadonlyMap<string | number, string> {
  const pick = createNamePicker("_");
  // Filled in beforehand for the order.
  const names = new Map(values.map((value) => [value, ""]));
  let nameless = 0;
  for (const value of ownSpellingFirst(values, toScreamingSnakeCase)) {
    const name = toScreamingSnakeCase(value) || (value === "" ? "EMPTY" : "");
    names.set(value, pick([], name || `VALUE_${(nameless += 1)}`));
  }
  return names;
}

/** Each once, those first that are spelled as they shall be. */
function ownSpellingFirst<Value>(
  values: readonly Value[],
  respell: (value: Value) => string,
): ReadonlySet<Value> {
  return new Set([...values.filter((value) => respell(value) === value), ...values]);
}

function toPascalCase(text: string): string {
  return toWords(text).map(capitalize).join("");
}

function toCamelCase(text: string): string {
  const [first = "", ...others] = toWords(text);
  return beforeDigit(
    withSmallStart(first) +
      others.map((word) => capitalize(isAllCapital(word) ? word.toLowerCase() : word)).join(""),
  );
}

function toScreamingSnakeCase(value: string | number): string {
  const words = toWords(String(value).replace(/^-(?=[\d.])/, "minus "));
  const apart = words.map((word) =>
    word
      .replaceAll(/([a-z]|\d(?=[A-Z][a-z]))(?=[A-Z])/g, "$1_")
      .replaceAll(/([A-Z])(?=[A-Z][a-z])/g, "$1_"),
  );
  return beforeDigit(apart.join("_").toUpperCase());
}

/** What is left in ASCII, in parts: letters lose their accents, all else is a gap. */
function toWords(text: string): string[] {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{Mark}/gu, "")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
}

function capitalize(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** `cfgScale` of "CFGScale", `max` of "MAX", `loRA` as it is. */
function withSmallStart(word: string): string {
  if (isAllCapital(word)) return word.toLowerCase();
  return word.replace(/^[A-Z]+(?=[A-Z][a-z]|\d)|^[A-Z]/, (start) => start.toLowerCase());
}

function isAllCapital(word: string): boolean {
  return /^[A-Z0-9]+$/.test(word);
}

function beforeDigit(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name;
}
