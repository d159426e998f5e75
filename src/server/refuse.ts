import { STATUS_CODES } from "node:http";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import type { LimitError } from "../job/errors.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";

/** Why a request is not served: an HTTP status, a code in SCREAMING_SNAKE, and a sentence with the next step. */
export type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** What a client may need to come back. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
  /** The number that is reached. */
  readonly limit?: number;
};

/** Says with this status that a limit is reached. */
export function toRefusal(error: LimitError, status: 429 | 503): Refusal {
  const { code, message, retryAfterSeconds, limit } = error;
  return { status, code, message, retryAfterSeconds, limit };
}

/** Answers with a refusal in GraphQL's form; the caller may have more to do before it ends the response. */
export function writeRefusal(
  response: ServerResponse,
  refusal: Refusal,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = toBody(refusal);
  response
    .writeHead(refusal.status, { ...toHeaders(refusal, body), ...headers })
    .write(response.req.method === "HEAD" ? "" : body);
}

/** Answers with a refusal where there is only a connection, and closes that. */
export function refuseConnection(connection: Duplex, refusal: Refusal): void {
  const body = toBody(refusal);
  const headers = { ...SECURITY_HEADERS, ...toHeaders(refusal, body), connection: "close" };
  connection.on("error", () => connection.destroy());
  connection.once("finish", () => connection.destroy());
  connection.end(
    [
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      "",
      body,
    ].join("\r\n"),
  );
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
