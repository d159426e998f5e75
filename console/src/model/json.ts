export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A text as it is, anything else as JSON. */
export function toWords(value: unknown): string {
  return isText(value) ? value : JSON.stringify(value);
}

/** The value of a JSON text, or undefined, which no JSON text has. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
