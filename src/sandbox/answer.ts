import type { ServerResponse } from "node:http";

/** An HTTP answer before it is sent. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
};

export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const contentType = { "content-type": "application/json; charset=utf-8" };
  return { status, headers: { ...contentType, ...headers }, body: JSON.stringify(value) };
}

/** The vendor's error envelope; `code` is its six-digit number, which begins with the HTTP status. */
export function refusal(
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const status = Math.floor(code / 1_000);
  return json(status, { error_code: code, error_message: message }, headers);
}

/** Node leaves the body out where the method is HEAD. */
export function send(response: ServerResponse, answer: Answer): void {
  const length = String(Buffer.byteLength(answer.body));
  response.writeHead(answer.status, { ...answer.headers, "content-length": length });
  response.end(answer.body);
}
