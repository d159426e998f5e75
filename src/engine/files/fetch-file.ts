import type { IncomingMessage } from "node:http";

import { codeOf } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { isPublicAddress } from "../../runtime/public-address.ts";
import { sendRequest, type Stage } from "../../runtime/send-request.ts";
import { FileTooLargeError } from "./file-store.ts";

const MAX_REDIRECTS = 3;
/** A file may take so long to arrive, and a second more for each 100 KiB of it. */
const SLOWEST_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 102.4;

export type FetchFile = ReturnType<typeof createFetchFile>;

/**
 * Fetches files from URLs that anybody may have written. They have to be https and lead to public addresses, except for
 * those of `trustedOrigins`; that is checked again after each redirect. What is sent reveals nothing of the gateway.
 */
export function createFetchFile({
  trustedOrigins,
  silenceMs = 20_000,
  isPublic = isPublicAddress,
}: {
  readonly trustedOrigins: readonly string[];
  /** How long a server may take to answer, or to send more. */
  readonly silenceMs?: number;
  /** Whether an IP address is on the public Internet. */
  readonly isPublic?: (address: string) => boolean;
}) {
  /**
   * The bytes of a file, exactly those that were declared, if any were. Nothing is fetched before the first one is read, and
   * the connection is closed when its reader leaves. Throws a `FetchFileError`, a `FileTooLargeError` where more than
   * `mostBytes` are declared, or the signal's reason.
   */
  return async function* fetchFile(
    text: string,
    { signal, mostBytes }: { readonly signal: AbortSignal; readonly mostBytes: number },
  ): AsyncGenerator<Uint8Array, void> {
    let response: IncomingMessage | null = null;
    try {
      response = await follow(text, signal);
      checkHead(response, mostBytes);
      yield* readInTime(response, silenceMs);
    } catch (error) {
      throw toThrown(error, signal);
    } finally {
      response?.destroy();
    }
  };

  /** Resolves with the head of the first answer that is no redirect. */
  async function follow(text: string, signal: AbortSignal): Promise<IncomingMessage> {
    let url = toUrl(text);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await ask(url, signal);
      const location = readLocation(response);
      if (location === null) return response;
      response.destroy();
      url = toUrl(location, url);
    }
    throw new FetchFileError(TOO_MANY_REDIRECTS, true);
  }

  async function ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    // The origin of a blob: URL would be that of the URL in it.
    const isTrusted = trustedOrigins.includes(`${url.protocol}//${url.host}`);
    if (!isTrusted && url.protocol !== "https:") throw notPublic();
    return await sendRequest(url, {
      admits: isTrusted ? null : isPublic,
      signal,
      patienceMs: silenceMs,
      failures: FAILURES,
    });
  }
}

/** Fails when the server is silent for too long, or takes too long in all. */
async function* readInTime(
  response: IncomingMessage,
  silenceMs: number,
): AsyncGenerator<Uint8Array, void> {
  const chunks: AsyncIterator<Uint8Array, unknown> = response[Symbol.asyncIterator]();
  let bytes = 0;
  // Only the server's time counts; the reader may be as slow as it likes.
  let waitedMs = 0;
  for (;;) {
    const leftMs = SLOWEST_MS + bytes / SLOWEST_BYTES_PER_MS - waitedMs;
    const endMs = Math.min(silenceMs, leftMs);
    const stopTimer = clock.setTimer(() => response.destroy(tooSlow()), endMs);
    const since = clock.monotonic();
    const chunk = await chunks.next().finally(stopTimer);
    waitedMs += clock.monotonic() - since;
    if (chunk.done === true) return;
    bytes += chunk.value.byteLength;
    yield chunk.value;
  }
}

/** The text may be shown to anybody: it holds neither the URL nor its host, nor a word of the answer. */
export class FetchFileError extends Error {
  override readonly name = "FetchFileError";
  /** Whether trying again is useless. */
  readonly isLasting: boolean;

  constructor(message: string, isLasting = false) {
    super(message);
    this.isLasting = isLasting;
  }
}

const NOT_PUBLIC =
  "The file was not fetched, because its URL is not https or leads to no public host. Fetch it yourself if you trust it.";
const TOO_MANY_REDIRECTS = `The file was not fetched, because its URL redirects more than ${MAX_REDIRECTS} times. Fetch it yourself if you trust it.`;
const ENCODED =
  "The server that has the file packs it in a way that was not asked for. Try again later, or fetch it yourself.";

function toUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw notPublic();
  return url;
}

function readLocation({ statusCode, headers }: IncomingMessage): string | null {
  const isRedirect = statusCode !== undefined && [301, 302, 303, 307, 308].includes(statusCode);
  return (isRedirect && headers.location) || null;
}

function checkHead({ statusCode, headers }: IncomingMessage, mostBytes: number): void {
  if (statusCode !== 200)
    throw new FetchFileError(
      `The server that has the file answers with status ${statusCode}. Try again later.`,
    );
  if ((headers["content-encoding"] ?? "identity") !== "identity") throw new FetchFileError(ENCODED);
  if (Number(headers["content-length"] ?? 0) > mostBytes) throw new FileTooLargeError(mostBytes);
}

function notPublic(): FetchFileError {
  return new FetchFileError(NOT_PUBLIC, true);
}

function tooSlow(): FetchFileError {
  return new FetchFileError("The server that has the file is too slow. Try again later.");
}

function broken(code: string): FetchFileError {
  return new FetchFileError(
    `The connection to the server that has the file failed${code && ` (${code})`}. Try again later.`,
  );
}

const FAILURES = {
  notAdmitted: notPublic,
  tooSlow,
  broken: (_stage: Stage, error: Error | null) => error ?? broken(""),
};

/** What was thrown is not kept as a cause, because its texts name hosts and addresses. */
function toThrown(thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (thrown instanceof FetchFileError || thrown instanceof FileTooLargeError) return thrown;
  const code = codeOf(thrown);
  return broken(typeof code === "string" && /^[A-Z][A-Z\d_]*$/.test(code) ? code : "");
}
