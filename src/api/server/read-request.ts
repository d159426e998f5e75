import type { IncomingMessage } from "node:http";

import { CodedError } from "../../runtime/coded-error.ts";
import { isDeeperThan } from "../../runtime/json-depth.ts";
import type { ByteLimit } from "../../runtime/byte-limit.ts";
import type { Release } from "../../runtime/semaphore.ts";
import { badRequest, methodNotAllowed } from "./refuse.ts";

/** Bytes of bodies are counted in steps of so many. */
const STEP_BYTES = 16_384;
const MAX_CHUNKS = 64;
const MAX_DROPPED_BYTES = 16 * 1_048_576;
/** Of these Node takes the first, and a proxy perhaps the last. */
const SINGLE_HEADERS = ["host", "authorization", "content-type", "content-encoding", "origin"];

/** Of all JSON that clients send: an input may have 64, and some more are around it. */
const MAX_LEVELS = 80;
export const TOO_DEEP = `is nested deeper than ${MAX_LEVELS} levels. Flatten it.`;

/** Whether a client's JSON has to be refused before it is parsed: what is parsed is walked by all that comes next. */
export function isTooDeep(json: Uint8Array): boolean {
  return isDeeperThan(json, MAX_LEVELS);
}

/** Throws BAD_REQUEST for a request whose headers are ambiguous or whose Host is no host. */
export function checkHeaders(request: IncomingMessage): void {
  // Without a version it has no headers either, and its answer should have none.
  if (request.httpVersionMajor !== 1)
    throw badRequest(
      "The gateway does not speak this request's version of HTTP. Send it with an HTTP client library.",
    );
  const { host = "" } = request.headers;
  // Yoga makes a URL of it, and answers with a stack trace where that fails.
  if (host !== "" && !(/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`)))
    throw badRequest("The Host header is not a host. Send only the name or address and the port.");
  const repeated = SINGLE_HEADERS.find((name) => (request.headersDistinct[name]?.length ?? 0) > 1);
  // The sender may disagree about where the request ends, so nothing behind it is read.
  if (repeated !== undefined)
    throw badRequest(`The header ${repeated} came twice. Send it once.`, { connection: "close" });
}

/** Throws for a method that GraphQL has no use for, a GET with malformed parameters, and a POST that is not plain JSON. */
export function checkOperation(
  { method = "", headers }: IncomingMessage,
  parameters: string,
): void {
  if (method !== "GET" && method !== "POST")
    throw methodNotAllowed("GraphQL takes GET for queries and POST for everything. Use one.");
  checkEncoding(headers);
  if (method === "GET") return checkParameters(new URLSearchParams(parameters));
  checkType(headers, "GraphQL requests");
}

/** Throws for anything but a POST of plain JSON; `what` is the plural that the errors say, `allow` what may come. */
export function checkPost(
  { method, headers }: IncomingMessage,
  what: string,
  allow = "POST",
): void {
  if (method !== "POST") throw methodNotAllowed(`${what} come by POST. Send that.`, allow);
  checkEncoding(headers);
  checkType(headers, what);
}

function checkEncoding(headers: IncomingMessage["headers"]): void {
  // A small body may unpack to a large one.
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    throw unsupported("The gateway unpacks no bodies. Send it without content-encoding.");
}

function checkType(headers: IncomingMessage["headers"], what: string): void {
  // Any page on the web may send other types without asking first, and so start jobs that cost money.
  if (!/^application\/json[ \t]*(?:;|$)/i.test(headers["content-type"] ?? ""))
    throw unsupported(`${what} must be JSON. Send the header content-type: application/json.`);
}

function checkParameters(parameters: URLSearchParams): void {
  for (const name of ["variables", "extensions"]) {
    const value = parameters.get(name) || "{}";
    if (isTooDeep(Buffer.from(value))) throw badRequest(`The parameter \`${name}\` ${TOO_DEEP}`);
    try {
      JSON.parse(value);
    } catch {
      throw badRequest(`The parameter \`${name}\` is not JSON. Send an object, URL-encoded.`);
    }
  }
}

function unsupported(message: string): CodedError {
  return new CodedError("UNSUPPORTED_MEDIA_TYPE", message);
}

function bodyTooLarge(limit: number): CodedError {
  const message = `The body is larger than ${limit / 1_024} KiB. Send pictures as URLs, and shorten or split the rest.`;
  return new CodedError("PAYLOAD_TOO_LARGE", message, { limit });
}

/** Whether the request says that its body is at most `limitBytes`, so that Node holds it to that. */
export function isSurelySmall({ headers }: IncomingMessage, limitBytes: number): boolean {
  return headers["transfer-encoding"] === undefined && readLength(headers) <= limitBytes;
}

/** Reads the whole body. Rejects with PAYLOAD_TOO_LARGE if it exceeds `limitBytes`, and where `bodies` has no room. */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
  bodies: ByteLimit,
): Promise<Buffer> {
  if (readLength(request.headers) > limitBytes) throw bodyTooLarge(limitBytes);
  let chunks: Buffer[] = [];
  const releases: Release[] = [];
  let sizeBytes = 0;
  // Half of what the request's iterator costs.
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  function take(chunk: Buffer): void {
    sizeBytes += chunk.length;
    try {
      if (sizeBytes > limitBytes) throw bodyTooLarge(limitBytes);
      while (releases.length * STEP_BYTES < sizeBytes) releases.push(bodies.take(STEP_BYTES));
      chunks.push(chunk);
      // A chunk may have a single byte, and takes hundreds.
      if (chunks.length > MAX_CHUNKS) chunks = [Buffer.concat(chunks)];
    } catch (error) {
      reject(error);
    }
  }
  request.on("data", take).once("end", resolve).once("error", reject);
  try {
    await promise;
  } finally {
    request.off("data", take).off("error", reject);
    for (const release of releases) release();
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
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
