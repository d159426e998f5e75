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
