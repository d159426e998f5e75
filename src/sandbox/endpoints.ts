import { randomInt, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Answer, json, refusal } from "./answer.ts";
import { loadCatalogue, type SandboxDeployment } from "./catalogue.ts";
import { createPictureCache } from "./picture-cache.ts";
import { readBody } from "./read-body.ts";
import {
  listFiles,
  toListedDeployment,
  toResult,
  toStatus,
  toSubmitted,
} from "./request-answers.ts";
import type { RequestStore } from "./request-store.ts";

type Options = {
  /** The sandbox's own, e.g. `http://127.0.0.1:4001`. */
  readonly origin: string;
  readonly token: string;
  readonly store: RequestStore;
  /** Undefined for the sandbox's own. */
  readonly deployments: readonly unknown[] | undefined;
  readonly now: () => number;
};

/** Answers every request to the sandbox. Rejects when the client leaves half-way and when the store fails. */
export function createEndpoints(options: Options): (request: IncomingMessage) => Promise<Answer> {
  const { origin, token, store, deployments, now } = options;
  const catalogue = loadCatalogue(deployments);
  const pictures = createPictureCache();

  async function submit(
    request: IncomingMessage,
    deployment: SandboxDeployment,
    base: string,
  ): Promise<Answer> {
    const body = await readBody(request);
    if (body.kind === "too-large") return refusal(413_001, TOO_LARGE, { connection: "close" });
    if (body.kind === "not-json") return json(422, { detail: [NOT_JSON] });
    const checked = deployment.check(body.value);
    if (!checked.isValid) return json(422, { detail: checked.problems });
    const { seed } = checked.input;
    const input = { ...checked.input, seed: seed === -1 ? randomInt(MAX_SEED) : seed };
    const requestId = randomUUID();
    const isAccepted = store.accept(requestId, deployment.id, input, now());
    if (!isAccepted) return refusal(429_001, QUEUE_FULL, { "retry-after": "10" });
    return json(200, toSubmitted(base, requestId));
  }

  function look(deployment: SandboxDeployment, base: string, id: string, verb: string): Answer {
    const stored = store.read(id, now());
    if (stored?.deploymentId !== deployment.id) return refusal(404_001, UNKNOWN_REQUEST);
    switch (verb) {
      case "status":
        return json(200, toStatus(base, id, stored));
      case "result":
        return json(200, toResult(origin, deployment, id, stored));
      default: {
        const outcome = store.cancel(id, now()) ? "cancelled" : "not_cancellable";
        return json(200, { request_id: id, status: "completed", outcome });
      }
    }
  }

  function list(ids: readonly string[]): Answer {
    const all = [...catalogue.values()];
    const wanted = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
    return json(200, wanted.map(toListedDeployment));
  }

  async function readFile(id: string, name: string): Promise<Answer> {
    const stored = store.read(id, now());
    const deployment = catalogue.get(stored?.deploymentId ?? "");
    const index = stored && deployment ? listFiles(deployment, stored).indexOf(name) : -1;
    if (!stored || !deployment || index < 0) return refusal(404_001, UNKNOWN_FILE, FOR_ANY_PAGE);
    const picture = await pictures.read(stored.input, deployment.media, index);
    if (picture === null) return refusal(503_001, BUSY, { ...FOR_ANY_PAGE, "retry-after": "2" });
    const caching = { "cache-control": "public, max-age=3600" };
    const headers = { ...FOR_ANY_PAGE, ...caching, "content-type": picture.contentType };
    return { status: 200, headers, body: picture.bytes };
  }

  return async (request) => {
    const url = URL.parse(request.url ?? "/", origin);
    const route = url && findRoute(url.pathname);
    if (!url || !route) return refusal(404_001, UNKNOWN_PATH);
    if (!route.methods.includes(request.method ?? "")) {
      const allow = route.methods.join(", ");
      return refusal(405_001, `Use ${allow} here.`, { allow });
    }
    if (route.name === "home") return HOME;
    const { version = "", deploymentId = "", id = "", name: lastPart = "" } = route.groups;
    if (route.name === "file") return await readFile(id, lastPart);
    if (!isAuthorized(request, token)) return refusal(401_001, UNAUTHORIZED);
    if (route.name === "list") return list(url.searchParams.getAll("ids"));
    const deployment = catalogue.get(deploymentId);
    if (deployment === undefined) return refusal(404_001, UNKNOWN_DEPLOYMENT);
    const base = `${origin}/prod/${version}/deployments/${deploymentId}`;
    if (route.name === "submit") return await submit(request, deployment, base);
    return look(deployment, base, id, lastPart);
  };
}

const GET = ["GET", "HEAD"];
const DEPLOYMENTS = "/prod/(?<version>v1|v2)/deployments";
const DEPLOYMENT = `${DEPLOYMENTS}/(?<deploymentId>[^/]+)`;
const REQUEST = `${DEPLOYMENT}/requests/(?<id>[^/]+)`;

type Route = {
  readonly name: "home" | "file" | "list" | "submit" | "look" | "cancel";
  readonly methods: readonly string[];
  readonly path: RegExp;
};

const ROUTES: readonly Route[] = [
  { name: "home", methods: GET, path: /^\/$/ },
  { name: "file", methods: GET, path: /^\/files\/(?<id>[^/]+)\/(?<name>[^/]+)$/ },
  { name: "list", methods: GET, path: new RegExp(`^${DEPLOYMENTS}$`) },
  { name: "submit", methods: ["POST"], path: new RegExp(`^${DEPLOYMENT}/inference$`) },
  { name: "look", methods: GET, path: new RegExp(`^${REQUEST}/(?<name>status|result)$`) },
  { name: "cancel", methods: ["POST"], path: new RegExp(`^${REQUEST}/(?<name>cancel)$`) },
];

function findRoute(path: string) {
  for (const route of ROUTES) {
    const match = route.path.exec(path);
    if (match !== null) return { ...route, groups: match.groups ?? {} };
  }
  return null;
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const [, given] = /^bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
  return given === token;
}

const HOME: Answer = {
  status: 200,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "A sandbox that answers like RunComfy's Serverless API (LoRA), for developing without an account.\n",
};
const FOR_ANY_PAGE = { "access-control-allow-origin": "*" };
const MAX_SEED = 2 ** 32;
const NOT_JSON = { loc: ["body"], msg: "JSON decode error", type: "json_invalid" };
const TOO_LARGE = "The body is larger than 1 MiB. Pass files as https URLs.";
const QUEUE_FULL = "Too many requests wait for this deployment. Submit again later.";
const BUSY = "Too many pictures are being drawn at the moment. Try again in a few seconds.";
const UNKNOWN_PATH = "There is nothing at this path. Compare it with the API's documentation.";
const UNKNOWN_REQUEST = "This deployment has no such request. Requests are kept for 7 days.";
const UNKNOWN_FILE = "There is no such file. Files are kept for 7 days after a request succeeded.";
const UNKNOWN_DEPLOYMENT = "There is no such deployment. Take an id from GET /prod/v2/deployments.";
const UNAUTHORIZED =
  "The API token is missing or wrong. Send it as `Authorization: Bearer <token>`.";
