/**
 * The lines of a text in UTF-8, as they come. Only `\n` ends one: `readline` also ends lines at U+2028, which JSON leaves
 * within its strings as it is. One without an end is none, and of one that's much longer than `mostLength` only the begin is
 * given, which is longer too.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  mostLength: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of chunks) {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    if (line.length <= mostLength) line += first;
    for (const next of others) {
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
      line = next;
    }
  }
}
