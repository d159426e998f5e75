import { openAsBlob } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, pipeline, type Readable } from "node:stream";

import { AwsV4Signer } from "aws4fetch";

import { codeOf } from "../../runtime/coded-error.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { sleepFor } from "../../runtime/loop.ts";
import {
  type ByteRange,
  checkFileName,
  type FileStore,
  FileStoreError,
  onDisk,
  writeDraft,
} from "./file-store.ts";

const MAX_ATTEMPTS = 3;
const BACK_OFF_MS = 300;
/** A transfer may take as long as at 50 kB/s; fetch itself ends one that is silent for five minutes. */
const SLOWEST_BYTES_PER_MS = 50;
const MAX_PRESIGNED_SECONDS = 7 * 24 * 60 * 60;

type S3Options = {
  readonly location: S3Location;
  /** What every key begins with, up to its last slash. */
  readonly folder: string;
  readonly credentials: S3Credentials;
  /** How long S3 may take to answer, on top of what it takes to send a file; 30 s by default. */
  readonly answerMs?: number;
};

export type S3Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
};

/** A bucket, and where it is. */
export type S3Location = {
  /** Without a slash at its end; the bucket's name follows in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
};

/** Files in a bucket, each sent in one piece, and so of 5 GiB at most. Drafts are on the local disk until they are kept. */
export async function openS3Store(options: S3Options): Promise<FileStore> {
  const { folder } = options;
  const { send, presign, close } = createS3Client(options);
  await checkBucket();
  const toKey = (name: string): string => folder + checkFileName(name);
  const drafts = await onDisk(tmpdir(), () => mkdtemp(join(tmpdir(), "runcomfy-graphql-files-")));
  return {
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
        send(call, async (response, abort) => {
          checkRange(response.headers, range);
          return toStream(response.body, abort);
        }),
      );
    },
    async size(name) {
      const call = { method: "HEAD", key: toKey(name) } as const;
      return await nullIfMissing(send(call, async ({ headers }) => readLength(headers)));
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
  };

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

function readLength(headers: Headers): number {
  const length = headers.get("content-length");
  if (length === null) throw new FileStoreError(`S3 did not give the length of a file. ${MEDDLED}`);
  return Number(length);
}

function checkRange(headers: Headers, range: ByteRange | undefined): void {
  if (range === undefined) return;
  if (headers.get("content-range")?.startsWith(`bytes ${range.from}-${range.to}/`) === true) return;
  throw new FileStoreError(`S3 gave another part of a file than was asked for. ${MEDDLED}`);
}

const MEDDLED = "Check what stands between the gateway and S3.";

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

type S3Call = {
  readonly method: "DELETE" | "GET" | "HEAD" | "PUT";
  /** Has letters that need no escape in a path; empty for the bucket. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Blob;
};

/** S3 refused a call, or failed at it. */
class S3RefusedError extends FileStoreError {
  readonly httpStatus: number;

  /** `code` is S3's own, such as `NoSuchKey`. */
  constructor(httpStatus: number, code: string | null) {
    super(explain(httpStatus, code));
    this.httpStatus = httpStatus;
  }
}

/** Reads an answer. It may abort what it leaves unread, which has no bound in time. */
type Read<T> = (response: Response, abort: () => void) => Promise<T>;

/** Signs the calls to one bucket, bounds them in time and repeats what may pass. Rejects with a `FileStoreError`. */
function createS3Client({
  location: { endpoint, region, bucket },
  credentials: { sessionToken, ...keys },
  answerMs = 30_000,
}: Pick<S3Options, "location" | "credentials" | "answerMs">) {
  const signing = {
    ...keys,
    ...(sessionToken === null ? {} : { sessionToken }),
    region,
    service: "s3",
    cache: new Map<string, ArrayBuffer>(),
  };
  const closing = new AbortController();

  function toUrl({ key, query = {} }: Pick<S3Call, "key" | "query">): string {
    const url = new URL(`${endpoint}/${bucket}/${key}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  async function sendOnce<T>(call: S3Call, read: Read<T>): Promise<T> {
    const { method, headers = {}, body } = call;
    const signed = await new AwsV4Signer({ ...signing, method, url: toUrl(call), headers }).sign();
    // A server or proxy that compresses changes lengths and ranges. Not signed, because proxies replace it.
    signed.headers.set("accept-encoding", "identity");
    const patience = new AbortController();
    const signal = AbortSignal.any([closing.signal, patience.signal]);
    const stopTimer = clock.setTimer(
      () => patience.abort(new FileStoreError(TOO_SLOW)),
      answerMs + (body?.size ?? 0) / SLOWEST_BYTES_PER_MS,
    );
    try {
      const response = await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal,
        body: body ?? null,
        // In any other mode fetch holds all of a body in memory, to send it again after a redirect.
        redirect: body === undefined ? "manual" : "error",
      });
      if (!response.ok) throw new S3RefusedError(response.status, readCode(await response.text()));
      return await read(response, () => patience.abort());
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      patience.abort();
      throw reason;
    } finally {
      stopTimer();
    }
  }

  return {
    /** Resolves with what is read of an answer that is a success. */
    async send<T>(call: S3Call, read: Read<T>): Promise<T> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await sendOnce(call, read);
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || !mayPass(error)) throw toFileStoreError(error);
        }
        // After an abort, the next attempt reports it.
        await sleepFor(BACK_OFF_MS * attempt * (0.5 + chance.random()), closing.signal);
      }
    },
    /** A URL that anybody may GET for so long, at most seven days. */
    async presign(key: string, expiresInSeconds: number, query: S3Call["query"]): Promise<string> {
      const seconds = Math.min(Math.ceil(expiresInSeconds), MAX_PRESIGNED_SECONDS);
      const url = toUrl({ key, query: { ...query, "X-Amz-Expires": String(seconds) } });
      const signed = await new AwsV4Signer({ ...signing, url, signQuery: true }).sign();
      // Not every server takes a plus for the space that was signed.
      signed.url.search = signed.url.search.replaceAll("+", "%20");
      return signed.url.href;
    },
    /** Ends all calls. */
    close(): void {
      closing.abort(new FileStoreError("The gateway stops. Try again once it runs."));
    },
  };
}

/** What was thrown is not kept as a cause: its fields name addresses, and at worst a header. */
function toFileStoreError(error: unknown): FileStoreError {
  if (error instanceof FileStoreError) return error;
  const code = readNetworkCode(error);
  if (SILENCE.has(code)) return new FileStoreError(TOO_SLOW);
  return new FileStoreError(
    `The connection to S3 failed (${code}). Check endpoint= in FILES_URL and the gateway's network if this stays.`,
  );
}

const TOO_SLOW =
  "S3 did not answer in time. Check endpoint= in FILES_URL and the status page of the service if this stays.";

/** The codes of a connection that was silent for five minutes. */
const SILENCE = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Whether a failure is of the network or of S3 itself. What took too long is not worth as long again. */
function mayPass(error: unknown): boolean {
  if (error instanceof S3RefusedError) return error.httpStatus >= 500 || error.httpStatus === 429;
  return !(error instanceof FileStoreError) && !SILENCE.has(readNetworkCode(error));
}

function readNetworkCode(error: unknown): string {
  return String(codeOf(Object(error).cause) ?? codeOf(error) ?? "no reason was given");
}

function readCode(text: string): string | null {
  return /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1] ?? null;
}

const OTHER_REGION = /^(?:AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/;
const BAD_TOKEN = /^(?:ExpiredToken|InvalidToken|TokenRefreshRequired)$/;

function explain(httpStatus: number, code: string | null): string {
  const reason = code ?? `HTTP ${httpStatus}`;
  if (code === "NoSuchBucket") {
    return `There is no such bucket (${reason}). Create it, or correct its name in FILES_URL.`;
  }
  if (code === "RequestTimeTooSkewed") {
    return `S3 and the gateway have different times (${reason}). Set the clock of the gateway's machine.`;
  }
  if ((httpStatus >= 300 && httpStatus < 400) || OTHER_REGION.test(reason)) {
    return `The bucket is elsewhere (${reason}). Correct region= and endpoint= in FILES_URL.`;
  }
  if (httpStatus === 401 || httpStatus === 403 || BAD_TOKEN.test(reason)) {
    return `S3 refused the credentials (${reason}). Check AWS_ACCESS_KEY_ID and its secret, and that this key may list the bucket, and read, write and delete its files.`;
  }
  if (httpStatus === 429 || httpStatus >= 500) {
    return `S3 failed (${reason}). Try again soon; check the status page of the service if this stays.`;
  }
  return `S3 refused a call (${reason}). Check that FILES_URL leads to a bucket.`;
}
