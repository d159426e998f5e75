import ky from "ky";

import { clock } from "../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray } from "../job/json.ts";
import { toNetworkError, toTimeoutError } from "./network-error.ts";
import type { Call } from "./runcomfy-error.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import { MAX_PAUSE_MS } from "./upstream-health.ts";

/** A deeper answer would overflow the stack of whatever walks it. */
const MAX_DEPTH = 200;

/** One HTTP request. */
export type TransportRequest = {
  /** As error texts name it. */
  readonly call: Call;
  readonly method: "GET" | "POST";
  /** Below the base URL; whoever makes it checks every id in it. */
  readonly path: string;
  readonly json?: JsonObject;
  /** Covers connecting, the answer and its body. */
  readonly timeoutMs: number;
  /** How large the answer's body may be, after decompression. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
};

/** A whole answer of the upstream, whatever it says. */
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

/** Sends requests to `baseUrl` (whose path, if it has one, is kept), and nowhere else. Knows nothing of what they ask for. */
export function createTransport({
  baseUrl,
  token,
  health,
  channels,
  now,
}: {
  readonly baseUrl: string;
  readonly token: string;
  readonly health: Pick<UpstreamHealth, "pausedForMs">;
  readonly channels: Pick<Channels, "answered">;
  /** Milliseconds since 1970, for a Retry-After with a date. */
  readonly now: () => number;
}) {
  const http = ky.create({
    prefix: baseUrl,
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    // A redirect is an answer like any other bad one: followed, it could take the token elsewhere.
    redirect: "manual",
    // Ky's own time-out ends with the head, and its retries sleep outside of it.
    timeout: false,
    retry: 0,
    throwHttpErrors: false,
  });

  return {
    /** Throws where a pause that RunComfy asked for forbids the call, and the signal's reason where that is aborted. */
    admit(call: Call, signal: AbortSignal | undefined): void {
      signal?.throwIfAborted();
      const pausedForMs = health.pausedForMs();
      if (pausedForMs === 0) return;
      throw new RunComfyError(
        `RunComfy asked for a pause, so the ${call} was not sent. Try again in ${Math.ceil(pausedForMs / 1_000)} seconds.`,
        { code: "RATE_LIMITED", delivery: "refused", retryAfterMs: pausedForMs },
      );
    },
    /** Sends it once. Rejects with a `RunComfyError` where no whole answer comes, and with the signal's reason. */
    async send(request: TransportRequest): Promise<Answer> {
      const { call, method, path, json, timeoutMs, maxBytes, signal } = request;
      let httpStatus: number | null = null;
      // Held here to the end. A signal that only ky or fetch has is collected once the head is there, and ends no body.
      const ending = new AbortController();
      const stopTimer = clock.setTimer(
        () => ending.abort(toTimeoutError(call, httpStatus)),
        timeoutMs,
      );
      const leave = (): void => ending.abort(signal?.reason);
      signal?.addEventListener("abort", leave, { once: true });
      try {
        const response = await http(path, { method, signal: ending.signal, ...(json && { json }) });
        httpStatus = response.status;
        channels.answered.publish(httpStatus);
        const retryAfterMs = readRetryAfterMs(response.headers.get("retry-after"), now());
        const body = await readBody(response, maxBytes, ending.signal).catch((thrown: unknown) => {
          if (response.ok) throw thrown;
          // The body of an error may break off or never end; its status says enough.
          return { kind: "unreadable", why: "broken off" } as const;
        });
        return { httpStatus, retryAfterMs, body };
      } catch (thrown) {
        signal?.throwIfAborted();
        throw thrown instanceof RunComfyError ? thrown : toNetworkError(call, thrown);
      } finally {
        stopTimer();
        signal?.removeEventListener("abort", leave);
      }
    },
  };
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

/** Hangs up on a body that goes on. Rejects when the connection breaks, and once the signal is aborted with its reason. */
async function readBody(response: Response, maxBytes: number, signal: AbortSignal): Promise<Body> {
  signal.throwIfAborted();
  const reader = response.body?.getReader();
  if (reader === undefined) return toJson("");
  // Closes the connection, and ends a read that waits, whether or not fetch still hears of the signal.
  const hangUp = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", hangUp, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      bytes += chunk.value.byteLength;
      if (bytes > maxBytes) {
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
    return isDeeperThan(MAX_DEPTH, value)
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
