import type { IncomingMessage } from "node:http";

import type { Refusal } from "./refuse.ts";

/** Of which Node takes the first, and a proxy perhaps the last. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "content-type",
  "content-encoding",
  "origin",
]);

/** Refuses a request whose headers are ambiguous or whose Host is no host; null for every other. */
export function checkHeaders(request: IncomingMessage): Refusal | null {
  // Without a version it has no headers either, and its answer should have none.
  if (request.httpVersionMajor !== 1)
    return badRequest(
      "The gateway does not speak this request's version of HTTP. Send it with an HTTP client library.",
    );
  const { host = "" } = request.headers;
  // Yoga makes a URL of it, and answers with the stack where that fails.
  if (host !== "" && !(/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`)))
    return badRequest("The Host header is not a host. Send only the name or address and the port.");
  const repeated = findRepeated(request.rawHeaders);
  if (repeated === null) return null;
  // Who sent this may disagree about where the request ends, so nothing behind it is read.
  const headers = { connection: "close" };
  return { ...badRequest(`The header ${repeated} came twice. Send it once.`), headers };
}

/** Refuses a method that GraphQL has no use for, a GET whose parameters are malformed, and a POST that is not plain JSON. */
export function checkOperation(
  { method = "", headers }: IncomingMessage,
  parameters: string,
): Refusal | null {
  if (method !== "GET" && method !== "POST") return METHOD_NOT_ALLOWED;
  // A small body may be a large one when it is unpacked.
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    return unsupported("The gateway unpacks no bodies. Send it without content-encoding.");
  if (method === "GET") return checkParameters(new URLSearchParams(parameters));
  // Other types any page on the web may send without asking first, and so start jobs that cost money.
  if (!/^application\/json[ \t]*(?:;|$)/i.test(headers["content-type"] ?? ""))
    return unsupported(
      "GraphQL requests must be JSON. Send the header content-type: application/json.",
    );
  return null;
}

const METHOD_NOT_ALLOWED: Refusal = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  message: "GraphQL takes GET for queries and POST for everything. Send one of these.",
  headers: { allow: "GET, POST, OPTIONS" },
};

function findRepeated(rawHeaders: readonly string[]): string | null {
  const seen = new Set<string>();
  // Names and values alternate.
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = rawHeaders[place]?.toLowerCase() ?? "";
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

function checkParameters(parameters: URLSearchParams): Refusal | null {
  for (const name of ["variables", "extensions"]) {
    const value = parameters.get(name);
    if (value !== null && value !== "" && !isJson(value))
      return badRequest(`The parameter \`${name}\` is not JSON. Send an object, URL-encoded.`);
  }
  return null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function badRequest(message: string): Refusal {
  return { status: 400, code: "BAD_REQUEST", message };
}

function unsupported(message: string): Refusal {
  return { status: 415, code: "UNSUPPORTED_MEDIA_TYPE", message };
}
