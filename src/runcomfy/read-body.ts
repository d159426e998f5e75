import type { JsonValue } from "../job/json.ts";
import { isJsonArray } from "../job/json.ts";

/** Deeper answers would overflow the stack of whoever walks or writes them. */
const DEEPEST = 200;

/** A body as JSON, or why there is none. */
export type Body =
  | { readonly kind: "json"; readonly value: JsonValue }
  | {
      readonly kind: "unreadable";
      readonly why: "not JSON" | "too large" | "too deep" | "broken off";
    };

/**
 * Reads a response's body, at most `limitBytes` of it (after decompression), and hangs up on what goes on. Rejects when
 * the connection breaks, and with the signal's reason once that is aborted, whether or not fetch still hears of it.
 */
export async function readBody(
  response: Response,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Body> {
  signal.throwIfAborted();
  const reader = response.body?.getReader();
  if (reader === undefined) return toJson("");
  // Closes the connection, and ends a read that waits.
  const hangUp = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", hangUp, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      bytes += chunk.value.byteLength;
      if (bytes > limitBytes) {
        hangUp();
        return { kind: "unreadable", why: "too large" };
      }
      chunks.push(chunk.value);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", hangUp);
  }
  return toJson(new TextDecoder().decode(Buffer.concat(chunks)));
}

function toJson(text: string): Body {
  try {
    const value: JsonValue = JSON.parse(text);
    return isDeeperThan(DEEPEST, value)
      ? { kind: "unreadable", why: "too deep" }
      : { kind: "json", value };
  } catch {
    // What the parser says quotes the body, which belongs into no log.
    return { kind: "unreadable", why: "not JSON" };
  }
}

function isDeeperThan(depth: number, value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  const members = isJsonArray(value) ? value : Object.values(value);
  return members.some((member) => isDeeperThan(depth - 1, member));
}
