import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** Why a request is not served: an HTTP status, a code in SCREAMING_SNAKE, and a sentence with the next step. */
export type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
};

/** Answers with a refusal in GraphQL's form; the caller may have more to do before it ends the response. */
export function writeRefusal(
  response: ServerResponse,
  { status, code, message }: Refusal,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
  response
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "access-control-allow-origin": "*",
      ...headers,
    })
    .write(body);
}
