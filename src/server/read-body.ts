import type { IncomingMessage } from "node:http";

/** What a chunk takes besides its bytes, which may be a single one. */
const CHUNK_BYTES = 512;
const MAX_DROPPED_BYTES = 16 * 1_048_576;

/** Whether the request says that its body is at most `limitBytes`, so that Node holds it to that. */
export function isSurelySmall({ headers }: IncomingMessage, limitBytes: number): boolean {
  return headers["transfer-encoding"] === undefined && readLength(headers) <= limitBytes;
}

/** The whole body, or null when it is larger than `limitBytes`; `hold` is told how much memory it takes. */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
  hold: (bytes: number) => void,
): Promise<Buffer | null> {
  if (readLength(request.headers) > limitBytes) return null;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Half of what the request's iterator costs.
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | null>();
  const end = (body: Buffer | null): void => {
    request.off("data", take);
    resolve(body);
  };
  function take(chunk: Buffer): void {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) return end(null);
    chunks.push(chunk);
    hold(sizeBytes + chunks.length * CHUNK_BYTES);
  }
  request.on("data", take);
  request.once("end", () =>
    end(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
  );
  request.once("error", reject);
  return await promise;
}

/** Drops the next 16 MiB of a body: a client that still sends when the connection closes would not see the answer. */
export async function dropBody(request: IncomingMessage): Promise<void> {
  let sizeBytes = 0;
  // Left early, the request's own iterator would destroy the connection before it carries the answer.
  const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_DROPPED_BYTES) return;
  }
}

function readLength(headers: IncomingMessage["headers"]): number {
  return Number(headers["content-length"] ?? 0);
}
