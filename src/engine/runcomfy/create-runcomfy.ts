import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { chance, clock } from "../../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import type { JsonObject } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import type { CallRequest } from "./transport.ts";
import { createTransport } from "./transport.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import type { RequestReference, Target } from "./adapter.ts";
import { DEFAULT_KIND, findAdapter, findKindById } from "./kinds/find-kind.ts";
import { BALANCE_PATH, readBalance as readBalanceAnswer } from "./read-balance.ts";
import type { LiveDeployment } from "./read-deployments.ts";
import {
  PAYLOAD_BOUNDS,
  readDeploymentKind,
  readLiveDeployments,
  toDeploymentPath,
  toListPath,
} from "./read-deployments.ts";
import { DEPLOYMENT_ERRORS, mayFailForAll, MODELS_OFF_STEP } from "./services.ts";
import type { CancelReport, ResultReport, StatusReport } from "./wire.ts";
import { readRequestId } from "./wire.ts";

/** The longest waits before retrying a submit that could not be sent; together less than a second. */
const UNSENT_DELAYS_MS = [250, 500] as const;

/** A gateway that was frozen this long between two tries may have lost the job to another, so it does not send again. */
const UNSENT_PATIENCE_MS = 2_000;

const LIST = { readReport: readLiveDeployments, errors: DEPLOYMENT_ERRORS };

const MODELS_OFF = `Models are off, so nothing was sent. ${MODELS_OFF_STEP}`;
const MODELS_OFF_MEANS = { code: "DEPLOYMENT_DISABLED", delivery: "refused" } as const;

const ANOTHER_REQUEST =
  "RunComfy answered about another request than it was asked about, and is believed. Compare the deployment's latest outputs with what RunComfy's dashboard shows, and report it to RunComfy if they differ.";
/** Of which something is remembered; beyond this, what came the longest ago is forgotten. */
const MAX_DEPLOYMENTS = 1_000;

/** A probe's request id, which the upstream should not know: "not found" is an answer too. */
const PROBE_ID = "probe";

export type RunComfy = ReturnType<typeof createRunComfy>;

/** What ends a read early: the caller, or a time-out in milliseconds. */
type ReadLimits = { readonly signal: AbortSignal; readonly timeoutMs: number };

type Submission = Target & {
  readonly body: JsonObject;
  /** What RunComfy calls when the job has ended, if it takes that. */
  readonly webhook?: string | null;
  /** It is not sent again later than that, in ms. */
  readonly leavesWithinMs?: number;
};

/**
 * RunComfy's job APIs: their six calls in the gateway's words, and a probe. Each call makes exactly one HTTP
 * request and never repeats it (but for `submit`, while it could not be sent), and rejects with a `RunComfyError` for
 * whatever is not the answer it hoped for. Time-outs cover connecting, the answer and its body.
 */
