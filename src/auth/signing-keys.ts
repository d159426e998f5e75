import type { KeyObject } from "node:crypto";
import { createPublicKey, hash } from "node:crypto";

import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { createLocalJWKSet, createRemoteJWKSet } from "jose";
import type { BaseLogger } from "pino";

import { codeOf, toError } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import { notifyOfFirst } from "../runtime/loop.ts";
import { AuthenticationError } from "./authenticator.ts";

/** The public keys of the tokens' issuer. Both reject with an `AuthenticationError` while none are known. */
export type SigningKeys = {
  /** The key for a token with this header. Rejects with jose's errors. */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Whether a key has this fingerprint. */
  has(fingerprint: string): Promise<boolean>;
  close(): void;
};

/** Keys that never change, such as those of a file. Where none has an id, the id that a token names is ignored. */
export function keepSigningKeys(set: JSONWebKeySet): SigningKeys {
  const find = createLocalJWKSet(set);
  const haveIds = set.keys.some(({ kid }) => kid !== undefined);
  return {
    find: async ({ alg = "", ...header }) => await find(haveIds ? { ...header, alg } : { alg }),
    has: async (fingerprint) => includes(set, fingerprint),
    close: () => undefined,
  };
}

/**
 * The keys that an issuer publishes. They are fetched at the start, every five minutes, and for a token whose key none of
 * them is. While the server is slow or down, the last ones go on.
 */
export function openKeyServer(options: {
  readonly url: string;
  readonly log: Pick<BaseLogger, "error">;
  readonly refreshMs?: number;
  readonly timeoutMs?: number;
  /** Anybody can make up a token that names no known key, so tokens cause no request so soon after the last one. */
  readonly cooldownMs?: number;
}): SigningKeys {
  const { url, log, refreshMs = 300_000, timeoutMs = 5_000, cooldownMs = 5_000 } = options;
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: Infinity,
  });
  const attempt = notifyOfFirst((thrown) => {
    // Its message has neither the URL, which may hold a key of its own, nor the answer.
    const { message, cause } = toError(thrown, "failed");
    log.error({ reason: message, code: codeOf(cause) }, NOT_GIVEN);
  });
  const load = () => attempt(() => remote.reload()).catch(() => undefined);
  const stopLoading = clock.repeat(() => void load(), refreshMs);
  void load();

  async function whenKnown(): Promise<JSONWebKeySet> {
    if (remote.jwks() === undefined) await load();
    const set = remote.jwks();
    if (set === undefined) throw new AuthenticationError("unavailable", UNKNOWN);
    return set;
  }

  return {
    async find(header) {
      await whenKnown();
      return await remote(header);
    },
    async has(fingerprint) {
      if (includes(await whenKnown(), fingerprint)) return true;
      // Another gateway may have fetched a new key before this one.
      if (!remote.coolingDown) await load();
      return includes(await whenKnown(), fingerprint);
    },
    close: stopLoading,
  };
}

const NOT_GIVEN =
  "The server of JWT_JWKS_URL gives no keys. The last ones go on; without any, nobody can be admitted. Check the URL and the server.";
const UNKNOWN = "Tokens can't be checked at the moment. Try again in a few seconds.";

/** Identifies a key, whatever its `kid`. */
export function toFingerprint(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "base64url");
}

function includes({ keys }: JSONWebKeySet, fingerprint: string): boolean {
  return keys.some((key) => findFingerprint(key) === fingerprint);
}

/** None of a key of a type that Node does not know, or that is incomplete: no token is accepted by it. */
function findFingerprint(key: JWK): string | undefined {
  try {
    return toFingerprint(createPublicKey({ key, format: "jwk" }));
  } catch {
    return undefined;
  }
}
