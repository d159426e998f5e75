import { setTimeout as delay } from "node:timers/promises";

import ky from "ky";
import type { BaseLogger } from "pino";

import type { JsonObject, JsonValue } from "../job/json.ts";
import type { Answer, Call } from "./answer-error.ts";
import { toAnswerError } from "./answer-error.ts";
import { readLiveDeployments } from "./live-deployment.ts";
import { isConnectionRefused, toNetworkError, toTimeoutError } from "./network-error.ts";
import type { Pace } from "./pace.ts";
import type { Body } from "./read-body.ts";
import { readBody } from "./read-body.ts";
import { toListPath, toRequestPath, toSubmitPath } from "./request-path.ts";
import { readRetryAfterMs } from "./retry-after.ts";
import type { RequestReference, RunComfy } from "./runcomfy.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import { readCancelReport, readRequestId, readResultReport, readStatusReport } from "./wire.ts";

const LARGEST_RESULT_BYTES = 8 * 1024 * 1024;
const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** How long before a refused connection is tried again, at most; together less than a second. */
const REFUSED_DELAYS_MS = [250, 500] as const;

/** Stands in a probe for a request, which the upstream is not expected to know: its "not found" is an answer too. */
const PROBE_ID = "probe";

/** A gateway that was frozen for so long between two tries may have lost the job to another: it does not send again. */
const REFUSED_PATIENCE_MS = 2_000;

/**
 * Speaks to RunComfy at `baseUrl` (whose path, if it has one, is kept), and nowhere else. `submitTimeoutMs`,
 * `readTimeoutMs` (10 s; cancels too), `listTimeoutMs` (3 s) and `probeTimeoutMs` (5 s) cover connecting, the answer and
 * its body.
 */
