import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { listenOnLoopback } from "../listen-on-loopback.ts";
import { json, refuse } from "./answers.ts";
import type { FaultDefinition, FaultName, UpstreamCall } from "./faults.ts";
import type { FaultyJob, FaultyKind } from "./faulty-job.ts";
import { cancel, createFaultyJob, poll, toResult } from "./faulty-job.ts";
import { findFault, UPSTREAM_CALLS } from "./faults.ts";

/** One request that reached the upstream, recorded when it had been read. */
type RecordedRequest = {
  /** Null for anything but the calls that it serves. */
  readonly call: UpstreamCall | null;
  /** A workflow's submit is known by its body. */
  readonly kind: FaultyKind;
  readonly method: string;
  readonly path: string;
  /** The deployment of the call, or those that it lists. */
  readonly deploymentIds: readonly string[];
  readonly requestId: string | null;
  /** Whether it brought the right bearer token. */
  readonly isAuthorized: boolean;
  /** The body as it came. */
  readonly body: string;
};

const PATH =
  /^(\/[^?]*)?\/prod\/(v\d+)\/deployments\/([^/?]+)\/(?:(inference)(?:\?webhook=.*)?|requests\/([^/?]+)\/(status|result|cancel))$/;
const MODEL_PATH =
  /^(?:\/[^?]*)?\/v1\/(?:(models)\/([\w./-]+)|requests\/([^/?]+)\/(status|result|cancel)(?:\?include_cost=true)?)$/;
const DEPLOYMENT_PATH = /^(?:\/[^?]*)?\/prod\/v2\/deployments\/([^/?]+)\?includes=payload$/;
const LIST_PATH = /^(?:\/[^?]*)?\/prod\/v2\/deployments(?:\?(.*))?$/;
const CALLS_BY_SUFFIX = new Map<string, readonly UpstreamCall[]>([
  ...UPSTREAM_CALLS.map((call): [string, readonly UpstreamCall[]] => [call, [call]]),
  ["polls", ["status", "result"]],
]);
const FAULT = /^fault-(?<name>.+?)(?:--(?<on>submit|status|result|cancel|list|deployment|polls))?$/;

export type FaultyUpstream = Awaited<ReturnType<typeof startFaultyUpstream>>;

/**
 * A RunComfy on a free loopback port, for tests. It speaks of jobs of all kinds, and keeps to the contract, except:
 * - a deployment `fault-<name>` falls into that fault (`faults.ts`) on the calls the fault is made for, and
 *   `fault-<name>--<call>` on that call only (`submit`, `status`, `result`, `cancel`, `list`, or `polls` for the reads
 *   of a job), as does a model whose id ends so; a list falls into the first fault of its deployments that is made for lists;
 * - `setFault` does the same to all deployments;
 * - a list has every deployment that is asked for, the last one first, but for those that begin with `unlisted`; one
 *   without ids has those of `setDeployments`, none at first; their `payload` shows only where one alone is asked for.
 * A job goes `in_queue`, `in_progress`, `succeeded`, one step with each poll of its status, unless scripted otherwise.
 * `port` and `token` are given only where a test must choose them.
 */
