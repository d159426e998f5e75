import type { BaseLogger } from "pino";

import { chance, clock } from "../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { toAnswerError } from "./answer-error.ts";
import { readLiveDeployments } from "./live-deployment.ts";
import type { ReadLimits, RequestReference, RunComfy } from "./runcomfy.ts";
import type { Call } from "./runcomfy-error.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import type { Answer } from "./transport.ts";
import { createTransport } from "./transport.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import {
  readCancelReport,
  readRequestId,
  readResultReport,
  readStatusReport,
  toListPath,
  toRequestPath,
  toSubmitPath,
} from "./wire.ts";

const MAX_RESULT_BYTES = 8 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The longest waits before retrying a submit that could not be sent; together less than a second. */
const UNSENT_DELAYS_MS = [250, 500] as const;

/** A gateway that was frozen this long between two tries may have lost the job to another, so it does not send again. */
const UNSENT_PATIENCE_MS = 2_000;

/** A probe's request id, which the upstream should not know: "not found" is an answer too. */
const PROBE_ID = "probe";

/** What one call sends, and how it reads the answer. */
type CallRequest<Report> = {
  readonly call: Call;
  /** Null when an id would change its shape. */
  readonly path: string | null;
  readonly json?: JsonObject;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** What the body of a 2xx says, or null when it is not the answer to the call. */
  readonly readReport: (body: JsonValue) => Report | null;
  /** The same of a 4xx; without it a 4xx says nothing but an error. */
  readonly readRefusal?: (body: JsonValue) => Report | null;
};

/**
 * RunComfy's Serverless API (LoRA): its paths, its bodies, and what its answers mean. `submitTimeoutMs`,
 * `cancelTimeoutMs` (10 s), `listTimeoutMs` (3 s), `probeTimeoutMs` (5 s) and the time of a read cover connecting, the
 * answer and its body.
 */
