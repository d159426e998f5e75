import type { IncomingMessage, ServerResponse } from "node:http";

/** So that callers can know that it is not RunComfy. */
const NAME = "runcomfy-sandbox";
const MAX_BYTES = 1_024 * 1_024;

/** An HTTP answer before it is sent. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** The connection is cut before or half-way through the answer, or the answer comes late or never. */
  readonly delivery?: "whole" | "cut" | "half" | "never" | "slow";
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
  status = Math.floor(code / 1_000),
): Answer {
  return json(status, { error_code: code, error_message: message }, headers);
}

/** Node leaves the body out where the method is HEAD. */
export function send(response: ServerResponse, answer: Answer, slowMs: number): void {
  const { delivery } = answer;
  const body = Buffer.from(answer.body);
  if (delivery === "never") return;
  if (delivery === "cut") return void response.socket?.resetAndDestroy();
  if (delivery === "slow") {
    const timer = setTimeout(() => send(response, { ...answer, delivery: "whole" }, 0), slowMs);
    response.once("close", () => clearTimeout(timer));
    return;
  }
  const headers = { ...answer.headers, "content-length": String(body.length), server: NAME };
  response.writeHead(answer.status, headers);
  if (delivery === "half")
    response.write(body.subarray(0, body.length / 2), () => response.socket?.resetAndDestroy());
  else response.end(body);
}

/** A request's body; null where it is larger than 1 MiB. Rejects when the client leaves half-way. */
export async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BYTES) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop must not destroy the socket: the answer still has to go through it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    // What is still on its way is dropped, so that the client gets to read the answer.
    if (length > MAX_BYTES) {
      request.resume();
      return null;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Undefined for what is no JSON in UTF-8. */
export function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
