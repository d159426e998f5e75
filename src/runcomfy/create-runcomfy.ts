import { setTimeout as delay } from "node:timers/promises";

import ky from "ky";
import type { BaseLogger } from "pino";

import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import { isIdentifier } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { Call } from "./answer-error.ts";
import { toAnswerError } from "./answer-error.ts";
import { readLiveDeployments } from "./live-deployment.ts";
import { toNetworkError, toTimeoutError } from "./network-error.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import type { Answer } from "./read-answer.ts";
import { readAnswer } from "./read-answer.ts";
import type { ReadLimits, RequestReference, RunComfy } from "./runcomfy.ts";
import { MAX_LISTED_IDS } from "./runcomfy.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import { readCancelReport, readRequestId, readResultReport, readStatusReport } from "./wire.ts";

const MAX_RESULT_BYTES = 8 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The longest waits before retrying a submit that could not be sent; together less than a second. */
const UNSENT_DELAYS_MS = [250, 500] as const;

/** A gateway that was frozen this long between two tries may have lost the job to another, so it does not send again. */
const UNSENT_PATIENCE_MS = 2_000;

/** A probe's request id, which the upstream should not know: "not found" is an answer too. */
const PROBE_ID = "probe";

/** What one request needs. */
type CallRequest<Report> = {
  readonly call: Call;
  readonly path: string;
  readonly json?: JsonObject;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly readReport: (body: JsonValue) => Report | null;
};

/**
 * Speaks to RunComfy at `baseUrl` (whose path, if it has one, is kept), and nowhere else. `submitTimeoutMs`,
 * `cancelTimeoutMs` (10 s), `listTimeoutMs` (3 s), `probeTimeoutMs` (5 s) and the time of a read cover connecting, the
 * answer and its body.
 */
