import { STATUS_CODES } from "node:http";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { AuthenticationError } from "../../auth/authenticator.ts";
import type { Config } from "../../config/load-config.ts";
import { CodedError } from "../../runtime/coded-error.ts";

/** On every answer: it is nobody's page, frame, script or cached copy. */
export const SECURITY_HEADERS = new Map([
  ["cache-control", "no-store"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
]);

export function badRequest(message: string, headers: CodedError["headers"] = {}): CodedError {
  return new CodedError("BAD_REQUEST", message, { headers });
}

export function notFound(message: string): CodedError {
  return new CodedError("NOT_FOUND", message);
}

export function methodNotAllowed(message: string, allow = "GET, POST, OPTIONS"): CodedError {
  return new CodedError("METHOD_NOT_ALLOWED", message, { headers: { allow } });
}

export type HttpLimits = Config["limits"]["http"];

/** Why Node refuses what comes on a connection, by its code. */
export function toClientError(code: string, limits: HttpLimits): CodedError {
  const { headersBytes: limit, requestSeconds } = limits;
  switch (code) {
    case "HPE_HEADER_OVERFLOW": {
      const message = `The request's headers are larger than ${limit / 1_024} KiB. Send fewer or shorter ones, and long queries by POST.`;
      return new CodedError("HEADERS_TOO_LARGE", message, { limit });
    }
    case "ERR_HTTP_REQUEST_TIMEOUT": {
      const message = `The request took too long to arrive: it may take ${requestSeconds} s. Send it at once, over a new connection.`;
      return new CodedError("REQUEST_TIMEOUT", message);
    }
    default:
      return badRequest(
        "This is not a well-formed HTTP request. Send it with an HTTP client's library.",
      );
  }
}

/** Writes a refusal in GraphQL's form; the caller ends the response. */
export function writeRefusal(response: ServerResponse, refusal: CodedError, isLast: boolean): void {
  const body = toBody(refusal);
  const headers = { ...toHeaders(refusal, body), ...(isLast && { connection: "close" }) };
  response.writeHead(refusal.status, headers).write(response.req.method === "HEAD" ? "" : body);
}

/** Answers with a refusal on a bare connection, and closes it. */
export function refuseConnection(connection: Duplex, refusal: CodedError): void {
  const body = toBody(refusal);
  const headers = { ...toHeaders(refusal, body), connection: "close" };
  connection.on("error", () => connection.destroy());
  connection.once("finish", () => connection.destroy());
  const lines = [...SECURITY_HEADERS, ...Object.entries(headers)].map((pair) => pair.join(": "));
  const status = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`;
  connection.end([status, ...lines, "", body].join("\r\n"));
}

function toBody(refusal: CodedError): string {
  return JSON.stringify({ errors: [refusal] });
}

function toHeaders(refusal: CodedError, body: string) {
  const { retryAfterSeconds, headers } = refusal;
  const isMissing = refusal instanceof AuthenticationError && refusal.reason === "missing";
  const challenge = isMissing ? "Bearer" : 'Bearer error="invalid_token"';
  return {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    ...(refusal.code === "UNAUTHENTICATED" && { "www-authenticate": challenge }),
    ...headers,
  };
}