export function createRunComfy(options: {
  /** Its path, if it has one, is kept. */
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
  const { baseUrl, token, health, log, submitTimeoutMs, cancelTimeoutMs = 10_000 } = options;
  const { listTimeoutMs = 3_000, probeTimeoutMs = 5_000, now = clock.now } = options;
  const { monotonic = clock.monotonic, random = chance.random, sleep = clock.sleep } = options;
  const { channels = createChannels() } = options;
  const transport = createTransport({ baseUrl, token, health, channels, now });
  /** The last deployment that was called for a job; probes ask about it. */
  let lastCalled = { apiVersion: "v1", deploymentId: PROBE_ID };

  /** What the answer says. Rejects with a `RunComfyError`, and with the signal's reason. */
  async function perform<Report>(request: CallRequest<Report>): Promise<Report> {
    const { call, path, signal } = request;
    transport.admit(call, signal);
    if (path === null)
      throw new RunComfyError(
        `The ${call} was not sent: an id in it is not made of letters, digits, "_" and "-". Check the deployment's id.`,
        { code: "NOT_FOUND", delivery: "refused" },
      );
    if (!channels.call.hasSubscribers) return await exchange(path, request);
    const message = { call, method: toMethod(call), startedAt: clock.monotonic() };
    return await channels.call.tracePromise(() => exchange(path, request), message);
  }

  async function exchange<Report>(path: string, request: CallRequest<Report>): Promise<Report> {
    const { call, json, timeoutMs, signal, readReport, readRefusal } = request;
    const maxBytes = call === "result" ? MAX_RESULT_BYTES : MAX_ANSWER_BYTES;
    const sent = { call, method: toMethod(call), path, timeoutMs, maxBytes, signal };
    const answer = await transport.send({ ...sent, ...(json && { json }) });
    const isRefusal = answer.httpStatus >= 400 && answer.httpStatus < 500;
    const isSuccess = answer.httpStatus >= 200 && answer.httpStatus < 300;
    const reader = isSuccess ? readReport : isRefusal ? readRefusal : undefined;
    const report = reader === undefined ? null : readSafely(call, answer, reader);
    if (report !== null) return report;
    if (answer.retryAfterMs !== null) health.notePause(answer.retryAfterMs);
    throw toAnswerError(call, answer);
  }

  async function read<Report>(
    call: "status" | "result",
    request: RequestReference,
    limits: ReadLimits,
    readReport: (body: JsonValue) => Report | null,
  ): Promise<Report> {
    const { apiVersion, deploymentId } = request;
    const path = toRequestPath(request, call);
    if (path !== null) lastCalled = { apiVersion, deploymentId };
    try {
      const report = await perform({ ...limits, call, path, readReport });
      health.noteRead(null, deploymentId);
      return report;
    } catch (error) {
      if (error instanceof RunComfyError) health.noteRead(error, deploymentId);
      throw error;
    }
  }

  /** Notes whether a read that changes nothing was answered. Never rejects. */
  async function ask(
    request: Omit<CallRequest<unknown>, "timeoutMs">,
    deploymentId: string | null,
  ): Promise<void> {
    try {
      await perform({ ...request, timeoutMs: probeTimeoutMs });
      health.noteProbe(null, deploymentId);
    } catch (error) {
      if (error instanceof RunComfyError) health.noteProbe(error, deploymentId);
    }
  }

  return {
    async submit({ apiVersion, deploymentId, input }) {
      const startedAt = monotonic();
      const path = toSubmitPath(apiVersion, deploymentId);
      if (path !== null) lastCalled = { apiVersion, deploymentId };
      const request = { call: "submit", path, json: input, readReport: readRequestId } as const;
      for (let tries = 0; ; tries += 1) {
        try {
          const timeoutMs = submitTimeoutMs - (monotonic() - startedAt);
          const requestId = await perform({ ...request, timeoutMs });
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
    cancel: async (request, signal) =>
      await perform({
        ...{ call: "cancel", path: toRequestPath(request, "cancel"), signal },
        timeoutMs: cancelTimeoutMs,
        readReport: readCancelReport,
        // A 4xx may refuse it in the words of a 200.
        readRefusal(body) {
          const report = readCancelReport(body);
          return report === "not-cancellable" ? report : null;
        },
      }),
    // No job depends on it, so its failures don't count as those of a read do; a Retry-After holds for all calls.
    listDeployments: async (ids) =>
      await perform({
        ...{ call: "list", path: toListPath(ids) },
        timeoutMs: listTimeoutMs,
        readReport: readLiveDeployments,
      }),
    async probe(deploymentId, signal) {
      const { apiVersion, deploymentId: lastId } = lastCalled;
      const askedId = deploymentId ?? lastId;
      const reference = { apiVersion, deploymentId: askedId, requestId: PROBE_ID };
      const path = toRequestPath(reference, "status");
      const list = { path: toListPath([askedId]), readReport: readLiveDeployments };
      await Promise.all([
        ask({ call: "status", path, readReport: readStatusReport, signal }, askedId),
        // Each is a service of its own, and may fail for long, so either may tell the end of an outage of all.
        deploymentId === null && ask({ ...list, call: "list", signal }, null),
      ]);
    },
  };
}

function toMethod(call: Call): "GET" | "POST" {
  return call === "submit" || call === "cancel" ? "POST" : "GET";
}

/** A bug in the reader is no failure of the upstream. Its message may quote the body, which must not be logged. */
function readSafely<Report>(
  call: Call,
  { httpStatus, body }: Answer,
  read: (body: JsonValue) => Report | null,
): Report | null {
  if (body.kind !== "json") return null;
  try {
    return read(body.value);
  } catch (thrown) {
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    throw new RunComfyError(
      `The gateway could not read RunComfy's answer to the ${call} (${name}). Please report this as a bug in the gateway.`,
      { code: "INVALID_RESPONSE", delivery: "unknown", httpStatus },
    );
  }
}
