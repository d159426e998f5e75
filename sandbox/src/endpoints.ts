import { randomInt, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { type Answer, json, readBody, refusal } from "./answer.ts";
import { loadCatalogue, type SandboxDeployment } from "./catalogue.ts";
import type { Faults } from "./faults.ts";
import { drawPicture } from "./picture.ts";
import type { RequestStore, StoredRequest } from "./request-store.ts";
import { FAILURE_WORD, isFailureWanted, KEEP_WARM_MS, RUNNERS } from "./schedule.ts";

/** Answers every request to the sandbox. Rejects when the client leaves half-way and when the store fails. */
export function createEndpoints(options: {
  /** The sandbox's own, e.g. `http://127.0.0.1:4001`. */
  readonly origin: string;
  readonly token: string;
  readonly store: RequestStore;
  readonly faults: Faults;
  /** Undefined for the sandbox's own. */
  readonly deployments: readonly unknown[] | undefined;
  /** How long after a request's end its files are there. */
  readonly filesExpireMs: number;
  readonly now: () => number;
}): (request: IncomingMessage) => Promise<Answer> {
  const { origin, token, store, faults, deployments, filesExpireMs, now } = options;
  const catalogue = loadCatalogue(deployments);

  async function submit(
    request: IncomingMessage,
    deployment: SandboxDeployment,
    base: string,
    isFailing: boolean,
  ): Promise<Answer> {
    const body = await readBody(request);
    if (body === null) return refusal(413_001, TOO_LARGE, { connection: "close" });
    const value = parse(body);
    if (value === undefined) return json(422, { detail: [NOT_JSON] });
    const checked = deployment.check(value);
    if (!checked.isValid) return json(422, { detail: checked.problems });
    const { seed, prompt } = checked.input;
    const input = {
      ...checked.input,
      seed: seed === -1 ? randomInt(MAX_SEED) : seed,
      prompt: isFailing ? `${prompt} ${FAILURE_WORD}` : prompt,
    };
    const requestId = randomUUID();
    const isAccepted = store.accept(requestId, deployment.id, input, now());
    if (!isAccepted) return refusal(429_001, QUEUE_FULL, { "retry-after": "10" });
    return json(200, toSubmitted(base, requestId));
  }

  function poll(deployment: SandboxDeployment, base: string, id: string, verb: string): Answer {
    const stored = store.read(id, now());
    if (stored?.deploymentId !== deployment.id) return refusal(404_001, UNKNOWN_REQUEST);
    if (verb === "status") return json(200, toStatus(base, id, stored));
    if (verb === "result")
      return json(200, toResult(deployment, `${origin}/files/${id}`, id, stored));
    const outcome = store.cancel(id, now()) ? "cancelled" : "not_cancellable";
    return json(200, { request_id: id, status: "completed", outcome });
  }

  function list(ids: readonly string[]): Answer {
    const all = [...catalogue.values()];
    const wanted = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
    return json(200, wanted.map(toListedDeployment));
  }

  async function setFaults(request: IncomingMessage): Promise<Answer> {
    const body = await readBody(request);
    const { data: texts } = TEXTS.safeParse(body && parse(body));
    try {
      if (texts === undefined) throw new Error(NO_FAULTS);
      faults.set(texts);
      return json(200, texts);
    } catch (error) {
      return refusal(422_001, error instanceof Error ? error.message : String(error));
    }
  }

  function readFile(id: string, name: string): Answer {
    const stored = store.read(id, now());
    const deployment = catalogue.get(stored?.deploymentId ?? "");
    const index = stored && deployment ? listFiles(deployment, stored).indexOf(name) : -1;
    if (!stored || !deployment || index < 0 || now() >= stored.finishAt + filesExpireMs)
      return refusal(404_001, UNKNOWN_FILE, FOR_ANY_PAGE);
    const caching = { "cache-control": "public, max-age=60" };
    const headers = { ...FOR_ANY_PAGE, ...caching, "content-type": "image/svg+xml" };
    const body = drawPicture(stored.input, index, deployment.media === "videos");
    return { status: 200, headers, body };
  }

  return async (request) => {
    const url = URL.parse(request.url ?? "/", origin);
    const route = url && findRoute(url.pathname);
    if (!url || !route) return refusal(404_001, UNKNOWN_PATH);
    if (!route.methods.includes(request.method ?? "")) {
      const allow = route.methods.join(", ");
      return refusal(405_001, `Use ${allow} here.`, { allow });
    }
    const { version = "", deploymentId = "", id = "", name = "" } = route.groups;
    const { call } = route;
    if (call === "file") return readFile(id, name);
    const [, given] = /^bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (given !== token) return refusal(401_001, UNAUTHORIZED);
    if (call === "faults") return await setFaults(request);
    const { answer, delivery = "whole", isFailing = false } = faults.take(call);
    const act = async (): Promise<Answer> => {
      if (call === "list") return list(url.searchParams.getAll("ids"));
      const deployment = catalogue.get(deploymentId);
      if (deployment === undefined) return refusal(404_001, UNKNOWN_DEPLOYMENT);
      const base = `${origin}/prod/${version}/deployments/${deploymentId}`;
      if (call === "submit") return await submit(request, deployment, base, isFailing);
      return poll(deployment, base, id, call);
    };
    return { ...(answer ?? (await act())), delivery };
  };
}

const GET = ["GET", "HEAD"];
const POST = ["POST"];
const PUT = ["PUT"];
const DEPLOYMENTS = "/prod/(?<version>v1|v2)/deployments";
const DEPLOYMENT = `${DEPLOYMENTS}/(?<deploymentId>[^/]+)`;
const REQUEST = `${DEPLOYMENT}/requests/(?<id>[^/]+)`;
const ROUTES = [
  ["file", GET, "/files/(?<id>[^/]+)/(?<name>[^/]+)"],
  ["list", GET, DEPLOYMENTS],
  ["submit", POST, `${DEPLOYMENT}/inference`],
  ["status", GET, `${REQUEST}/status`],
  ["result", GET, `${REQUEST}/result`],
  ["cancel", POST, `${REQUEST}/cancel`],
  ["faults", PUT, "/faults"],
] as const;

function findRoute(path: string) {
  for (const [call, methods, pattern] of ROUTES) {
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match !== null) return { call, methods, groups: match.groups ?? {} };
  }
  return null;
}

