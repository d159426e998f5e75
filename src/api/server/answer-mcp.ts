import type { IncomingMessage, ServerResponse } from "node:http";

import type { Admission } from "../../auth/authenticator.ts";
import { AuthenticationError } from "../../auth/authenticator.ts";
import { SCOPES } from "../../auth/viewer.ts";
import type { JsonObject, JsonValue } from "../../engine/job/json.ts";
import { isJsonObject } from "../../engine/job/json.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { bodyTooLarge, checkPost, isTooDeep, readBody, TOO_DEEP } from "./read-request.ts";
import { badRequest } from "./refuse.ts";
import type { ServerParts } from "./server-parts.ts";
import { MCP_PATH } from "./server-parts.ts";
import { whenOver } from "./when-over.ts";

/** RFC 9728: where a client learns whose tokens are taken. The first is the path that it derives from the resource's. */
const METADATA_PATHS = [
  `/.well-known/oauth-protected-resource${MCP_PATH}`,
  "/.well-known/oauth-protected-resource",
];
/** What pages send beside the headers of GraphQL. */
const HEADERS = ", mcp-protocol-version, mcp-method, mcp-name, mcp-session-id";

/** Makes what answers the Model Context Protocol's requests; false, and nothing done, for any other. */
export function createMcpAnswer(parts: ServerParts, mcp: NonNullable<ServerParts["mcp"]>) {
  const { credentials, sessions, rates, origins, memory, operations } = parts;
  const largestBodyBytes = parts.limits.http.bodyBytes;

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    { path, mustAsk }: { readonly path: string; readonly mustAsk: boolean },
  ): Promise<boolean> => {
    const isMetadata = mcp.issuer !== null && METADATA_PATHS.includes(path);
    if (path !== MCP_PATH && !isMetadata) return false;
    if (origins.answer(request, response, isMetadata ? "GET" : "POST", HEADERS)) return true;
    if (isMetadata) sendJson(response, toMetadata(request, mcp.issuer));
    else await answerMessage(request, response, mustAsk);
    return true;
  };

  async function answerMessage(
    request: IncomingMessage,
    response: ServerResponse,
    mustAsk: boolean,
  ): Promise<void> {
    // A page that may not read the answer may not ask either.
    if (origins.isForeign(request)) throw FOREIGN;
    // A GET would open a stream of what a server asks of its clients, and this one asks nothing.
    checkPost(request, "Messages of the Model Context Protocol", "POST, OPTIONS");
    const admission = await admit(request);
    const { viewer } = admission;
    rates.take(viewer);
    if (mustAsk) response.writeContinue();
    const share = memory.open(viewer.ownerId, () => response.destroy());
    whenOver(response, () => share.close());
    const body = await readBody(request, largestBodyBytes, share);
    if (body === null) throw bodyTooLarge(largestBodyBytes);
    // A call that waits ends with its credential.
    whenOver(
      response,
      sessions.enter(admission, () => response.destroy()),
    );
    await operations.begin(viewer.ownerId, async (release) => {
      const message = toMessage(body);
      const bytes = body.length;
      await mcp.answer({ request, response, message, bytes, viewer, share, release });
    });
    return share.hold(response.writableLength);
  }

  async function admit(request: IncomingMessage): Promise<Admission> {
    try {
      return await credentials.admit(request.headers.authorization);
    } catch (error) {
      const isChallenge = error instanceof AuthenticationError && error.code === "UNAUTHENTICATED";
      if (!isChallenge || mcp.issuer === null) throw error;
      const url = `${toOrigin(request)}${METADATA_PATHS[0]}`;
      const invalid = error.reason === "missing" ? "" : 'error="invalid_token", ';
      const headers = { "www-authenticate": `Bearer ${invalid}resource_metadata="${url}"` };
      throw new CodedError("UNAUTHENTICATED", error.message, { cause: error, headers });
    }
  }

  /** As clients see the gateway: behind a proxy it only knows that where it was told. */
  function toOrigin({ headers: { host = "" } }: IncomingMessage): string {
    return parts.files.publicUrl ?? `http://${host}`;
  }

  function toMetadata(request: IncomingMessage, issuer: string | null) {
    return {
      resource: `${toOrigin(request)}${MCP_PATH}`,
      authorization_servers: [issuer],
      scopes_supported: SCOPES,
      bearer_methods_supported: ["header"],
    };
  }
}

/** Throws for what is no message. */
function toMessage(body: Buffer): JsonObject {
  if (isTooDeep(body)) throw badRequest(`The message ${TOO_DEEP}`);
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

const FOREIGN = new CodedError(
  "FORBIDDEN",
  "This page's origin may not call the gateway. If it is yours, add the origin to CORS_ORIGINS.",
);
const BATCH = badRequest("The body is a list of messages. Send each in a request of its own.");
const NO_MESSAGE = badRequest(
  "The body is no request of JSON-RPC. Send a JSON object with jsonrpc, method and id.",
);
