import type { IncomingMessage } from "node:http";

/** Whether the request says itself, and so that Node holds it to it, that its body is no larger than `limitBytes`. */
export function isSurelySmall(request: IncomingMessage, limitBytes: number): boolean {
  return request.headers["transfer-encoding"] === undefined && !saysLarger(request, limitBytes);
}

/** The whole body, or null when it is larger than `limitBytes`, which its stated length alone may tell. */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
): Promise<Buffer | null> {
  if (saysLarger(request, limitBytes)) return null;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunksOf(request)) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads some more of a body that nobody wants, and drops it: a client that is still sending when the connection closes
 * does not see the answer.
 */
export async function dropBody(request: IncomingMessage): Promise<void> {
  let sizeBytes = 0;
  for await (const chunk of chunksOf(request)) {
    sizeBytes += chunk.length;
    if (sizeBytes > MOST_DROPPED_BYTES) return;
  }
}

const MOST_DROPPED_BYTES = 16 * 1024 * 1024;

function saysLarger(request: IncomingMessage, limitBytes: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > limitBytes;
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  // Left early, the loop would otherwise destroy the connection before it carries the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (Buffer.isBuffer(chunk)) yield chunk;
  }
}
