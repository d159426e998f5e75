import { createPublicKey, hash, KeyObject } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { createLocalJWKSet, createRemoteJWKSet, customFetch } from "jose";
import type { BaseLogger } from "pino";

import { AuthenticationError } from "./authenticator.ts";

/** The public keys of whoever signs tokens. */
export type SigningKeys = {
  /**
   * The key for a token with this header. Rejects with jose's errors, `JWKSMultipleMatchingKeys` where several fit, and
   * with an `AuthenticationError` while no keys are known.
   */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Looks for new keys, for a token that none of them has signed. False when it did not look. */
  refresh(): Promise<boolean>;
  /** Returns a function that tells whether this key has been withdrawn. */
  watch(key: CryptoKey): () => boolean;
  close(): Promise<void>;
};

/** Keys that never change, such as those of a file. */
export function keepSigningKeys(set: JSONWebKeySet): SigningKeys {
  return {
    find: byId(set, createLocalJWKSet(set)),
    refresh: async () => false,
    watch: () => () => false,
    close: async () => undefined,
  };
}

/** Anybody can make up a token that no key has signed, so tokens make the server be asked at most this often. */
const ASK_EVERY_MS = 5_000;
const MOST_BYTES = 262_144;

/**
 * The keys that an issuer publishes. They are fetched at once, for a token that none of them has signed, and in the
 * background so that withdrawn ones end; an empty set withdraws all. While the server is slow, down or says nonsense,
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
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    // It reloads only when told to: by itself it would ask a server that is down once for every token.
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: (input, init) =>
      fetchBounded(input, { ...init, signal: AbortSignal.any([init.signal, closing.signal]) }),
  });
  let find: SigningKeys["find"] | null = null;
  let current: ReadonlySet<string> = new Set();
  let loading: Promise<void> | null = null;
  let isDown = false;
  let isEmpty = false;
  let askedAt = -Infinity;

  /** Never rejects; one at a time. */
  function load(): Promise<void> {
    loading ??= reload()
      .catch(noteFailure)
      .finally(() => (loading = null));
    return loading;
  }

  async function reload(): Promise<void> {
    await remote.reload();
    const set = remote.jwks() ?? { keys: [] };
    find = byId(set, remote);
    current = new Set(set.keys.map(toFingerprint).filter((fingerprint) => fingerprint !== null));
    if (current.size === 0 && !isEmpty) log.warn({}, NO_KEYS);
    isEmpty = current.size === 0;
    if (isDown) log.info({}, "The server of JWT_JWKS_URL answers again.");
    isDown = false;
  }

  function noteFailure(error: unknown): void {
    if (closing.signal.aborted || isDown) return;
    isDown = true;
    log.error(
      { reason: toReason(error) },
      find === null
        ? "The server of JWT_JWKS_URL gives no keys, so nobody can be let in; it is asked again every few seconds. Check the URL and the server."
        : "The server of JWT_JWKS_URL gives no keys; the last ones go on, and it is asked again every few seconds. Check the server.",
    );
  }

  async function keepLoading(): Promise<void> {
    const { signal } = closing;
    while (!signal.aborted) {
      await load();
      const waitMs = isDown ? retryMs : refreshMs;
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  const running = keepLoading();
  return {
    async find(header) {
      if (find === null) await loading;
      if (find === null)
        throw new AuthenticationError(
          "unavailable",
          "Tokens can't be checked at the moment. Try again in a few seconds.",
        );
      return await find(header);
    },
    async refresh() {
      if (loading === null) {
        if (now() < askedAt + ASK_EVERY_MS) return false;
        askedAt = now();
      }
      await load();
      return true;
    },
    watch(key) {
      const fingerprint = fingerprintOf(KeyObject.from(key));
      return () => !current.has(fingerprint);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

const NO_KEYS =
  "The server of JWT_JWKS_URL lists no usable key any more, so every token is refused. Have the issuer publish a key if it did not withdraw all.";

/** Where no key has an id, as in a PEM file, the id that a token names is ignored. */
function byId({ keys }: JSONWebKeySet, find: SigningKeys["find"]): SigningKeys["find"] {
  if (keys.some(({ kid }) => kid !== undefined)) return find;
  return ({ alg = "" }) => find({ alg });
}

/** Tells a key from others, whatever id it goes by; null for what is no public key. */
function toFingerprint(jwk: JWK): string | null {
  try {
    return fingerprintOf(createPublicKey({ key: jwk, format: "jwk" }));
  } catch {
    // Of a type that Node does not know, or incomplete: no token is accepted by it.
    return null;
  }
}

function fingerprintOf(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "base64url");
}

/** Like fetch, but the body breaks off when it is too long, and at the signal. */
async function fetchBounded(url: string, init: RequestInit & { readonly signal: AbortSignal }) {
  const response = await fetch(url, init);
  let bytes = 0;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes <= MOST_BYTES) controller.enqueue(chunk);
      else throw Object.assign(new Error("The answer is too long."), { code: "TOO_LONG" });
    },
  });
  // The signal again: once the head is there, fetch may lose its own to the garbage collector.
  return new Response(response.body?.pipeThrough(bound, init), response);
}

/** What jose or fetch says, without the URL, which may hold a key of its own, and without the answer's words. */
function toReason(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  return typeof code === "string" ? `${message} (${code})` : message;
}
