import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { calculateJwkThumbprint, createLocalJWKSet, errors } from "jose";

/** A public key; `thumbprint` (RFC 7638) tells it from others whatever id it goes by. */
type SigningKey = { readonly key: CryptoKey; readonly thumbprint: string };

/** The public keys of whoever signs tokens. */
export type SigningKeys = {
  /**
   * The keys that a token with this header may be signed with, likeliest first; none when there is none. Rejects with
   * an `AuthenticationError` when that can't be said at the moment.
   */
  find(header: JWSHeaderParameters): Promise<readonly SigningKey[]>;
  /** The same for a token that none of those has signed: after another look at the issuer's keys, none without one. */
  findAnew(header: JWSHeaderParameters): Promise<readonly SigningKey[]>;
  /** Whether a key is still one of them. */
  isCurrent(thumbprint: string): boolean;
  close(): Promise<void>;
};

/** A token that names no key is tried with so many, so that nobody's token costs a hundred checks. */
const MOST_TRIED_KEYS = 8;

/** What `SigningKeys` are when they don't change. Keys of unknown types and incomplete ones are left out. */
export async function createSigningKeys({ keys }: JSONWebKeySet): Promise<SigningKeys> {
  const sources = (await Promise.all(keys.map(toSource))).filter((source) => source !== null);
  const thumbprints = new Set(sources.map(({ thumbprint }) => thumbprint));
  // Where no key has an id, as those of a PEM file, a token's says nothing.
  const isNameless = sources.every(({ kid }) => kid === undefined);

  async function find({ alg, kid }: JWSHeaderParameters): Promise<readonly SigningKey[]> {
    const header = alg === undefined ? {} : { alg };
    const found: SigningKey[] = [];
    let failure: unknown = null;
    for (const { kid: own, thumbprint, findKey } of sources) {
      if (found.length === MOST_TRIED_KEYS) break;
      if (!isNameless && kid !== undefined && own !== kid) continue;
      try {
        found.push({ key: await findKey(header), thumbprint });
      } catch (error) {
        // Not for this algorithm, or broken, which matters only where no other key fits.
        if (!(error instanceof errors.JWKSNoMatchingKey)) failure ??= error;
      }
    }
    if (found.length === 0 && failure !== null) throw failure;
    return found;
  }

  return {
    find,
    findAnew: async () => [],
    isCurrent: (thumbprint) => thumbprints.has(thumbprint),
    close: async () => undefined,
  };
}

/** Null for a key that tells too little to be one. */
async function toSource(jwk: JWK) {
  try {
    const thumbprint = await calculateJwkThumbprint(jwk);
    return { kid: jwk.kid, thumbprint, findKey: createLocalJWKSet({ keys: [jwk] }) };
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
