import type { IncomingMessage } from "node:http";

import type { Refusal } from "./refuse.ts";
import { badRequest, methodNotAllowed } from "./refuse.ts";

/** Of these Node takes the first, and a proxy perhaps the last. */
const SINGLE_HEADERS = ["host", "authorization", "content-type", "content-encoding", "origin"];

/** Refuses a request whose headers are ambiguous or whose Host is no host; null for every other. */
export function checkHeaders(request: IncomingMessage): Refusal | null {
  // Without a version it has no headers either, and its answer should have none.
  if (request.httpVersionMajor !== 1)
    return badRequest(
      "The gateway does not speak this request's version of HTTP. Send it with an HTTP client library.",
    );
  const { host = "" } = request.headers;
  // Yoga makes a URL of it, and answers with a stack trace where that fails.
  if (host !== "" && !(/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`)))
    return badRequest("The Host header is not a host. Send only the name or address and the port.");
  const repeated = SINGLE_HEADERS.find((name) => (request.headersDistinct[name]?.length ?? 0) > 1);
  if (repeated === undefined) return null;
  const refusal = badRequest(`The header ${repeated} came twice. Send it once.`);
  // The sender may disagree about where the request ends, so nothing behind it is read.
  return { ...refusal, headers: { connection: "close" } };
}

/** Refuses a method that GraphQL has no use for, a GET with malformed parameters, and a POST that is not plain JSON. */
export function checkOperation(
  { method = "", headers }: IncomingMessage,
  parameters: string,
): Refusal | null {
  if (method !== "GET" && method !== "POST")
    return methodNotAllowed("GraphQL takes GET for queries and POST for everything. Use one.");
  // A small body may unpack to a large one.
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    return unsupported("The gateway unpacks no bodies. Send it without content-encoding.");
  if (method === "GET") return checkParameters(new URLSearchParams(parameters));
  // Any page on the web may send other types without asking first, and so start jobs that cost money.
  if (!/^application\/json[ \t]*(?:;|$)/i.test(headers["content-type"] ?? ""))
    return unsupported(
      "GraphQL requests must be JSON. Send the header content-type: application/json.",
    );
  return null;
}

function checkParameters(parameters: URLSearchParams): Refusal | null {
  for (const name of ["variables", "extensions"]) {
    try {
      JSON.parse(parameters.get(name) || "{}");
    } catch {
      return badRequest(`The parameter \`${name}\` is not JSON. Send an object, URL-encoded.`);
    }
  }
  return null;
}

function unsupported(message: string): Refusal {
  return { status: 415, code: "UNSUPPORTED_MEDIA_TYPE", message };
}
