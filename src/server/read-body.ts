import type { IncomingMessage } from "node:http";

/** Whether the request says itself, and so that Node holds it to it, that its body is no larger than `limitBytes`. */
export function isSurelySmall(request: IncomingMessage, limitBytes: number): boolean {
  const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
  return encoding === undefined && Number(length) <= limitBytes;
}

/**
 * The whole body, or null when it is larger than `limitBytes`. Of a body that is too large some more is read and
 * dropped: a client that is still sending when the connection closes does not see the answer.
 */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Left early, the loop would destroy the connection before it carries the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    sizeBytes += chunk.length;
    if (sizeBytes <= limitBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (sizeBytes > limitBytes + MOST_DROPPED_BYTES) break;
  }
  return sizeBytes > limitBytes ? null : Buffer.concat(chunks);
}

const MOST_DROPPED_BYTES = 16 * 1024 * 1024;
