import type { IncomingMessage, ServerResponse } from "node:http";

import { AuthenticationError } from "../../auth/authenticator.ts";
import { DEFAULT_SCOPES } from "../../auth/viewer.ts";
import type { Exchange } from "../../api/server/answers.ts";
import type { JsonObject, JsonValue } from "../../engine/job/json.ts";
import { isJsonObject } from "../../engine/job/json.ts";
import type { OpenEngine, OpenPart } from "../../part.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import type { Mcp } from "./create-mcp.ts";

const PATH = "/mcp";
/** RFC 9728: where a client learns whose tokens are taken. The first is the path that it derives from the resource's. */
const METADATA_PATHS = [
  `/.well-known/oauth-protected-resource${PATH}`,
  "/.well-known/oauth-protected-resource",
];
/** What pages send beside the headers of GraphQL. */
const HEADERS = ", mcp-protocol-version, mcp-method, mcp-name, mcp-session-id";

/** Answers the Model Context Protocol's requests. What does is loaded when the first of them comes. */
export function openMcp(engine: OpenEngine): OpenPart {
  const { auth, files } = engine.config;
  const issuer = auth.kind === "jwt" ? auth.issuer : null;
  let mcp: Mcp | null = null;
  let isStopped = false;

  async function load(): Promise<Mcp> {
    const { createMcp } = await import("./create-mcp.ts");
    mcp ??= createMcp(engine);
    if (isStopped) mcp.stop();
    return mcp;
  }

  async function answerMessage({ request, response, receive }: Exchange): Promise<void> {
    try {
      await receive("Messages of the Model Context Protocol", async ({ body, ...message }) => {
        const parsed = toMessage(body);
        const { answer } = await load();
        await answer({ ...message, request, response, message: parsed, bytes: body.length });
      });
    } catch (error) {
      const isChallenge = error instanceof AuthenticationError && error.code === "UNAUTHENTICATED";
      if (!isChallenge || issuer === null) throw error;
      const url = `${toOrigin(request)}${METADATA_PATHS[0]}`;
      const invalid = error.reason === "missing" ? "" : 'error="invalid_token", ';
      const headers = { "www-authenticate": `Bearer ${invalid}resource_metadata="${url}"` };
      throw new CodedError("UNAUTHENTICATED", error.message, { cause: error, headers });
    }
  }

  /** As clients see the gateway: behind a proxy it only knows that where it is set. */
  function toOrigin({ headers: { host = "" } }: IncomingMessage): string {
    return files.publicUrl ?? `http://${host}`;
  }

  function toMetadata(request: IncomingMessage) {
    return {
      resource: `${toOrigin(request)}${PATH}`,
      authorization_servers: [issuer],
      // Clients ask their issuer for all of them.
      scopes_supported: DEFAULT_SCOPES,
      bearer_methods_supported: ["header"],
    };
  }

  return {
    figures: [
      {
        name: "waits_held",
        help: "Calls of tools that wait for a job.",
        read: () => mcp?.countWaits() ?? 0,
      },
    ],
    async answer(exchange) {
      const { request, response, path } = exchange;
      const isMetadata = issuer !== null && METADATA_PATHS.includes(path);
      if (path !== PATH && !isMetadata) return false;
      if (exchange.allowPage(isMetadata ? "GET" : "POST", HEADERS)) return true;
      if (isMetadata) sendJson(response, toMetadata(request));
      else await answerMessage(exchange);
      return true;
    },
    stop() {
      isStopped = true;
      mcp?.stop();
    },
    close: async () => await mcp?.close(),
  };
}

/** Throws for what is no message. */
function toMessage(body: Buffer): JsonObject {
  const message = parse(body);
  if (Array.isArray(message)) throw BATCH;
  // What comes next takes far longer to find that out.
  if (!isJsonObject(message) || !isRequest(message)) throw NO_MESSAGE;
  return message;
}

/** Whether it is a request or a notification of JSON-RPC: this server asks nothing, so it gets no answers. */
function isRequest({ jsonrpc, method, id, params }: JsonObject): boolean {
  const isKnown = id === undefined || typeof id === "string" || typeof id === "number";
  const isNamed = jsonrpc === "2.0" && typeof method === "string";
  return isNamed && isKnown && (params === undefined || isJsonObject(params));
}

function parse(body: Buffer): JsonValue {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw NO_MESSAGE;
  }
}

function sendJson(response: ServerResponse, value: object): void {
  const body = JSON.stringify(value);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  };
  response.writeHead(200, headers).end(response.req.method === "HEAD" ? "" : body);
}

const BATCH = new CodedError(
  "BAD_REQUEST",
  "The body is a list of messages. Send each in a request of its own.",
);
const NO_MESSAGE = new CodedError(
  "BAD_REQUEST",
  "The body is no request of JSON-RPC. Send a JSON object with jsonrpc, method and id.",
);
