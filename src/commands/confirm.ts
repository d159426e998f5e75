import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/**
 * Whether the next line is a yes; not where the input ends, or the signal is aborted. Nothing is read after it, so that an
 * input that stays open keeps no process from its end.
 */
export async function confirm(
  question: string,
  { input, output, signal }: { input: Readable; output: Writable; signal: AbortSignal },
): Promise<boolean> {
  output.write(question);
  // Without an output it leaves Ctrl-C to the process.
  const lines = createInterface({ input, signal });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
