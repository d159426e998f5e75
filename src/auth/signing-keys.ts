import type { KeyObject } from "node:crypto";
import { createPublicKey, hash } from "node:crypto";

import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { createLocalJWKSet, createRemoteJWKSet, customFetch } from "jose";
import type { BaseLogger } from "pino";

import { codeOf } from "../runtime/coded-error.ts";
import { startLoop } from "../runtime/loop.ts";
import { AuthenticationError } from "./authenticator.ts";

/** The public keys of the tokens' issuer. */
export type SigningKeys = {
  /** The key for a token with this header. Rejects with jose's errors, or an `AuthenticationError` while no keys are known. */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Whether a key has this fingerprint. Rejects with an `AuthenticationError` while no keys are known. */
  has(fingerprint: string): Promise<boolean>;
  /** Fetches new keys, for a token that none of the known ones has signed. False if it did not fetch. */
  refresh(): Promise<boolean>;
  close(): Promise<void>;
};

/** Keys that never change, such as those of a file. Where none has an id, the id that a token names is ignored. */
export function keepSigningKeys(set: JSONWebKeySet): SigningKeys {
  const fingerprints = new Set(set.keys.flatMap(toFingerprints));
  const find = createLocalJWKSet(set);
  const haveIds = set.keys.some(({ kid }) => kid !== undefined);
  return {
    find: async ({ alg = "", ...header }) => await find(haveIds ? { ...header, alg } : { alg }),
    has: async (fingerprint) => fingerprints.has(fingerprint),
    refresh: async () => false,
    close: async () => undefined,
  };
}

const MAX_BYTES = 262_144;

/**
 * The keys that an issuer publishes. They are fetched at the start, for a token that none of them has signed, and every five
 * minutes. While the server is slow, down or talks nonsense, the last ones go on.
 */
export function openKeyServer(options: {
  readonly url: string;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  readonly refreshMs?: number;
  /** The pause after a failed attempt. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
  /** Anybody can make up a token that no key has signed, so tokens cause no request so soon after the last one. */
  readonly cooldownMs?: number;
}): SigningKeys {
  const { url, log, refreshMs = 300_000, retryMs = 2_000 } = options;
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: options.timeoutMs ?? 5_000,
    cooldownDuration: options.cooldownMs ?? 5_000,
    [customFetch]: (input, init) =>
      fetchBounded(input, { ...init, signal: AbortSignal.any([init.signal, loop.signal]) }),
  });
  let known: SigningKeys | null = null;
  let isDown = false;
  let isEmpty = false;

  /** Never rejects; those who call it meanwhile share the request. */
  async function load(): Promise<void> {
    try {
      await remote.reload();
      const set = remote.jwks() ?? { keys: [] };
      known = keepSigningKeys(set);
      const wasEmpty = isEmpty;
      isEmpty = set.keys.flatMap(toFingerprints).length === 0;
      if (isEmpty && !wasEmpty) log.warn({}, NO_KEYS);
      if (isDown) log.info({}, "The server of JWT_JWKS_URL answers again.");
      isDown = false;
    } catch (error) {
      if (loop.signal.aborted || isDown) return;
      isDown = true;
      log.error({ reason: toReason(error) }, known === null ? NEVER_GIVEN : NOT_GIVEN_NOW);
    }
  }

  const loop = startLoop({
    act: () => load().then(() => (isDown ? retryMs : refreshMs)),
    retryMs,
    onFailure: () => undefined, // It never fails.
  });

  async function whenKnown(): Promise<SigningKeys> {
    if (known === null && !isDown) await load();
    if (known === null)
      throw new AuthenticationError(
        "unavailable",
        "Tokens can't be checked at the moment. Try again in a few seconds.",
      );
    return known;
  }

  return {
    find: async (header) => await (await whenKnown()).find(header),
    has: async (fingerprint) => await (await whenKnown()).has(fingerprint),
    async refresh() {
      if (isDown || (remote.coolingDown && !remote.reloading)) return false;
      await load();
      return true;
    },
    close: loop.close,
  };
}

const NEVER_GIVEN =
  "The server of JWT_JWKS_URL gives no keys, so nobody can be admitted. It is asked again every few seconds. Check the URL and the server.";
const NOT_GIVEN_NOW =
  "The server of JWT_JWKS_URL gives no keys; the last ones go on. It is asked again every few seconds. Check the server.";
const NO_KEYS =
  "The server of JWT_JWKS_URL lists no usable key, so every token is refused. Have the issuer publish a key, unless it meant to withdraw them all.";

/** Identifies a key, whatever its `kid`. */
export function toFingerprint(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "base64url");
}

function toFingerprints(key: JWK): readonly string[] {
  try {
    return [toFingerprint(createPublicKey({ key, format: "jwk" }))];
  } catch {
    return []; // Of a type that Node does not know, or incomplete: no token is accepted by it.
  }
}

/** Like fetch, but rejects any status but 200, what is too long, and what has not come whole at the signal. */
async function fetchBounded(url: string, init: RequestInit & { readonly signal: AbortSignal }) {
  const response = await fetch(url, init);
  if (response.status !== 200) {
    await response.body?.cancel(); // Unread, it would keep the connection.
    throw new Error(`It answered with HTTP ${response.status}, and not with 200.`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES) throw new Error(`It answered with more than ${MAX_BYTES} bytes.`);
      chunks.push(chunk);
    },
  });
  // The signal again: once the head is there, fetch may lose its own to the garbage collector.
  await response.body?.pipeTo(sink, { signal: init.signal });
  return new Response(Buffer.concat(chunks));
}

/** What jose or fetch says, without the URL, which may hold a key of its own, and without the answer's words. */
function toReason(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const code = codeOf(cause);
  return typeof code === "string" ? `${message} (${code})` : message;
}
