import { STATUS_CODES } from "node:http";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import type { LimitError } from "../job/errors.ts";

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

/** Why a request is not served: an HTTP status, a code in SCREAMING_SNAKE, and a sentence with the next step. */
export type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
  /** The number that is reached. */
  readonly limit?: number;
};

export function badRequest(message: string): Refusal {
  return { status: 400, code: "BAD_REQUEST", message };
}

export function methodNotAllowed(message: string): Refusal {
  const headers = { allow: "GET, POST, OPTIONS" };
  return { status: 405, code: "METHOD_NOT_ALLOWED", message, headers };
}

export function unavailable(message: string): Refusal {
  return { status: 503, code: "UNAVAILABLE", message, retryAfterSeconds: 5 };
}

export function overLimit(error: LimitError, status: 429 | 503): Refusal {
  const { code, message, retryAfterSeconds, limit } = error;
  return { status, code, message, retryAfterSeconds, limit };
}

/** Writes a refusal in GraphQL's form; the caller ends the response. */
export function writeRefusal(response: ServerResponse, refusal: Refusal, isLast: boolean): void {
  const body = toBody(refusal);
  const headers = { ...toHeaders(refusal, body), ...(isLast && { connection: "close" }) };
  response.writeHead(refusal.status, headers).write(response.req.method === "HEAD" ? "" : body);
}

/** Answers with a refusal where there is only a connection, and closes that. */
export function refuseConnection(connection: Duplex, refusal: Refusal): void {
  const body = toBody(refusal);
  const headers = { ...toHeaders(refusal, body), connection: "close" };
  connection.on("error", () => connection.destroy());
  connection.once("finish", () => connection.destroy());
  const lines = [...SECURITY_HEADERS, ...Object.entries(headers)].map((pair) => pair.join(": "));
  const status = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`;
  connection.end([status, ...lines, "", body].join("\r\n"));
}

function toBody({ code, message, retryAfterSeconds, limit }: Refusal): string {
  // JSON leaves out what is undefined.
  return JSON.stringify({ errors: [{ message, extensions: { code, retryAfterSeconds, limit } }] });
}

function toHeaders({ headers = {}, retryAfterSeconds }: Refusal, body: string) {
  return {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    ...headers,
  };
}
