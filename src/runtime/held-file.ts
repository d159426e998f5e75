import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

/**
 * A file that is held in memory, compressed too once that is asked for, so that an answer which nobody reads costs no
 * memory of its own.
 */
export type HeldFile = ReturnType<typeof holdFile>;

export function holdFile(plain: Buffer, headers: Readonly<Record<string, string>>) {
  let zipped: Promise<Buffer> | undefined;
  const zip = () => (zipped ??= promisify(gzip)(plain, { level: 9 }));
  // Weak, as it is the same for what is compressed.
  const etag = `W/"${createHash("sha256").update(plain).digest("base64url")}"`;
  return { plain, zip, headers: { ...headers, etag, vary: "accept, accept-encoding" } };
}

/** Answers a GET or HEAD with a file, unless the browser has it. */
export async function sendFile(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  file: HeldFile,
): Promise<void> {
  if (headers["if-none-match"] === file.headers.etag)
    return void response.writeHead(304, file.headers).end();
  const isZipped = /\bgzip\b(?! *; *q=0\b)/.test(String(headers["accept-encoding"]));
  const bytes = isZipped ? await file.zip() : file.plain;
  response.writeHead(200, {
    ...file.headers,
    "content-length": bytes.length,
    ...(isZipped && { "content-encoding": "gzip" }),
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

/** A content security policy by which a page gets nothing from anywhere but these sources. */
export function toContentPolicy(sources: Readonly<Record<string, string>>): string {
  const allowed = Object.entries(sources).map(([kind, from]) => `${kind}-src ${from}`);
  return `default-src 'none'; ${allowed.join("; ")}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