export function createRunComfy(options: {
  readonly baseUrl: string;
  readonly token: string;
  readonly submitTimeoutMs: number;
  readonly readTimeoutMs?: number;
  readonly listTimeoutMs?: number;
  readonly probeTimeoutMs?: number;
  readonly pace: Pace;
  readonly log: Pick<BaseLogger, "warn">;
  /** Milliseconds since 1970, to which a Retry-After with a date is compared. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}): RunComfy {
  const { pace, log, submitTimeoutMs, readTimeoutMs = 10_000, listTimeoutMs = 3_000 } = options;
  const { probeTimeoutMs = 5_000 } = options;
  const { now = Date.now, random = Math.random, sleep = delay } = options;
  const { monotonic = () => performance.now() } = options;
  /** The deployment that was last called for a job, which is what a probe asks about. */
  let lastCalled = { apiVersion: "v1", deploymentId: PROBE_ID };
  const http = ky.create({
    prefix: options.baseUrl,
    headers: { authorization: `Bearer ${options.token}`, accept: "application/json" },
    // A redirect is an answer like any other bad one: followed, it could take the token elsewhere.
    redirect: "manual",
    // Ky's own time-out ends with the head, and its retries sleep outside of it.
    timeout: false,
    retry: 0,
    throwHttpErrors: false,
  });

  /**
   * One request and its whole answer, head and body, within `timeoutMs`. Rejects with what fetch throws when there is none,
   * with a `RunComfyError` when it takes too long, and with the signal's reason.
   */
  async function send(request: {
    readonly call: Call;
    readonly path: string;
    readonly json?: JsonObject;
    readonly limitBytes?: number;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<Answer> {
    const { call, path, json, limitBytes = LARGEST_ANSWER_BYTES, timeoutMs, signal } = request;
    signal?.throwIfAborted();
    let httpStatus: number | null = null;
    // Held here to the end. A signal that only ky or fetch has is collected once the head is there, and ends no body.
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(toTimeoutError(call, httpStatus)), timeoutMs);
    const leave = (): void => ending.abort(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      const method = call === "submit" || call === "cancel" ? "post" : "get";
      const response = await http(path, { method, signal: ending.signal, ...(json && { json }) });
      httpStatus = response.status;
      return {
        httpStatus,
        retryAfterMs: readRetryAfterMs(response.headers.get("retry-after"), now()),
        body: await readBodyOf(response, limitBytes, ending.signal),
      };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Reads the answer with `readReport`; one that it can't read is an error, and so is everything but a 2xx. */
  function readAnswer<T>(call: Call, answer: Answer, readReport: (body: JsonValue) => T | null): T {
    const report = readSuccess(call, answer, readReport);
    if (report !== null) return report;
    if (answer.retryAfterMs !== null) pace.notePause(answer.retryAfterMs);
    throw toAnswerError(call, answer);
  }

  async function read<T>(
    call: "status" | "result",
    request: RequestReference,
    signal: AbortSignal,
    limitBytes: number,
    readReport: (body: JsonValue) => T | null,
  ): Promise<T> {
    signal.throwIfAborted();
    const path = openPath(call, toRequestPath(request, call));
    noteCalled(request);
    const answersBefore = pace.countAnswers();
    try {
      const answer = await send({ call, path, limitBytes, timeoutMs: readTimeoutMs, signal });
      const report = readAnswer(call, answer, readReport);
      pace.noteRead(null, request.deploymentId);
      return report;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toError(call, thrown);
      pace.noteRead(error, request.deploymentId, answersBefore);
      throw error;
    }
  }

  /** Refuses a call that the pace forbids, or whose ids would make another call of it. */
  function openPath(call: Call, path: string | null): string {
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) {
      throw new RunComfyError(
        `RunComfy asked for a pause, so the ${call} was not sent. Try again in ${Math.ceil(pausedForMs / 1_000)} seconds.`,
        { code: "RATE_LIMITED", delivery: "refused", retryAfterMs: pausedForMs },
      );
    }
    if (path === null) {
      throw new RunComfyError(
        `The ${call} was not sent: an id in it is not made of letters, digits, "_" and "-". Check the deployment's id.`,
        { code: "NOT_FOUND", delivery: "refused" },
      );
    }
    return path;
  }

  function noteCalled({ apiVersion, deploymentId }: typeof lastCalled): void {
    lastCalled = { apiVersion, deploymentId };
  }

  return {
    async submit({ apiVersion, deploymentId, input }) {
      const startedAt = monotonic();
      const answersBefore = pace.countAnswers();
      for (let refusals = 0; ; refusals += 1) {
        const path = openPath("submit", toSubmitPath(apiVersion, deploymentId));
        noteCalled({ apiVersion, deploymentId });
        try {
          const timeoutMs = submitTimeoutMs - (monotonic() - startedAt);
          const answer = await send({ call: "submit", path, json: input, timeoutMs });
          const requestId = readAnswer("submit", answer, readRequestId);
          pace.noteSubmit(null, deploymentId);
          return requestId;
        } catch (thrown) {
          const delayMs = isConnectionRefused(thrown) ? REFUSED_DELAYS_MS[refusals] : undefined;
          if (delayMs !== undefined) {
            log.warn(
              { deploymentId },
              "RunComfy refused the connection; the submit is sent again.",
            );
            await sleep(delayMs * (0.5 + 0.5 * random()));
            if (monotonic() - startedAt < REFUSED_PATIENCE_MS) continue;
          }
          const error = toError("submit", thrown);
          pace.noteSubmit(error, deploymentId, answersBefore);
          throw error;
        }
      }
    },
    readStatus: (request, signal) =>
      read("status", request, signal, LARGEST_ANSWER_BYTES, readStatusReport),
    readResult: (request, signal) =>
      read("result", request, signal, LARGEST_RESULT_BYTES, readResultReport),
    async cancel(request, signal) {
      signal.throwIfAborted();
      const path = openPath("cancel", toRequestPath(request, "cancel"));
      try {
        const answer = await send({ call: "cancel", path, timeoutMs: readTimeoutMs, signal });
        if (isNotCancellable(answer)) return "not-cancellable";
        return readAnswer("cancel", answer, readCancelReport);
      } catch (thrown) {
        signal.throwIfAborted();
        throw toError("cancel", thrown);
      }
    },
    // Its failures are not noted as those of a read, since no job depends on it; a Retry-After holds for all calls.
    async listDeployments(ids) {
      const listPath = toListPath(ids);
      if (listPath === null) return [];
      const path = openPath("list", listPath);
      try {
        const answer = await send({ call: "list", path, timeoutMs: listTimeoutMs });
        return readAnswer("list", answer, readLiveDeployments);
      } catch (thrown) {
        throw toError("list", thrown);
      }
    },
    async probe(probe, signal) {
      const { call } = probe;
      const { apiVersion } = lastCalled;
      const deploymentId = probe.deploymentId ?? lastCalled.deploymentId;
      const path =
        call === "list"
          ? toListPath([deploymentId])
          : toRequestPath({ apiVersion, deploymentId, requestId: PROBE_ID }, call);
      try {
        const timeoutMs = probeTimeoutMs;
        const answer = await send({ call, path: openPath(call, path), timeoutMs, signal });
        readAnswer<unknown>(call, answer, call === "list" ? readLiveDeployments : readStatusReport);
        pace.noteProbe(null, probe);
      } catch (thrown) {
        if (!signal.aborted) pace.noteProbe(toError(call, thrown), probe);
      }
    },
  };
}

function readSuccess<T>(
  call: Call,
  { httpStatus, body }: Answer,
  readReport: (body: JsonValue) => T | null,
): T | null {
  if (httpStatus < 200 || httpStatus >= 300 || body.kind !== "json") return null;
  try {
    return readReport(body.value);
  } catch (thrown) {
    // A mistake of the reader's is no failure of the upstream. What it says may quote the body, which no log may have.
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    throw new RunComfyError(
      `The gateway could not read RunComfy's answer to the ${call} (${name}). Please report this as a mistake in the gateway.`,
      { code: "INVALID_RESPONSE", delivery: "unknown", httpStatus },
    );
  }
}

/** A refusal to cancel may come as a 4xx that says so in the words of a 200. */
function isNotCancellable({ httpStatus, body }: Answer): boolean {
  if (httpStatus < 400 || httpStatus >= 500 || body.kind !== "json") return false;
  return readCancelReport(body.value) === "not-cancellable";
}

/** The body of an error may break off or never end: its status has said enough. */
async function readBodyOf(
  response: Response,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Body> {
  try {
    return await readBody(response, limitBytes, signal);
  } catch (thrown) {
    if (response.ok) throw thrown;
    return { kind: "unreadable", why: "broken off" };
  }
}

function toError(call: Call, thrown: unknown): RunComfyError {
  return thrown instanceof RunComfyError ? thrown : toNetworkError(call, thrown);
}
