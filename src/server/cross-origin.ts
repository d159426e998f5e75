import type { IncomingMessage, ServerResponse } from "node:http";

import type { Origins } from "./origins.ts";

const PREFLIGHT = {
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers": "authorization, content-type, accept",
  "access-control-max-age": "600",
} as const;

/** Lets the page that sent a request read its answer, when it may; true when that was all that was asked for. */
export function answerOrigin(
  request: IncomingMessage,
  response: ServerResponse,
  origins: Origins,
): boolean {
  const { origin } = request.headers;
  response.setHeader("vary", "origin, accept, accept-encoding");
  const isAdmitted = origin !== undefined && !origins.isForeign(request);
  if (isAdmitted) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", "retry-after, www-authenticate");
  }
  if (request.method !== "OPTIONS") return false;
  response.writeHead(204, { allow: "GET, POST, OPTIONS", ...(isAdmitted && PREFLIGHT) }).end();
  return true;
}
