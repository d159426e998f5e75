/** The last part of an address's path, without escapes; empty where it has none. */
export function fileNameOf(address: string): string {
  const path = URL.canParse(address) ? new URL(address).pathname : "";
  return decode(path.slice(path.lastIndexOf("/") + 1));
}

/** A text without its escapes; as it is where a % stands for itself. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same query string with some parameters changed: an empty one is left out, of a list each is there. */
export function withParameters(
  search: URLSearchParams,
  parameters: Readonly<Record<string, string | readonly string[]>>,
): URLSearchParams {
  const changed = new URLSearchParams(search);
  for (const [name, value] of Object.entries(parameters)) {
    changed.delete(name);
    for (const one of [value].flat()) if (one !== "") changed.append(name, one);
  }
  return changed;
}
