import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import { toFileHeaders } from "../../engine/files/detect-file.ts";
import type { ByteRange, FileStore } from "../../engine/files/file-store.ts";
import type { FindOwner } from "../../engine/files/open-files.ts";
import { createFindThumbnail } from "../../engine/files/find-thumbnail.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import { FILE_HEADERS, type FileReaders } from "./file-readers.ts";
import { methodNotAllowed, notFound } from "./refuse.ts";

/** After this, a browser that has the file revalidates it, which costs little. */
const MAX_CACHED_SECONDS = 3_600;

type SignedTarget = NonNullable<ReturnType<SignedUrls["open"]>>;

/** Makes what answers requests for files, whose URLs are signed; rejects if there is nothing to send. */
export function createFileAnswer({
  store,
  findOwner,
  endLease,
  readers,
}: {
  readonly store: FileStore;
  readonly findOwner: FindOwner;
  readonly endLease: (name: string) => Promise<void>;
  readonly readers: FileReaders;
}) {
  const findThumbnail = createFindThumbnail({ store, findOwner, endLease });

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    target: SignedTarget,
  ): Promise<void> => {
    if (request.method !== "GET" && request.method !== "HEAD") throw NOT_ALLOWED;
    await readers.answer(response, async () => {
      const ownerId = await findOwner(target.name);
      if (ownerId === null) throw NOT_FOUND;
      const name =
        target.width === null
          ? target.name
          : await findThumbnail({ ...target, width: target.width });
      if (name === null) throw NOT_FOUND;
      await send(request, response, name, target.seconds);
    });
  };

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    seconds: number,
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
    // Before the head is written: a failure can still be answered.
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
    else await pipeline(opened, response);
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
  // Without a first byte, the number counts from the end.
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return from > to ? "unsatisfiable" : { from, to };
}

export const NOT_FOUND = notFound(
  "Nothing is here, or the URL has expired. Ask GraphQL for a new one.",
);
const NOT_ALLOWED = methodNotAllowed("Files can only be read. Send GET or HEAD.", "GET, HEAD");