export function createRunComfy(options: {
  /** Its path, if it has one, is kept, as that of `modelUrl` is. */
  readonly baseUrl: string;
  /** Null where models are off, as they are by default. */
  readonly modelUrl?: string | null;
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
  const { baseUrl, modelUrl = null, token, health, log, submitTimeoutMs } = options;
  const { cancelTimeoutMs = 10_000 } = options;
  const { listTimeoutMs = 3_000, probeTimeoutMs = 5_000, channels = createChannels() } = options;
  const { monotonic = clock.monotonic, random = chance.random, sleep = clock.sleep } = options;
  const logged = new LRUCache<string, true>({ max: MAX_DEPLOYMENTS });
  const connect = (url: string) =>
    createTransport({ baseUrl: url, token, health, channels, fetch: options.fetch });
  const perform = connect(baseUrl);
  const transports = { deployments: perform, models: modelUrl === null ? null : connect(modelUrl) };
  const probed = createProbedTargets();

  /** Makes a call to the service of its target. */
  async function performFor<Report>(
    { kind }: Target,
    request: Omit<CallRequest<Report>, "errors">,
  ): Promise<Report> {
    const { service, errors } = findAdapter(kind);
    const send = transports[service];
    if (send === null) throw new RunComfyError(MODELS_OFF, MODELS_OFF_MEANS);
    return await send({ ...request, errors });
  }

  /** Submits one job and returns the upstream's id for it. */
  async function submit(submission: Submission): Promise<string> {
    const startedAt = monotonic();
    const { body, webhook = null, leavesWithinMs = Infinity, ...target } = submission;
    const patienceMs = Math.min(UNSENT_PATIENCE_MS, submitTimeoutMs / 2, leavesWithinMs);
    const { kind, deploymentId } = target;
    const { service, toSubmitPath } = findAdapter(kind);
    const path = toSubmitPath(target, webhook);
    if (path !== null) probed.noteCalled(target, false);
    const request = { call: "submit", path, json: body, readReport: readRequestId } as const;
    for (let tries = 0; ; tries += 1) {
      try {
        const timeoutMs = submitTimeoutMs - (monotonic() - startedAt);
        const requestId = await performFor(target, { ...request, timeoutMs });
        probed.noteCalled(target, true);
        health.noteSubmit(null, deploymentId, service);
        return requestId;
      } catch (error) {
        if (!(error instanceof RunComfyError)) throw error;
        const delayMs = error.delivery === "never-arrived" ? UNSENT_DELAYS_MS[tries] : undefined;
        if (delayMs !== undefined) {
          log.warn({ deploymentId }, "RunComfy could not be reached; sending the submit again.");
          await sleep(delayMs * (0.5 + 0.5 * random()));
          if (monotonic() - startedAt < patienceMs) continue;
        }
        probed.noteFailed(target);
        health.noteSubmit(error, deploymentId, service);
        throw error;
      }
    }
  }

  function warnOfAnother(deploymentId: string): void {
    if (logged.get(deploymentId) === true) return;
    logged.set(deploymentId, true);
    log.warn({ deploymentId }, ANOTHER_REQUEST);
  }

  async function read<Report>(
    call: "status" | "result",
    request: RequestReference,
    limits: ReadLimits,
    readers: Pick<CallRequest<Report>, "readReport" | "readRefusal">,
  ): Promise<Report> {
    const { deploymentId } = request;
    const { service, toRequestPath } = findAdapter(request.kind);
    const path = toRequestPath(request, call);
    if (path !== null) probed.noteCalled(request, false);
    const onRequestId = (requestId: string): void => {
      if (requestId !== request.requestId) warnOfAnother(deploymentId);
    };
    try {
      const report = await performFor(request, { ...limits, ...readers, onRequestId, call, path });
      probed.noteCalled(request, true);
      health.noteRead(null, deploymentId, service);
      return report;
    } catch (error) {
      probed.noteFailed(request);
      if (error instanceof RunComfyError) health.noteRead(error, deploymentId, service);
      throw error;
    }
  }

  async function cancel(request: RequestReference, signal: AbortSignal): Promise<CancelReport> {
    const { toRequestPath, readCancel } = findAdapter(request.kind);
    return await performFor(request, {
      ...{ call: "cancel", path: toRequestPath(request, "cancel"), signal },
      timeoutMs: cancelTimeoutMs,
      readReport: readCancel,
      // A 4xx may refuse it in the words of a 200.
      readRefusal(body) {
        const report = readCancel(body);
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
    return await perform({ ...request, ...LIST });
  }

  /** What a deployment runs. Rejects as well where the upstream does not show it, or with a megabyte of other things. */
  async function readKind(deploymentId: string): Promise<JobKind> {
    const path = toDeploymentPath(deploymentId);
    const { timeoutMs } = PAYLOAD_BOUNDS;
    const request = { call: "list", path, timeoutMs } as const;
    return await perform({ ...request, ...LIST, readReport: readDeploymentKind });
  }

  /** What the account has left, in USD. Its failures don't count either. */
  async function readBalance(): Promise<number> {
    const request = { call: "balance", path: BALANCE_PATH, timeoutMs: listTimeoutMs } as const;
    return await perform({ ...request, ...LIST, readReport: readBalanceAnswer });
  }

  /** Finds out whether a deployment answers, or (null) RunComfy as a whole, and notes it. Never rejects. */
  async function probe(deploymentId: string | null, signal: AbortSignal): Promise<void> {
    const target = probed.find(deploymentId);
    const { service, toRequestPath, readStatus: readReport } = findAdapter(target.kind);
    const path = toRequestPath({ ...target, requestId: PROBE_ID }, "status");
    const limits = { timeoutMs: probeTimeoutMs, signal };
    const list = { path: toListPath([target.deploymentId]), ...LIST, ...limits };
    /** Notes whether a read that changes nothing was answered. */
    const ask = async (read: Promise<unknown>, id: string | null): Promise<void> => {
      const failure = await read.then(toNull, (error: unknown) => error);
      if (failure === null || failure instanceof RunComfyError)
        health.noteProbe(failure, id, service);
    };
    await Promise.all([
      ask(performFor(target, { call: "status", path, readReport, ...limits }), target.deploymentId),
      // Each is a service of its own, and may fail for long, so either may show the end of an outage of all.
      deploymentId === null && ask(perform({ call: "list", ...list }), null),
    ]);
  }

  return {
    submit,
    async readStatus(request: RequestReference, limits: ReadLimits): Promise<StatusReport> {
      const { readStatus } = findAdapter(request.kind);
      return await read("status", request, limits, { readReport: readStatus });
    },
    async readResult(request: RequestReference, limits: ReadLimits): Promise<ResultReport> {
      const { readResult, readEarlyResult } = findAdapter(request.kind);
      return await read("result", request, limits, {
        readReport: readResult,
        readRefusal: readEarlyResult,
      });
    },
    cancel,
    listDeployments,
    readKind,
    readBalance,
    probe,
  };
}

/** Remembers whom to ask whether a deployment, or all of RunComfy, answers again. */
function createProbedTargets() {
  /** What answered well last, or was called last before anything has, of those whose failure may be one of all of RunComfy. */
  let lastAnswered: Target = { kind: DEFAULT_KIND.name, apiVersion: "v1", deploymentId: PROBE_ID };
  let hasAnswered = false;
  /** What failed last of each deployment that may have an outage. */
  const failed = new LRUCache<string, Target>({ max: MAX_DEPLOYMENTS });
  return {
    noteCalled({ kind, apiVersion, deploymentId }: Target, isAnswered: boolean): void {
      if (!mayFailForAll(findAdapter(kind).service) || (hasAnswered && !isAnswered)) return;
      lastAnswered = { kind, apiVersion, deploymentId };
      hasAnswered = isAnswered;
    },
    noteFailed({ kind, apiVersion, deploymentId }: Target): void {
      failed.set(deploymentId, { kind, apiVersion, deploymentId });
    },
    /** Of one deployment, or (null) of all of RunComfy. */
    find(deploymentId: string | null): Target {
      if (deploymentId === null) return lastAnswered;
      const { name: kind } = findKindById(deploymentId) ?? DEFAULT_KIND;
      return failed.get(deploymentId) ?? { ...lastAnswered, kind, deploymentId };
    },
  };
}

function toNull(): null {
  return null;
}
