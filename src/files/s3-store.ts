import { openAsBlob } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, pipeline, type Readable } from "node:stream";

import { type ByteRange, checkFileName, type FileStore, FileStoreError } from "./file-store.ts";
import {
  createS3Client,
  type S3Credentials,
  type S3Place,
  S3RefusedError,
  toFileStoreError,
} from "./s3-client.ts";
import { onDisk, writeDraft } from "./write-draft.ts";

/** Files in a bucket, each sent in one piece, and so of 5 GiB at most. Drafts are on the local disk until they are kept. */
export async function openS3Store(options: {
  readonly place: S3Place;
  /** What every key begins with, up to its last slash. */
  readonly folder: string;
  readonly credentials: S3Credentials;
  /** How long S3 may take to answer, on top of what it takes to send a file; 30 s by default. */
  readonly answerMs?: number;
}): Promise<FileStore & { close(): Promise<void> }> {
  const { place, folder, credentials, answerMs = 30_000 } = options;
  const { send, presign, close } = createS3Client({ place, credentials, answerMs });
  const toKey = (name: string): string => folder + checkFileName(name);
  const drafts = await onDisk(tmpdir(), () => mkdtemp(join(tmpdir(), "runcomfy-graphql-files-")));
  const store = {
    async draft(bytes, { mostBytes }) {
      const draft = await writeDraft({ folder: drafts, bytes, mostBytes });
      return {
        ...draft,
        async keepAs(name, contentType) {
          const key = toKey(name);
          const body = await onDisk(drafts, () => openAsBlob(draft.path));
          const headers = { "content-type": contentType };
          await send({ method: "PUT", key, headers, body }, ignore);
          await draft[Symbol.asyncDispose]();
        },
      };
    },
    async open(name, range) {
      const headers = range === undefined ? {} : { range: `bytes=${range.from}-${range.to}` };
      const call = { method: "GET", key: toKey(name), headers } as const;
      return await nullIfMissing(
        send(call, async (response, abort) => ({
          bytes: readBytes(response.headers, range),
          stream: toStream(response.body, abort),
        })),
      );
    },
    async size(name) {
      const call = { method: "HEAD", key: toKey(name) } as const;
      return await nullIfMissing(send(call, async ({ headers }) => readBytes(headers, undefined)));
    },
    async delete(name) {
      await nullIfMissing(send({ method: "DELETE", key: toKey(name) }, ignore));
    },
    async presign(name, { expiresInSeconds, contentType, contentDisposition }) {
      return await presign(toKey(name), expiresInSeconds, {
        "response-content-type": contentType,
        "response-content-disposition": contentDisposition,
      });
    },
    async close() {
      close();
      await onDisk(drafts, () => rm(drafts, { recursive: true, force: true }));
    },
  } satisfies FileStore & { close(): Promise<void> };
  try {
    await checkBucket();
    // Only a write shows that these credentials may write. No file has such a name.
    await send({ method: "PUT", key: `${folder}.check` }, ignore);
    await send({ method: "DELETE", key: `${folder}.check` }, ignore);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }

  async function checkBucket(): Promise<void> {
    const query = { "list-type": "2", prefix: folder, "max-keys": "1" };
    const page = await send({ method: "GET", key: "", query }, (response) => response.text());
    if (page.includes("<ListBucketResult")) return;
    throw new FileStoreError(
      "What answers at the endpoint is not S3. Correct endpoint= in FILES_URL.",
    );
  }

  async function nullIfMissing<T>(promise: Promise<T>): Promise<T | null> {
    try {
      return await promise;
    } catch (error) {
      if (!(error instanceof S3RefusedError) || error.httpStatus !== 404) throw error;
      // A bucket that is gone, or whose endpoint has changed, has not lost one file.
      await checkBucket();
      return null;
    }
  }
}

/** Reads an answer to its end, so that its connection serves the next call. */
async function ignore(response: Response): Promise<void> {
  await response.text();
}

/** How large the whole file is. */
function readBytes(headers: Headers, range: ByteRange | undefined): number {
  const start = range === undefined ? "" : `bytes ${range.from}-${range.to}/`;
  const text = headers.get(range === undefined ? "content-length" : "content-range");
  const bytes = text?.startsWith(start) ? text.slice(start.length) : "";
  if (/^\d+$/.test(bytes)) return Number(bytes);
  throw new FileStoreError(
    "S3 did not tell the length of a file, or gave another part of it than was asked for. Check what stands between the gateway and S3.",
  );
}

function toStream(body: Response["body"], abort: () => void): Readable {
  const stream = new PassThrough();
  // A read that waits for S3 would otherwise go on after the stream was destroyed.
  stream.once("close", abort);
  pipeline(translateErrors(body ?? []), stream, () => undefined);
  return stream;
}

async function* translateErrors(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  try {
    yield* body;
  } catch (error) {
    throw toFileStoreError(error);
  }
}