export function createRunComfy(options: {
  readonly baseUrl: string;
  readonly token: string;
  readonly submitTimeoutMs: number;
  readonly cancelTimeoutMs?: number;
  readonly listTimeoutMs?: number;
  readonly probeTimeoutMs?: number;
  readonly health: UpstreamHealth;
  readonly log: Pick<BaseLogger, "warn">;
  readonly channels?: Channels;
  /** Milliseconds since 1970, for a Retry-After with a date. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}): RunComfy {
  const { health, log, submitTimeoutMs, cancelTimeoutMs = 10_000, listTimeoutMs = 3_000 } = options;
  const { probeTimeoutMs = 5_000, now = Date.now, monotonic = () => performance.now() } = options;
  const { random = Math.random, sleep = delay, channels = createChannels() } = options;
  /** The last deployment that was called for a job; probes ask about it. */
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

  /** What the whole answer says within `timeoutMs`. Rejects with a `RunComfyError`, and with the signal's reason. */
  function send<Report>(request: CallRequest<Report>): Promise<Report> {
    if (!channels.call.hasSubscribers) return exchange(request);
    const { call } = request;
    const message = { call, method: toMethod(call), startedAt: performance.now() };
    return channels.call.tracePromise(() => exchange(request), message);
  }

  async function exchange<Report>(request: CallRequest<Report>): Promise<Report> {
    const { call, path, json, timeoutMs, signal } = request;
    const limitBytes = call === "result" ? MAX_RESULT_BYTES : MAX_ANSWER_BYTES;
    let httpStatus: number | null = null;
    // Held here to the end. A signal that only ky or fetch has is collected once the head is there, and ends no body.
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(toTimeoutError(call, httpStatus)), timeoutMs);
    const leave = (): void => ending.abort(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      const method = toMethod(call);
      const response = await http(path, { method, signal: ending.signal, ...(json && { json }) });
      httpStatus = response.status;
      channels.answered.publish(httpStatus);
      const reading = { limitBytes, signal: ending.signal, now: now() };
      const answer = await readAnswer(response, reading);
      const report = readHopedFor(call, answer, request.readReport);
      if (report !== null) return report;
      if (answer.retryAfterMs !== null) health.notePause(answer.retryAfterMs);
      throw toAnswerError(call, answer);
    } catch (thrown) {
      signal?.throwIfAborted();
      throw thrown instanceof RunComfyError ? thrown : toNetworkError(call, thrown);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Refuses a call that was aborted, that a pause forbids, or whose ids would change its path. */
  function openPath(call: Call, path: string | null, signal?: AbortSignal): string {
    signal?.throwIfAborted();
    const pausedForMs = health.pausedForMs();
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
    return path;
  }

  async function read<Report>(
    call: "status" | "result",
    request: RequestReference,
    limits: ReadLimits,
    readReport: (body: JsonValue) => Report | null,
  ): Promise<Report> {
    const { apiVersion, deploymentId } = request;
    const path = openPath(call, toRequestPath(request, call), limits.signal);
    lastCalled = { apiVersion, deploymentId };
    try {
      const report = await send({ ...limits, call, path, readReport });
      health.noteRead(null, deploymentId);
      return report;
    } catch (error) {
      if (error instanceof RunComfyError) health.noteRead(error, deploymentId);
      throw error;
    }
  }

  /** Notes whether a read that changes nothing was answered. Never rejects. */
  async function ask(
    call: "list" | "status",
    asked: Pick<CallRequest<unknown>, "readReport"> & { readonly path: string | null },
    deploymentId: string | null,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const path = openPath(call, asked.path, signal);
      await send({ ...asked, call, path, timeoutMs: probeTimeoutMs, signal });
      health.noteProbe(null, deploymentId);
    } catch (error) {
      if (error instanceof RunComfyError) health.noteProbe(error, deploymentId);
    }
  }

  return {
    async submit({ apiVersion, deploymentId, input }) {
      const startedAt = monotonic();
      for (let tries = 0; ; tries += 1) {
        const path = openPath("submit", toSubmitPath(apiVersion, deploymentId));
        lastCalled = { apiVersion, deploymentId };
        const timeoutMs = submitTimeoutMs - (monotonic() - startedAt);
        const request = { call: "submit", path, json: input, timeoutMs } as const;
        try {
          const requestId = await send({ ...request, readReport: readRequestId });
          health.noteSubmit(null, deploymentId);
          return requestId;
        } catch (error) {
          if (!(error instanceof RunComfyError)) throw error;
          const delayMs = error.delivery === "never-arrived" ? UNSENT_DELAYS_MS[tries] : undefined;
          if (delayMs !== undefined) {
            log.warn({ deploymentId }, "RunComfy could not be reached; sending the submit again.");
            await sleep(delayMs * (0.5 + 0.5 * random()));
            if (monotonic() - startedAt < Math.min(UNSENT_PATIENCE_MS, submitTimeoutMs / 2))
              continue;
          }
          health.noteSubmit(error, deploymentId);
          throw error;
        }
      }
    },
    readStatus: (request, limits) => read("status", request, limits, readStatusReport),
    readResult: (request, limits) => read("result", request, limits, readResultReport),
    async cancel(request, signal) {
      const path = openPath("cancel", toRequestPath(request, "cancel"), signal);
      const timeoutMs = cancelTimeoutMs;
      return await send({ call: "cancel", path, timeoutMs, signal, readReport: readCancelReport });
    },
    // No job depends on it, so its failures don't count as those of a read do; a Retry-After holds for all calls.
    async listDeployments(ids) {
      const listPath = toListPath(ids);
      if (listPath === null) return [];
      const path = openPath("list", listPath);
      const timeoutMs = listTimeoutMs;
      return await send({ call: "list", path, timeoutMs, readReport: readLiveDeployments });
    },
    async probe(deploymentId, signal) {
      const { apiVersion, deploymentId: lastId } = lastCalled;
      const askedId = deploymentId ?? lastId;
      const reference = { apiVersion, deploymentId: askedId, requestId: PROBE_ID };
      const status = { path: toRequestPath(reference, "status"), readReport: readStatusReport };
      const list = { path: toListPath([askedId]), readReport: readLiveDeployments };
      await Promise.all([
        ask("status", status, askedId, signal),
        // Each is a service of its own, and may fail for long, so either may tell the end of an outage of all.
        deploymentId === null && ask("list", list, null, signal),
      ]);
    },
  };
}

function toMethod(call: Call): "GET" | "POST" {
  return call === "submit" || call === "cancel" ? "POST" : "GET";
}

/** What an answer reports; null when it is not what the call hoped for. A 4xx may refuse a cancel in the words of a 200. */
function readHopedFor<Report>(
  call: Call,
  { httpStatus, body }: Answer,
  readReport: (body: JsonValue) => Report | null,
): Report | null {
  const isSuccess = httpStatus >= 200 && httpStatus < 300;
  const isRefusedCancel = call === "cancel" && httpStatus >= 400 && httpStatus < 500;
  if (body.kind !== "json" || !(isSuccess || isRefusedCancel)) return null;
  try {
    const report = readReport(body.value);
    return isSuccess || report === "not-cancellable" ? report : null;
  } catch (thrown) {
    // A bug in the reader is no failure of the upstream. Its message may quote the body, which must not be logged.
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    throw new RunComfyError(
      `The gateway could not read RunComfy's answer to the ${call} (${name}). Please report this as a bug in the gateway.`,
      { code: "INVALID_RESPONSE", delivery: "unknown", httpStatus },
    );
  }
}

/** The path below the upstream's base URL that submits to a deployment; null when an id would change its shape. */
function toSubmitPath(apiVersion: string, deploymentId: string): string | null {
  if (!isIdentifier(apiVersion) || !isIdentifier(deploymentId)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/inference`;
}

/**
 * The path below the upstream's base URL that lists all deployments, or the first 50 of these; ids that would change its
 * shape are left out, and null when none is left. Version 2 is the only one that has the list.
 */
function toListPath(deploymentIds: readonly string[] | "all"): string | null {
  if (deploymentIds === "all") return "prod/v2/deployments";
  const ids = deploymentIds.filter(isIdentifier).slice(0, MAX_LISTED_IDS);
  return ids.length === 0 ? null : `prod/v2/deployments?${ids.map((id) => `ids=${id}`).join("&")}`;
}

/** The path below the upstream's base URL for one call about a request; null when an id would change its shape. */
function toRequestPath(
  { apiVersion, deploymentId, requestId }: RequestReference,
  call: "status" | "result" | "cancel",
): string | null {
  if (![apiVersion, deploymentId, requestId].every(isIdentifier)) return null;
  return `prod/${apiVersion}/deployments/${deploymentId}/requests/${requestId}/${call}`;
}