export async function startFaultyUpstream(
  options: { readonly port?: number; readonly token?: string } = {},
) {
  const token = options.token ?? "test-token";
  const requests: RecordedRequest[] = [];
  const requestsElsewhere: RecordedRequest[] = [];
  const jobs = new Map<string, FaultyJob>();
  const scripts = new Map<string, readonly string[]>();
  /** How many have started, by deployment. */
  const queues = new Map<string, number>();
  const gates = new Map<UpstreamCall, PromiseWithResolvers<void>>();
  const waiters = new Set<() => void>();
  const delaysMs = new Map<UpstreamCall, number>();
  const unanswered = new Set<ServerResponse>();
  let fault: { name: FaultName; on: readonly UpstreamCall[] | undefined } | null = null;
  let deployments: readonly object[] = [];

  const elsewhere = createServer(async (request, response) => {
    requestsElsewhere.push(await record(request, token, jobs));
    json(response, 200, { request_id: "stolen", status: "succeeded", output: "stolen" });
  });
  // A client that a busy machine holds up would meet a connection that is just being closed.
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    response.on("error", () => {}); // The client may hang up in the middle of an answer.
    unanswered.add(response);
    // When its answer ends, before the client can know of that and send the next request; or when it has left.
    for (const end of ["prefinish", "close"]) response.once(end, () => unanswered.delete(response));
    const recorded = await record(request, token, jobs).catch(() => null);
    if (recorded === null) return; // It hung up in the middle of the request.
    requests.push(recorded);
    for (const wake of waiters) wake();
    if (recorded.call !== null) await gates.get(recorded.call)?.promise;
    const delayMs = recorded.call === null ? undefined : delaysMs.get(recorded.call);
    if (delayMs !== undefined) await delay(delayMs);
    answer(recorded, response);
  });
  const elsewhereUrl = `http://127.0.0.1:${await listenOnLoopback(elsewhere, 0)}`;
  const port = await listenOnLoopback(server, options.port ?? 0);

  function answer(recorded: RecordedRequest, response: ServerResponse): void {
    const { call, deploymentIds, requestId } = recorded;
    if (!recorded.isAuthorized)
      return recorded.kind === "model"
        ? refuse(response, 400, 400_004)
        : refuse(response, 401, 401_001);
    if (call === null) return refuse(response, 404, 404_001);
    const answerWell = (changes: Record<string, unknown> = {}) =>
      answerByContract(recorded, response, changes);
    const chosen = chooseFault(call, deploymentIds);
    if (chosen === null) return answerWell();
    const pastCalls = count(call, requestId ?? deploymentIds[0]) - 1;
    chosen.answer({ response, requestId, pastCalls, elsewhereUrl, answerWell });
  }

  function chooseFault(
    call: UpstreamCall,
    deploymentIds: readonly string[],
  ): FaultDefinition | null {
    for (const id of deploymentIds.length === 0 ? [""] : deploymentIds) {
      const { name, on } = FAULT.exec(id.split("/").at(-1) ?? "")?.groups ?? {};
      if (name === undefined && fault === null) continue;
      const found = findFault(name ?? fault?.name ?? "");
      const named = name === undefined ? fault?.on : CALLS_BY_SUFFIX.get(on ?? "");
      if ((named ?? found.on).includes(call)) return found;
    }
    return null;
  }

  function answerByContract(
    { call, kind, deploymentIds, requestId, path }: RecordedRequest,
    response: ServerResponse,
    changes: Record<string, unknown>,
  ): void {
    if (call === "list") {
      const all = deploymentIds.length === 0 ? deployments : toList(deploymentIds, changes);
      return json(response, 200, all.map(withoutPayload));
    }
    const [deploymentId = ""] = deploymentIds;
    if (call === "deployment") {
      const found = deployments.find((one) => "id" in one && one.id === deploymentId);
      return found ? json(response, 200, found) : refuse(response, 404, 404_001);
    }
    if (call === "submit") {
      const accepted = accept(deploymentId, kind);
      const requests = path.replace(
        kind === "model" ? /models\/.*$/ : /inference(?:\?.*)?$/,
        "requests",
      );
      const base = `${url}${requests}/${accepted}`;
      return json(response, 200, {
        request_id: accepted,
        status_url: `${base}/status`,
        result_url: `${base}/result`,
        cancel_url: `${base}/cancel`,
        ...changes,
      });
    }
    const job = jobs.get(requestId ?? "");
    if (job === undefined || job.deploymentId !== deploymentId) {
      return refuse(response, 404, 404_001);
    }
    const position = findPosition(job);
    if (position !== null) script(job.requestId, [position < 0 ? "in_progress" : "in_queue"]);
    if (call === "status") return json(response, 200, { ...poll(job, position ?? 0), ...changes });
    if (call === "result") return json(response, 200, { ...toResult(job), ...changes });
    json(response, kind === "lora" ? 200 : 202, { ...cancel(job), ...changes });
  }

  /** Below 0 for one that has started; null where jobs follow their scripts. */
  function findPosition({ deploymentId, requestId }: FaultyJob): number | null {
    const started = queues.get(deploymentId);
    if (started === undefined) return null;
    const all = [...jobs.values()].filter((job) => job.deploymentId === deploymentId);
    return all.findIndex((job) => job.requestId === requestId) - started;
  }

  /** The statuses of a job (by request id), or of all future jobs of a deployment; each poll takes one, the last stays. */
  function script(id: string, statuses: readonly string[]): void {
    const job = jobs.get(id);
    if (job === undefined) scripts.set(id, statuses);
    else job.script = statuses;
  }

  /** Has a job as if it had been submitted, by no request, and returns its id here. */
  function accept(deploymentId: string, kind: FaultyKind = "lora"): string {
    const job = createFaultyJob(kind, deploymentId, scripts.get(deploymentId));
    jobs.set(job.requestId, job);
    return job.requestId;
  }

  /** How many requests of a call there were, for one deployment or request if an id is given. */
  function count(call: UpstreamCall, id?: string): number {
    return requests.filter(
      (request) =>
        request.call === call &&
        (id === undefined || request.requestId === id || request.deploymentIds.includes(id)),
    ).length;
  }

  function findJob(requestId: string): FaultyJob {
    const job = jobs.get(requestId);
    if (job === undefined) throw new Error(`The faulty upstream has no job ${requestId}.`);
    return job;
  }

  async function close(): Promise<void> {
    for (const gate of gates.values()) gate.resolve();
    await Promise.all([server, elsewhere].map(shut));
  }

  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    token,
    port,
    requests,
    /** What reached the other origin to which the redirects and foreign URLs point; it should stay empty. */
    requestsElsewhere,
    count,
    /** Resolves as soon as there were so many of them. */
    async whenRequested(call: UpstreamCall, times: number, id?: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => count(call, id) >= times && resolve();
      waiters.add(wake);
      wake();
      await promise.finally(() => waiters.delete(wake));
    },
    /** Lets all deployments fall into a fault, on the calls it is made for or on these; null ends that. */
    setFault(name: FaultName | null, on?: readonly UpstreamCall[]): void {
      fault = name === null ? null : { name, on };
    },
    /** The deployments that a list without ids has, in the form of the contract's list. */
    setDeployments(listed: readonly object[]): void {
      deployments = listed;
    },
    script,
    /** From now on a deployment's jobs start in the order in which they were accepted, and so many have. */
    startInOrder: (deploymentId: string, started: number) => void queues.set(deploymentId, started),
    accept,
    /** Ends a job: its status is `result.status` (`succeeded` if not given), and /result has these members. */
    finish(requestId: string, result: Readonly<Record<string, unknown>>): void {
      const job = findJob(requestId);
      job.status = typeof result["status"] === "string" ? result["status"] : "succeeded";
      job.script = [job.status];
      job.result = result;
    },
    /** How many requests have no whole answer yet, on connections that are still open. */
    countUnanswered: () => unanswered.size,
    /** Holds back every answer to a call, until the returned function is called. */
    hold(call: UpstreamCall): () => void {
      const gate = Promise.withResolvers<void>();
      gates.set(call, gate);
      return () => {
        gates.delete(call);
        gate.resolve();
      };
    },
    /** Lets every answer to a call take so much longer from now on. */
    slow: (call: UpstreamCall, delayMs: number) => void delaysMs.set(call, delayMs),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function record(
  request: IncomingMessage,
  token: string,
  jobs: ReadonlyMap<string, FaultyJob>,
): Promise<RecordedRequest> {
  const path = request.url ?? "";
  const method = request.method ?? "";
  const body = await text(request);
  const [, models, modelId, modelRequestId, modelAction] = MODEL_PATH.exec(path) ?? [];
  const [, , , deployment, inference, ofDeployment, deploymentAction] = PATH.exec(path) ?? [];
  const requestId = modelRequestId ?? ofDeployment ?? null;
  const action = modelAction ?? deploymentAction;
  const job = jobs.get(requestId ?? "");
  const isModel = (models ?? modelAction) !== undefined;
  const [, alone] = DEPLOYMENT_PATH.exec(path) ?? [];
  // A model's request is known by its id alone.
  const deploymentId = isModel
    ? (modelId ?? job?.deploymentId ?? "unknown")
    : (deployment ?? alone);
  const list = LIST_PATH.exec(path);
  const listed = list && new URLSearchParams(list[1]).getAll("ids");
  const verb = (inference ?? models) ? "submit" : listed ? "list" : alone ? "deployment" : action;
  const call = UPSTREAM_CALLS.find((one) => one === verb) ?? null;
  const expectedMethod = call === "submit" || call === "cancel" ? "POST" : "GET";
  const { authorization } = request.headers;
  const ofDeployments = job?.kind ?? (body.includes('"overrides"') ? "comfyui" : "lora");
  return {
    call: method === expectedMethod ? call : null,
    kind: isModel ? "model" : ofDeployments,
    method,
    path,
    deploymentIds: listed ?? (deploymentId === undefined ? [] : [deploymentId]),
    requestId,
    isAuthorized: authorization === `Bearer ${token}`,
    body,
  };
}

function withoutPayload(listed: object): object {
  return { ...listed, payload: undefined };
}

async function shut(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

/**
 * The contract's list of these deployments, the last one first, without those that begin with `unlisted`. What distinguishes one
 * from another follows from its id; `changes` are made to each.
 */
function toList(
  ids: readonly string[],
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown>[] {
  const listed = ids.filter((id) => !id.startsWith("unlisted")).toReversed();
  return listed.map((id) => toListed(id, changes));
}

function toListed(id: string, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    id,
    name: `The deployment ${id}`,
    hardware: ["AMPERE_48"],
    min_instances: 0,
    max_instances: id.length,
    queue_size: 1,
    keep_warm_duration_in_seconds: 60,
    status: "standby",
    is_enabled: true,
    created_at: "2025-07-01T09:00:00.000000",
    updated_at: "2025-07-01T09:00:00.000000",
    ...changes,
  };
}
