import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import type { BaseLogger } from "pino";

import { toFileHeaders } from "../files/detect-file.ts";
import type { ByteRange, FileStore } from "../files/file-store.ts";
import type { FindOwner } from "../files/open-files.ts";
import { createFindThumbnail } from "../files/find-thumbnail.ts";
import type { SignedUrls } from "../files/signed-urls.ts";
import { isDatabaseFailure } from "../store/database-error.ts";
import { CodedError, unavailable } from "../runtime/coded-error.ts";
import { Queue } from "../runtime/queue.ts";
import { methodNotAllowed, notFound } from "./refuse.ts";
import { createTransferSlots } from "./transfer-slots.ts";

/** Sent at once by a gateway; each has a stream of the file store open. */
const MAX_READERS = 1_000;

/** Of an owner's files in a turn of the event loop: that many are opened, or that many chunks are sent. */
const MAX_IN_A_TURN = 8;

/** A browser that has the file asks again then, and hears at little cost whether it is still there. */
const MAX_CACHED_SECONDS = 3_600;

/** What any page may show, and no page can run. */
const FILE_HEADERS = {
  "access-control-allow-origin": "*",
  "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  "cross-origin-resource-policy": "cross-origin",
};

type SignedTarget = NonNullable<ReturnType<SignedUrls["open"]>>;

/** Makes what answers requests for files, whose URLs are signed; rejects where there is nothing to send. */
export function createFileAnswer({
  store,
  findOwner,
  endLease,
  log,
}: {
  readonly store: FileStore;
  readonly findOwner: FindOwner;
  readonly endLease: (name: string) => Promise<void>;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const slots = createTransferSlots(MAX_READERS, BUSY);
  const queue = new Queue({ perKey: MAX_IN_A_TURN });
  const findThumbnail = createFindThumbnail({ store, findOwner, endLease });

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    target: SignedTarget,
  ): Promise<void> => {
    if (request.method !== "GET" && request.method !== "HEAD") throw NOT_ALLOWED;
    try {
      const ownerId = await findOwner(target.name);
      if (ownerId === null) throw NOT_FOUND;
      // A thumbnail may have to be made first.
      const countBytes = () => (response.headersSent ? request.socket.bytesWritten : null);
      await slots.run({ ownerId, countBytes, cut: () => response.destroy() }, async () => {
        await queue.run(ownerId, async () => undefined);
        const name =
          target.width === null
            ? target.name
            : await findThumbnail({ ...target, width: target.width }, ownerId);
        if (name === null) throw NOT_FOUND;
        await send(request, response, { name, ownerId, seconds: target.seconds });
      });
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      if (error instanceof CodedError) throw error;
      // Whatever keeps trying has logged that the database fails.
      if (!isDatabaseFailure(error))
        log.warn({ err: error }, "A file could not be read. Check where files are.");
      throw AWAY;
    }
  };

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    { name, ownerId, seconds }: { name: string; ownerId: string; seconds: number },
  ): Promise<void> {
    const { contentType, contentDisposition } = toFileHeaders(name);
    const caching = {
      "cache-control": `private, max-age=${Math.min(seconds, MAX_CACHED_SECONDS)}`,
    };
    // A presigned URL holds its method.
    if (store.presign !== null && request.method === "GET") {
      const options = { expiresInSeconds: seconds, contentType, contentDisposition };
      const location = await store.presign(name, options);
      return void response.writeHead(302, { ...FILE_HEADERS, ...caching, location }).end();
    }
    const etag = `"${name}"`;
    const headers = { ...FILE_HEADERS, ...caching, etag };
    if (request.headers["if-none-match"]?.includes(etag) === true)
      return void response.writeHead(304, headers).end();
    const size = await store.size(name);
    if (size === null) throw NOT_FOUND;
    const range = readRange(request, etag, size);
    if (range === "unsatisfiable") {
      const unsatisfied = { ...FILE_HEADERS, "content-range": `bytes */${size}` };
      return void response.writeHead(416, unsatisfied).end();
    }
    const { from, to } = range ?? { from: 0, to: size - 1 };
    const isEmpty = request.method === "HEAD" || size === 0;
    // Before the head is written: what fails is still told.
    const opened = isEmpty ? null : await store.open(name, { from, to });
    response.writeHead(range === null ? 200 : 206, {
      ...headers,
      "content-type": contentType,
      "content-disposition": contentDisposition,
      "content-length": to - from + 1,
      "accept-ranges": "bytes",
      ...(range !== null && { "content-range": `bytes ${from}-${to}/${size}` }),
    });
    if (opened === null) response.end();
    else await pipeline(opened, (chunks) => sendInTime(chunks, ownerId), response);
  }

  async function* sendInTime(
    chunks: AsyncIterable<Uint8Array>,
    ownerId: string,
  ): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await queue.run(ownerId, async () => undefined);
      yield chunk;
    }
  }
}

/** The one range that is asked for; null for the whole file, as for several ranges and for one of another version. */
function readRange(
  { headers }: IncomingMessage,
  etag: string,
  size: number,
): ByteRange | "unsatisfiable" | null {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const isOfOther = headers["if-range"] !== undefined && headers["if-range"] !== etag;
  if ((first === "" && last === "") || isOfOther) return null;
  // Without a first byte, it is the last so many bytes.
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return from > to ? "unsatisfiable" : { from, to };
}

export const NOT_FOUND = notFound(
  "Nothing is here, or the URL has expired. Ask GraphQL for a new one.",
);
const NOT_ALLOWED = methodNotAllowed("Files can only be read. Send GET or HEAD.", "GET, HEAD");
const BUSY = unavailable("Too many files are being read. Try again in a few seconds.");
const AWAY = unavailable("The file can't be read at the moment. Try again in a few seconds.");
