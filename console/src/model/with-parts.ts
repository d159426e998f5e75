/** The same query string with some parts changed: an empty one is left out, of a list each is there. */
export function withParts(
  search: URLSearchParams,
  parts: Readonly<Record<string, string | readonly string[]>>,
): URLSearchParams {
  const changed = new URLSearchParams(search);
  for (const [name, value] of Object.entries(parts)) {
    changed.delete(name);
    for (const one of [value].flat()) if (one !== "") changed.append(name, one);
  }
  return changed;
}
