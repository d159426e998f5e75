import type { JsonValue } from "../job/json.ts";
import { isJsonArray } from "../job/json.ts";

/** Longer pauses are cut to this. */
export const MAX_PAUSE_MS = 300_000;

/** A deeper answer would overflow the stack of whatever walks it. */
const DEEPEST = 200;

/** A whole answer of the upstream. */
export type Answer = {
  readonly httpStatus: number;
  readonly body: Body;
  readonly retryAfterMs: number | null;
};

/** A body as JSON, or why there is none. */
type Body =
  | { readonly kind: "json"; readonly value: JsonValue }
  | {
      readonly kind: "unreadable";
      readonly why: "not JSON" | "too large" | "too deep" | "broken off";
    };

/**
 * Reads a response, at most `limitBytes` of its body (after decompression), and hangs up on what goes on. Rejects when
 * the connection breaks, and with the signal's reason once that is aborted, whether or not fetch still hears of it.
 * `now` is the time that a Retry-After counts from, in milliseconds since 1970.
 */
export async function readAnswer(
  response: Response,
  options: { readonly limitBytes: number; readonly signal: AbortSignal; readonly now: number },
): Promise<Answer> {
  const { status: httpStatus, headers, ok } = response;
  const retryAfterMs = readRetryAfterMs(headers.get("retry-after"), options.now);
  try {
    return { httpStatus, retryAfterMs, body: await readBody(response, options) };
  } catch (thrown) {
    if (ok) throw thrown;
    // The body of an error may break off or never end; its status says enough.
    return { httpStatus, retryAfterMs, body: { kind: "unreadable", why: "broken off" } };
  }
}

/**
 * Reads a Retry-After header, seconds or an HTTP date, as milliseconds from `now`, at most five minutes. Null when
 * there is none or it can't be read.
 */
export function readRetryAfterMs(header: string | null, now: number): number | null {
  const value = header?.trim() ?? "";
  const delayMs = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : readDate(value) - now;
  if (Number.isNaN(delayMs)) return null;
  return Math.min(MAX_PAUSE_MS, Math.max(0, Math.ceil(delayMs)));
}

/** A date in words always has letters; without that, `Date.parse` would take "-5" for a year. */
function readDate(value: string): number {
  return /^[a-z]{3,9},? /i.test(value) ? Date.parse(value) : Number.NaN;
}

async function readBody(
  response: Response,
  { limitBytes, signal }: { readonly limitBytes: number; readonly signal: AbortSignal },
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
    // The parser's message quotes the body, which must not be logged.
    return { kind: "unreadable", why: "not JSON" };
  }
}

function isDeeperThan(depth: number, value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  const members = isJsonArray(value) ? value : Object.values(value);
  return members.some((member) => isDeeperThan(depth - 1, member));
}
