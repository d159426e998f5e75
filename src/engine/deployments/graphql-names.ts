import { camelCase, constantCase, pascalCase } from "change-case";

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

/** The camelCase of each name, unique among them. */
export function toFieldNames(names: readonly string[]): ReadonlyMap<string, string> {
  // GraphQL reads the members of an input without asking whether they are the input's own.
  const pick = createNamePicker(Object.getOwnPropertyNames(Object.prototype));
  return new Map(
    names.map((name) => {
      const spelled = beforeDigit(camelCase(toAscii(name), MERGED));
      // `_` alone is a name, too.
      return [name, pick(spelled || (isGraphqlName(name) ? name : "field"))];
    }),
  );
}

/** The SCREAMING_SNAKE_CASE of each value, unique among them. */
export function toEnumNames(
  values: readonly (string | number)[],
): ReadonlyMap<string | number, string> {
  const pick = createNamePicker();
  return new Map(
    [...new Set(values)].map((value) => {
      const spelled = constantCase(toAscii(String(value).replace(/^-(?=[\d.])/, "minus ")));
      return [value, pick(beforeDigit(spelled) || (value === "" ? "EMPTY" : "VALUE"))];
    }),
  );
}

/** Gives every name but the unwanted once: the wished one, with a number if need be. */
export function createNamePicker(unwanted: readonly string[] = []): (wish: string) => string {
  const taken = new Set(unwanted);
  return (wish) => {
    let name = wish;
    for (let number = 2; taken.has(name); number += 1) name = `${wish}_${number}`;
    taken.add(name);
    return name;
  };
}

/** Puts no underscore between a word and a number. */
const MERGED = { mergeAmbiguousCharacters: true };

function toPascalCase(text: string): string {
  return pascalCase(toAscii(text), MERGED);
}

/** Letters lose their accents; what is not ASCII after that is a gap. */
function toAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{Mark}/gu, "")
    .replaceAll(/[^A-Za-z0-9]+/g, " ");
}

function beforeDigit(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name;
}
