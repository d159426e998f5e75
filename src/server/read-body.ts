import type { IncomingMessage } from "node:http";

const FIRST_BYTES = 4_096;
const MOST_DROPPED_BYTES = 16 * 1_048_576;

/** Whether the request says itself, and so that Node holds it to it, that its body is no larger than `limitBytes`. */
export function isSurelySmall(request: IncomingMessage, limitBytes: number): boolean {
  return request.headers["transfer-encoding"] === undefined && !saysLarger(request, limitBytes);
}

/**
 * The whole body, or null when it is larger than `limitBytes`, which its stated length alone may tell. `hold` hears how
 * much memory it takes.
 */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
  hold: (bytes: number) => void,
): Promise<Buffer | null> {
  if (saysLarger(request, limitBytes)) return null;
  // Copied into one buffer: a chunk of one byte takes hundreds.
  let body = Buffer.allocUnsafe(FIRST_BYTES);
  let length = 0;
  for await (const chunk of chunksOf(request)) {
    const needed = length + chunk.length;
    if (needed > limitBytes) return null;
    if (needed > body.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * body.length, limitBytes)));
      body.copy(larger, 0, 0, length);
      body = larger;
    }
    chunk.copy(body, length);
    length = needed;
    hold(body.length);
  }
  return body.subarray(0, length);
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

function saysLarger(request: IncomingMessage, limitBytes: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > limitBytes;
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  // Left early, the loop would otherwise destroy the connection before it carries the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (Buffer.isBuffer(chunk)) yield chunk;
  }
}
