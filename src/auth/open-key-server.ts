import type { JSONWebKeySet, JWSHeaderParameters } from "jose";
import type { BaseLogger } from "pino";
import { z } from "zod";

import { AuthenticationError } from "./authenticator.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { createSigningKeys } from "./signing-keys.ts";

const MOST_BYTES = 262_144;
/**
 * For unknown key ids and for signatures of unknown keys, which anybody can make up, it is asked so often: a few times
 * at once, then once each half minute.
 */
const ASK_EVERY_MS = 30_000;
const MOST_ASKED_AT_ONCE = 3;

const KEY_SET = z.custom<JSONWebKeySet>(
  (value) =>
    z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) }).safeParse(value)
      .success,
);

/**
 * The keys that an issuer publishes. They are fetched at once, again for a token that none of them has signed, and in
 * the background so that withdrawn ones end; an empty set withdraws all. While the server is slow, down or says nonsense,
 * the last ones go on.
 */
export function openKeyServer(options: {
  readonly url: string;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  /** Milliseconds of any clock. */
  readonly now: () => number;
  readonly refreshMs?: number;
  /** Until the next attempt after one that failed. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}): SigningKeys {
  const { url, log, now, refreshMs = 300_000, retryMs = 2_000, timeoutMs = 5_000 } = options;
  const closing = new AbortController();
  let current: SigningKeys | null = null;
  let fetching: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isDown = false;
  let isEmpty = false;
  let askedUntil = 0;

  /** Never rejects; one fetch at a time. */
  function fetchKeys(): Promise<void> {
    clearTimeout(timer);
    fetching ??= load().finally(() => {
      fetching = null;
      if (!closing.signal.aborted)
        timer = setTimeout(() => void fetchKeys(), isDown ? retryMs : refreshMs).unref();
    });
    return fetching;
  }

  async function load(): Promise<void> {
    try {
      const set = await fetchKeySet(
        url,
        AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
      );
      current = await createSigningKeys(set);
      if (set.keys.length === 0 && !isEmpty) log.warn({}, NO_KEYS);
      isEmpty = set.keys.length === 0;
      if (isDown) log.info({}, "The server of JWT_JWKS_URL answers again.");
      isDown = false;
    } catch (error) {
      if (closing.signal.aborted || isDown) return;
      isDown = true;
      log.error(
        { reason: toReason(error) },
        current === null
          ? "The server of JWT_JWKS_URL gives no keys, so nobody can be let in; it is asked again every few seconds. Check the URL and the server."
          : "The server of JWT_JWKS_URL gives no keys; the last ones go on, and it is asked again every few seconds. Check the server.",
      );
    }
  }

  /** Whether it may be asked for somebody's token now, which then counts. */
  function mayAsk(): boolean {
    const next = Math.max(askedUntil, now()) + ASK_EVERY_MS;
    if (next - now() > ASK_EVERY_MS * MOST_ASKED_AT_ONCE) return false;
    askedUntil = next;
    return true;
  }

  async function findAnew(header: JWSHeaderParameters) {
    if (fetching === null && !mayAsk()) return [];
    await fetchKeys();
    return (await current?.find(header)) ?? [];
  }

  void fetchKeys();
  return {
    async find(header) {
      if (current === null) await fetching;
      if (current === null)
        throw new AuthenticationError(
          "unavailable",
          "Tokens can't be checked at the moment. Try again in a few seconds.",
        );
      const found = await current.find(header);
      return found.length > 0 ? found : await findAnew(header);
    },
    findAnew,
    isCurrent: (thumbprint) => current === null || current.isCurrent(thumbprint),
    async close() {
      closing.abort();
      clearTimeout(timer);
      await fetching;
    },
  };
}

const NO_KEYS =
  "The server of JWT_JWKS_URL lists no key any more, so every token is refused. Have the issuer publish a key if it did not withdraw all.";

/** The server's answer is no key set. */
class BadAnswer extends Error {}

async function fetchKeySet(url: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: "application/json, application/jwk-set+json" },
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new BadAnswer(`it answers with status ${response.status}`);
  }
  const parsed = KEY_SET.safeParse(toJson(await readText(response)));
  if (!parsed.success) throw new BadAnswer("its answer is no JWK set with at most 100 keys");
  return parsed.data;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new BadAnswer(`its answer is longer than ${MOST_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadAnswer("its answer is not JSON", { cause });
  }
}

/** Without the URL, which may hold a key of its own. */
function toReason(error: unknown): string {
  if (error instanceof BadAnswer) return error.message;
  if (!(error instanceof Error)) return "it can't be reached";
  if (error.name === "TimeoutError") return "it does not answer in time";
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return `it can't be reached${code}`;
}