/** The answer to an accepted request. `base` is the URL of the deployment, as the client spelled its version. */
function toSubmitted(base: string, requestId: string) {
  const request = `${base}/requests/${requestId}`;
  return {
    request_id: requestId,
    status_url: `${request}/status`,
    result_url: `${request}/result`,
    cancel_url: `${request}/cancel`,
  };
}

/** The answer of /status; it has a queue position only while the request waits. */
function toStatus(base: string, requestId: string, stored: StoredRequest) {
  const { status_url, result_url } = toSubmitted(base, requestId);
  return {
    request_id: requestId,
    status: toStatusWord(stored),
    ...(stored.state === "in_queue" && { queue_position: stored.queuePosition }),
    result_url,
    status_url,
  };
}

/** The answer of /result; `folder` is the URL of its files. */
function toResult(
  deployment: SandboxDeployment,
  folder: string,
  requestId: string,
  stored: StoredRequest,
) {
  const status = toStatusWord(stored);
  const urls = listFiles(deployment, stored).map((name) => `${folder}/${name}`);
  const isEnded = stored.state === "finished" || stored.state === "cancelled";
  return {
    request_id: requestId,
    status,
    ...(status === "succeeded" && { output: { [deployment.media]: urls } }),
    ...(status === "failed" && { error: FAILURE }),
    created_at: toTimestamp(stored.acceptedAt),
    ...(isEnded && { finished_at: toTimestamp(stored.finishAt) }),
  };
}

/** The names of the files a request made; none unless it succeeded. */
function listFiles(deployment: SandboxDeployment, stored: StoredRequest): string[] {
  if (toStatusWord(stored) !== "succeeded") return [];
  const length = deployment.media === "videos" ? 1 : Math.min(stored.input.num_frames, MAX_IMAGES);
  return Array.from({ length }, (_, index) => `${index}.svg`);
}

/** A deployment as the list of deployments shows it. */
function toListedDeployment({ id, name }: SandboxDeployment) {
  return {
    id,
    name,
    hardware: ["AMPERE_48"],
    min_instances: 0,
    max_instances: RUNNERS,
    queue_size: 1,
    keep_warm_duration_in_seconds: KEEP_WARM_MS / 1_000,
    status: "standby",
    is_enabled: true,
    created_at: DEPLOYED_AT,
    updated_at: DEPLOYED_AT,
  };
}

const MAX_IMAGES = 4;
const DEPLOYED_AT = "2025-07-01T09:00:00.000000";
const FAILURE = { type: "InferenceError", message: "The prompt asks for a failure." };

function toStatusWord({ state, input }: StoredRequest): string {
  if (state !== "finished") return state;
  return isFailureWanted(input) ? "failed" : "succeeded";
}

/** Microseconds and no zone, as the contract spells times. */
function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000");
}

/** Undefined for what is no JSON in UTF-8. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

const FOR_ANY_PAGE = { "access-control-allow-origin": "*" };
const MAX_SEED = 2 ** 32;
const TEXTS = z.array(z.string());
const NO_FAULTS =
  'Send a JSON list of faults, such as ["lost-answer:submit*1"], or [] to end them.';
const NOT_JSON = { loc: ["body"], msg: "JSON decode error", type: "json_invalid" };
const TOO_LARGE = "The body is larger than 1 MiB. Pass files as https URLs.";
const QUEUE_FULL = "Too many requests wait for this deployment. Submit again later.";
const UNKNOWN_PATH =
  "This sandbox of RunComfy's Serverless API (LoRA) has nothing at this path. Compare it with the API's documentation.";
const UNKNOWN_REQUEST = "This deployment has no such request. Requests are kept for 7 days.";
const UNKNOWN_FILE =
  "There is no such file. Files are deleted some time after a request succeeded, by default after 7 days.";
const UNKNOWN_DEPLOYMENT = "There is no such deployment. Take an id from GET /prod/v2/deployments.";
const UNAUTHORIZED =
  "The API token is missing or wrong. Send it as `Authorization: Bearer <token>`.";
