import type { KeyObject } from "node:crypto";
import { createPublicKey, hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { createLocalJWKSet, createRemoteJWKSet, customFetch, exportJWK } from "jose";
import type { BaseLogger } from "pino";

import { codeOf, SetupError } from "../runtime/coded-error.ts";
import { startLoop } from "../runtime/loop.ts";
import { AuthenticationError } from "./authenticator.ts";

/** The public keys of the tokens' issuer. */
export type SigningKeys = {
  /** The key for a token with this header. Rejects with jose's errors, or an `AuthenticationError` while no keys are known. */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Fetches new keys, for a token that none of the known ones has signed. False if it did not fetch. */
  refresh(): Promise<boolean>;
  /** Resolves once keys are known. Rejects with an `AuthenticationError` while none are. */
  ready(): Promise<void>;
  /** Whether no key has this fingerprint, or none any more. */
  isWithdrawn(fingerprint: string): boolean;
  close(): Promise<void>;
};

/** Keys that never change, such as those of a file. */
export function keepSigningKeys(set: JSONWebKeySet): SigningKeys {
  const current = new Set(set.keys.flatMap(toFingerprints));
  return {
    find: byId(set, createLocalJWKSet(set)),
    refresh: async () => false,
    ready: async () => undefined,
    isWithdrawn: (fingerprint) => !current.has(fingerprint),
    close: async () => undefined,
  };
}

const PEM = /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----.+?-----END \1-----/gs;

/** Reads public keys in PEM. Rejects with a `SetupError` when there is none, or one is private or weak. */
export async function readPublicKeys(file: string): Promise<JSONWebKeySet> {
  const path = resolve(file);
  try {
    const text = await readFile(path, "utf8");
    if (text.includes("PRIVATE KEY-----"))
      throw new SetupError("holds a private key, which the gateway must not have");
    const keys = [...text.matchAll(PEM)].map(([pem]) => createPublicKey(pem));
    if (keys.length === 0) throw new SetupError("holds no public key");
    for (const { asymmetricKeyDetails: { modulusLength: bits = Infinity } = {} } of keys)
      if (bits < MIN_RSA_BITS)
        throw new SetupError(`holds an RSA key of ${bits} bits, and ${MIN_RSA_BITS} is the least`);
    return { keys: await Promise.all(keys.map((key) => exportJWK(key))) };
  } catch (cause) {
    // Other errors may quote the file.
    const what = `can't be read as a public key (${codeOf(cause) ?? "damaged"})`;
    throw new SetupError(
      `The public key file ${path} (JWT_PUBLIC_KEY_FILE) can't be used: it ${cause instanceof SetupError ? cause.message : what}. Give it the issuer's public key as PEM.`,
      { cause },
    );
  }
}

const MIN_RSA_BITS = 2_048;

/** Anybody can make up a token that no key has signed, so tokens cause at most one request in this time. */
const ASK_EVERY_MS = 5_000;
const MAX_BYTES = 262_144;

/**
 * The keys that an issuer publishes. They are fetched at the start, for a token that none of them has signed, and in the
 * background so that withdrawn ones end; an empty set withdraws all. While the server is slow, down or talks nonsense, the
 * last ones go on.
 */
export function openKeyServer(options: {
  readonly url: string;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  /** Milliseconds of any clock. */
  readonly now: () => number;
  readonly refreshMs?: number;
  /** The pause after a failed attempt. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}): SigningKeys {
  const { url, log, now, refreshMs = 300_000, retryMs = 2_000, timeoutMs = 5_000 } = options;
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    // Reloads are explicit: by itself it would ask a server that is down once for every token.
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: (input, init) =>
      fetchBounded(input, { ...init, signal: AbortSignal.any([init.signal, loop.signal]) }),
  });
  let find: SigningKeys["find"] | null = null;
  let current: ReadonlySet<string> = new Set();
  let loading: Promise<void> | null = null;
  let isDown = false;
  let isEmpty = false;
  let askedAt = -Infinity;

  /** Never rejects; one at a time. */
  function load(): Promise<void> {
    return (loading ??= reload()
      .catch(noteFailure)
      .finally(() => (loading = null)));
  }

  async function reload(): Promise<void> {
    await remote.reload();
    const set = remote.jwks() ?? { keys: [] };
    find = byId(set, remote);
    current = new Set(set.keys.flatMap(toFingerprints));
    if (current.size === 0 && !isEmpty) log.warn({}, NO_KEYS);
    isEmpty = current.size === 0;
    if (isDown) log.info({}, "The server of JWT_JWKS_URL answers again.");
    isDown = false;
  }

  function noteFailure(error: unknown): void {
    if (loop.signal.aborted || isDown) return;
    isDown = true;
    log.error({ reason: toReason(error) }, find === null ? NEVER_GIVEN : NOT_GIVEN_NOW);
  }

  const loop = startLoop({
    act: () => load().then(() => (isDown ? retryMs : refreshMs)),
    retryMs,
    onFailure: noteFailure,
  });
  // The next caller waits for it.
  void load();

  async function whenKnown(): Promise<SigningKeys["find"]> {
    if (find === null) await loading;
    if (find === null)
      throw new AuthenticationError(
        "unavailable",
        "Tokens can't be checked at the moment. Try again in a few seconds.",
      );
    return find;
  }

  return {
    find: async (header) => await (await whenKnown())(header),
    ready: async () => void (await whenKnown()),
    async refresh() {
      if (loading === null) {
        if (now() < askedAt + ASK_EVERY_MS) return false;
        askedAt = now();
      }
      await load();
      return true;
    },
    isWithdrawn: (fingerprint) => !current.has(fingerprint),
    close: loop.close,
  };
}

const NEVER_GIVEN =
  "The server of JWT_JWKS_URL gives no keys, so nobody can be admitted. It is asked again every few seconds. Check the URL and the server.";
const NOT_GIVEN_NOW =
  "The server of JWT_JWKS_URL gives no keys; the last ones go on. It is asked again every few seconds. Check the server.";
const NO_KEYS =
  "The server of JWT_JWKS_URL lists no usable key, so every token is refused. Have the issuer publish a key, unless it meant to withdraw them all.";

/** Where no key has an id, as in a PEM file, the id that a token names is ignored. */
function byId({ keys }: JSONWebKeySet, find: SigningKeys["find"]): SigningKeys["find"] {
  if (keys.some(({ kid }) => kid !== undefined)) return find;
  return ({ alg = "" }) => find({ alg });
}

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

/** Like fetch, but rejects any status but 200, and the body ends with an error when it is too long, and at the signal. */
async function fetchBounded(url: string, init: RequestInit & { readonly signal: AbortSignal }) {
  const response = await fetch(url, init);
  if (response.status !== 200) {
    // Unread, it would keep the connection.
    await response.body?.cancel();
    throw new Error(`It answered with HTTP ${response.status}, and not with 200.`);
  }
  let bytes = 0;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes <= MAX_BYTES) controller.enqueue(chunk);
      else throw Object.assign(new Error("The answer is too long."), { code: "TOO_LONG" });
    },
  });
  // The signal again: once the head is there, fetch may lose its own to the garbage collector.
  return new Response(response.body?.pipeThrough(bound, init), response);
}

/** What jose or fetch says, without the URL, which may hold a key of its own, and without the answer's words. */
function toReason(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const code = codeOf(cause);
  return typeof code === "string" ? `${message} (${code})` : message;
}
