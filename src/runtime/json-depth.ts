const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Whether JSON in UTF-8 nests lists and objects deeper than so many levels, by its brackets outside of strings. To parse
 * 256 KiB of brackets takes ten times as long. Of what is no JSON it counts at least as far as a parser comes.
 */
export function isDeeperThan(json: Uint8Array, levels: number): boolean {
  // Each level takes two brackets.
  if (json.length <= 2 * levels) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = findEnd(json, at + 1);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}

/** Where the quote is that ends a string whose first character is at `from`. */
function findEnd(json: Uint8Array, from: number): number {
  const quote = json.indexOf(QUOTE, from);
  if (quote === -1) return json.length;
  if (json[quote - 1] !== BACKSLASH) return quote;
  for (let at = from; at < json.length; at++) {
    if (json[at] === QUOTE) return at;
    if (json[at] === BACKSLASH) at += 1;
  }
  return json.length;
}
