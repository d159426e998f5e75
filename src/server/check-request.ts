import type { IncomingMessage } from "node:http";

import type { Refusal } from "./refuse.ts";

/** Refuses a request whose Host header is no host; null for every other. */
export function checkHost({ headers: { host = "" } }: IncomingMessage): Refusal | null {
  // Yoga makes a URL of it, and answers with the stack where that fails.
  if (host === "" || (/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`))) return null;
  return badRequest(
    "The Host header is no host. Send the name or address and the port, nothing else.",
  );
}

/** Refuses a GET whose parameters are malformed and a POST that is not JSON; null for every other request. */
export function checkOperation(request: IncomingMessage, parameters: string): Refusal | null {
  const { method, headers } = request;
  if (method === "GET") return checkParameters(new URLSearchParams(parameters));
  // Other types any page on the web may send without asking first, and so start jobs that cost money.
  if (method === "POST" && !/^application\/json(?:[;,]|$)/.test(headers["content-type"] ?? ""))
    return {
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      message: "GraphQL takes JSON alone. Send it with the header content-type: application/json.",
    };
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
