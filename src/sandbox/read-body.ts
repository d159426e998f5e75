import type { IncomingMessage } from "node:http";

const MAX_BYTES = 1_024 * 1_024;

export type Body =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "not-json" }
  | { readonly kind: "too-large" };

/** Reads a request's body, up to 1 MiB of it. Rejects when the client leaves half-way. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BYTES) return { kind: "too-large" };
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop must not destroy the socket: the answer still has to go through it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > MAX_BYTES) {
      // What is still on its way is dropped, so that the client gets to read the answer.
      request.resume();
      return { kind: "too-large" };
    }
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    const value: unknown = JSON.parse(text);
    return { kind: "json", value };
  } catch {
    // Neither invalid UTF-8 nor invalid JSON says more than that; the client gets a 422.
    return { kind: "not-json" };
  }
}
