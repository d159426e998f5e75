import type { ServerResponse } from "node:http";

const HTML = "<!doctype html><title>Bad Gateway</title><h1>nginx</h1>";

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with an error as the vendor writes it. */
export function refuse(response: ServerResponse, status: number, errorCode: number): void {
  json(response, status, { error_code: errorCode, error_message: "The vendor's own words." });
}

/** Answers with plain text. */
export function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain" }).end(body);
}

/** Answers as a proxy does. */
export function html(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end(HTML);
}

/** Begins an answer that has no end. */
export function begin(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "application/json" }).write('{"status":');
}

/** Begins an answer that never ends, and goes on with it a byte at a time. */
export function drip(response: ServerResponse): void {
  begin(response, 200);
  const timer = setInterval(() => response.write(" "), 20);
  response.once("close", () => clearInterval(timer));
}

/** Writes without end, as fast as it is read. */
export function pour(response: ServerResponse): void {
  const chunk = "x".repeat(64 * 1024);
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.writeHead(200, { "content-type": "application/json" }).write('{"output":"');
  response.on("drain", write);
  write();
}

/** Asks for a pause, with this Retry-After if any. */
export function limit(response: ServerResponse, retryAfter: string | null): void {
  const headers = retryAfter === null ? {} : { "retry-after": retryAfter };
  json(response, 429, { message: "Too many requests" }, headers);
}
