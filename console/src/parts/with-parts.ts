/** The same query string with other values; a part without one is left out. */
export function withParts(
  search: URLSearchParams,
  parts: Readonly<Record<string, string>>,
): URLSearchParams {
  const changed = new URLSearchParams(search);
  for (const [name, value] of Object.entries(parts))
    if (value === "") changed.delete(name);
    else changed.set(name, value);
  return changed;
}
