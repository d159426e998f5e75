import ky from "ky";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { Answer, ErrorMeanings } from "./answer-error.ts";
import { toAnswerError } from "./answer-error.ts";
import { readAnswer, type Reading, toUnreadable } from "./read-answer.ts";
import type { Call } from "./runcomfy-error.ts";
import { RunComfyError, toNetworkError, toTimeoutError } from "./runcomfy-error.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import { MAX_PAUSE_MS } from "./upstream-health.ts";

/** How large an answer's body may be, after decompression. */
const MAX_RESULT_BYTES = 8 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;
/** What is larger takes long to fetch and to read. */
const LARGE_BYTES = 256 * 1024;

/** What one call sends, and how it reads the answer. */
export type CallRequest<Report> = {
  readonly call: Call;
  /** Below the base URL; null when an id would change its shape. */
  readonly path: string | null;
  readonly json?: JsonObject;
  /** Covers connecting, the answer and its body. */
  readonly timeoutMs: number;
  /** How large its body may be, after decompression; by default as large as that of its call. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** What the body of a 2xx says, or null when it is not the answer to the call. */
  readonly readReport: (body: JsonValue) => Report | null;
  /** The same of a 4xx; without it a 4xx says nothing but an error. */
  readonly readRefusal?: ((body: JsonValue) => Report | null) | undefined;
  /** Called with the request that an answer says it is about. */
  readonly onRequestId?: (requestId: string) => void;
  readonly errors: ErrorMeanings;
};

/** Makes calls to `baseUrl` (whose path, if it has one, is kept), and to nowhere else. Knows nothing of what they ask for. */
export function createTransport(options: {
  readonly baseUrl: string;
  readonly token: string;
  readonly health: Pick<UpstreamHealth, "pausedForMs" | "notePause">;
  readonly channels: Pick<Channels, "call" | "answered">;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}) {
  const { baseUrl, token, health, channels, fetch } = options;
  const http = ky.create({
    prefix: baseUrl,
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    // A redirect is an answer like any other bad one: followed, it could take the token elsewhere.
    redirect: "manual",
    // Ky's own time-out ends with the head, and its retries sleep outside of it.
    timeout: false,
    retry: 0,
    throwHttpErrors: false,
    ...(fetch && { fetch }),
  });

  /** Sends it once. Rejects with a `RunComfyError` where no whole answer comes, and with the signal's reason. */
  async function send<Report>(
    path: string,
    method: string,
    request: Omit<CallRequest<Report>, "path">,
  ): Promise<Answer & Reading<Report>> {
    const { call, json, timeoutMs, signal } = request;
    let httpStatus: number | null = null;
    // Held here to the end. A signal that only ky or fetch has is collected once the head is there, and ends no body.
    const ending = new AbortController();
    const timeOut = (): void => ending.abort(toTimeoutError(call, httpStatus));
    const stopTimer = clock.setTimer(timeOut, timeoutMs);
    const leave = (): void => ending.abort(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      const response = await http(path, { method, signal: ending.signal, ...(json && { json }) });
      httpStatus = response.status;
      channels.answered.publish(httpStatus);
      const retryAfterMs = readRetryAfterMs(response.headers.get("retry-after"), clock.now());
      const mostBytes = call === "result" && response.ok ? MAX_RESULT_BYTES : MAX_ANSWER_BYTES;
      const { maxBytes = mostBytes } = request;
      const reading = readBody(response, maxBytes, ending.signal);
      const body = await reading.catch((thrown: unknown) => {
        if (response.ok) throw thrown;
        // The body of an error may break off or never end; its status says enough.
        return "broken off" as const;
      });
      const isLarge = body === "too large" || body.length > LARGE_BYTES;
      const said = typeof body === "string" ? toUnreadable(body) : read(response, body, request);
      return { httpStatus, retryAfterMs, isLarge, ...said };
    } catch (thrown) {
      signal?.throwIfAborted();
      throw thrown instanceof RunComfyError ? thrown : toNetworkError(call, thrown);
    } finally {
      stopTimer();
      signal?.removeEventListener("abort", leave);
    }
  }

  /** What the answer to one call says. Rejects with a `RunComfyError`, and with the signal's reason. */
  return async function perform<Report>(request: CallRequest<Report>): Promise<Report> {
    const { call, path, signal, onRequestId } = request;
    signal?.throwIfAborted();
    const pausedForMs = health.pausedForMs();
    // Mutant: a pause that nobody keeps
    if (pausedForMs > 0)
      throw new RunComfyError(
        `RunComfy asked for a pause, so the ${call} was not sent. Try again in ${Math.ceil(pausedForMs / 1_000)} seconds.`,
        { code: "RATE_LIMITED", delivery: "refused", retryAfterMs: pausedForMs },
      );
    if (path === null)
      throw new RunComfyError(
        `The ${call} was not sent: an id in it is not made of letters, digits, "_" and "-". Check the deployment's id.`,
        { code: "NOT_FOUND", delivery: "refused" },
      );
    const method = call === "submit" || call === "cancel" ? "POST" : "GET";
    const exchange = async (): Promise<Report> => {
      const answer = await send(path, method, request);
      const { report, requestId, retryAfterMs } = answer;
      if (report !== null) {
        if (requestId !== null) onRequestId?.(requestId);
        return report;
      }
      if (retryAfterMs !== null) health.notePause(retryAfterMs);
      throw toAnswerError(call, answer, request.errors);
    };
    const message = { call, method, startedAt: clock.monotonic() };
    return await channels.call.tracePromise(exchange, message);
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

function read<Report>(
  { ok, status }: Response,
  bytes: Uint8Array,
  { call, readReport, readRefusal }: Omit<CallRequest<Report>, "path">,
): Reading<Report> {
  try {
    const isRefusal = status >= 400 && status < 500;
    return readAnswer(bytes, ok ? readReport : isRefusal ? readRefusal : undefined);
  } catch {
    // A bug in a reader is no failure of the upstream. Its message may quote the body, which must not be logged.
    throw new RunComfyError(
      `The gateway could not read RunComfy's answer to the ${call}. Please report this as a bug in the gateway.`,
      { code: "INVALID_RESPONSE", delivery: "unknown", isRefused: true },
    );
  }
}

/** Hangs up on a body that goes on. Rejects when the connection breaks, and once the signal is aborted with its reason. */
async function readBody(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | "too large"> {
  signal.throwIfAborted();
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  // Closes the connection and ends a pending read, whether or not fetch still handles the signal.
  const hangUp = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", hangUp, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      bytes += chunk.value.byteLength;
      if (bytes > maxBytes) {
        hangUp();
        return "too large";
      }
      chunks.push(chunk.value);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", hangUp);
  }
  return Buffer.concat(chunks);
}
