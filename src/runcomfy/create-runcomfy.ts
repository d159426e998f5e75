import type { BaseLogger } from "pino";

import { chance, clock } from "../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import type { CallRequest } from "./transport.ts";
import { createTransport } from "./transport.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import type { CancelReport, LiveDeployment, RequestReference } from "./wire.ts";
import {
  readCancelReport,
  readLiveDeployments,
  readRequestId,
  readResultReport,
  readStatusReport,
  toListPath,
  toRequestPath,
  toSubmitPath,
} from "./wire.ts";

/** The longest waits before retrying a submit that could not be sent; together less than a second. */
const UNSENT_DELAYS_MS = [250, 500] as const;

/** A gateway that was frozen this long between two tries may have lost the job to another, so it does not send again. */
const UNSENT_PATIENCE_MS = 2_000;

/** A probe's request id, which the upstream should not know: "not found" is an answer too. */
const PROBE_ID = "probe";

export type RunComfy = ReturnType<typeof createRunComfy>;

/** What ends a read early: the caller, or so many milliseconds. */
type ReadLimits = { readonly signal: AbortSignal; readonly timeoutMs: number };

type Submission = {
  readonly apiVersion: string;
  readonly deploymentId: string;
  readonly input: JsonObject;
};

/**
 * RunComfy's Serverless API (LoRA): its five calls in the gateway's words, and a probe. Each call makes exactly one HTTP
 * request and never repeats it (but for `submit`, while it could not be sent), and rejects with a `RunComfyError` for
 * whatever is not the answer it hoped for. Time-outs cover connecting, the answer and its body.
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
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch;
}) {
  const { baseUrl, token, health, log, submitTimeoutMs, cancelTimeoutMs = 10_000 } = options;
  const { listTimeoutMs = 3_000, probeTimeoutMs = 5_000, channels = createChannels() } = options;
  const { monotonic = clock.monotonic, random = chance.random, sleep = clock.sleep } = options;
  const perform = createTransport({ baseUrl, token, health, channels, fetch: options.fetch });
  /** The last deployment that was called for a job; probes ask about it. */
  let lastCalled = { apiVersion: "v1", deploymentId: PROBE_ID };

  /** Submits one job and returns the upstream's id for it. */
  async function submit({ apiVersion, deploymentId, input }: Submission): Promise<string> {
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
          if (monotonic() - startedAt < Math.min(UNSENT_PATIENCE_MS, submitTimeoutMs / 2)) continue;
        }
        health.noteSubmit(error, deploymentId);
        throw error;
      }
    }
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

  async function cancel(request: RequestReference, signal: AbortSignal): Promise<CancelReport> {
    return await perform({
      ...{ call: "cancel", path: toRequestPath(request, "cancel"), signal },
      timeoutMs: cancelTimeoutMs,
      readReport: readCancelReport,
      // A 4xx may refuse it in the words of a 200.
      readRefusal(body) {
        const report = readCancelReport(body);
        return report === "not-cancellable" ? report : null;
      },
    });
  }

  /**
   * These deployments, as far as the upstream lists them, or all that it has; it may list others, in any order. No job
   * depends on it, so its failures don't count as those of a read do.
   */
  async function listDeployments(ids: readonly string[] | "all"): Promise<LiveDeployment[]> {
    const request = { call: "list", path: toListPath(ids), timeoutMs: listTimeoutMs } as const;
    return await perform({ ...request, readReport: readLiveDeployments });
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

  /** Finds out whether a deployment answers, or (null) RunComfy as a whole, and notes it. Never rejects. */
  async function probe(deploymentId: string | null, signal: AbortSignal): Promise<void> {
    const reference = { ...lastCalled, ...(deploymentId !== null && { deploymentId }) };
    const path = toRequestPath({ ...reference, requestId: PROBE_ID }, "status");
    const list = { path: toListPath([reference.deploymentId]), readReport: readLiveDeployments };
    await Promise.all([
      ask({ call: "status", path, readReport: readStatusReport, signal }, reference.deploymentId),
      // Each is a service of its own, and may fail for long, so either may show the end of an outage of all.
      deploymentId === null && ask({ ...list, call: "list", signal }, null),
    ]);
  }

  return {
    submit,
    readStatus: (request: RequestReference, limits: ReadLimits) =>
      read("status", request, limits, readStatusReport),
    readResult: (request: RequestReference, limits: ReadLimits) =>
      read("result", request, limits, readResultReport),
    cancel,
    listDeployments,
    probe,
  };
}
