import { KeyObject } from "node:crypto";

import type { JWTVerifyOptions } from "jose";
import { errors, jwtVerify } from "jose";
import { z } from "zod";

import type { Config } from "../config/load-config.ts";
import type { Admission, Authenticator } from "./authenticator.ts";
import { AuthenticationError, readBearer } from "./authenticator.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { toFingerprint } from "./signing-keys.ts";
import type { OwnerLimits, Scope } from "./viewer.ts";
import { isOwnerId, isScope, LOCAL_OWNER } from "./viewer.ts";

/** How far apart the issuer's clock and the gateway's may be. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** How many keys a token without a `kid` is checked against, so that nobody's token costs a hundred checks. */
const MAX_TRIED_KEYS = 8;

/** Scopes as OAuth writes them (`scope`), and as some issuers do (`scp`); what is neither grants nothing. */
const CLAIMS = z.object({
  sub: z.string().refine((sub) => isOwnerId(sub) && sub !== LOCAL_OWNER),
  exp: z.number(),
  // One that is misspelled must not let jobs pass unseen.
  approval: z.enum(["always", "never"]).optional(),
  scope: z.string().catch(""),
  scp: z.union([z.string(), z.array(z.string()).transform((words) => words.join(" "))]).catch(""),
});

/** Not the symmetric ones: a key that verifies a token could also sign one. */
const ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");

/** Without padding and other variants, which some decoders let pass: a token has one spelling. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Admits tokens of the issuer for this audience, signed by one of `keys`, which it closes with itself. */
export function createJwtAuthenticator(options: {
  /** Which tokens are accepted. */
  readonly config: Pick<Config["auth"], "issuer" | "audience">;
  readonly limits: OwnerLimits;
  /** All that there are. */
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly keys: SigningKeys;
}): Authenticator {
  const { config, limits, now, keys } = options;
  const isKnown = (word: string): word is Scope => isScope(word, options.scopes);

  async function check(token: string): Promise<Admission> {
    const { payload, key } = await verify(token).catch((cause: unknown) => {
      if (cause instanceof AuthenticationError) throw cause;
      throw new AuthenticationError("invalid", explain(cause), { cause });
    });
    const { data: claims, error } = CLAIMS.safeParse(payload);
    if (claims === undefined)
      throw new AuthenticationError(
        "invalid",
        error.issues.some(({ path }) => path[0] !== "approval")
          ? `Get a token whose exp is a time, and whose sub is an owner: 1 to 255 characters, none for control, not "${LOCAL_OWNER}".`
          : 'Get a token whose approval claim is "always" or "never", or one without it.',
      );
    const { sub, exp, scope, scp, approval } = claims;
    const scopes = new Set(`${scope} ${scp}`.split(" ").filter(isKnown));
    // It may have a fraction, and what is stored of it may not.
    const expiresAt = Math.floor(exp * 1_000);
    const signedBy = toFingerprint(KeyObject.from(key));
    const credential = { id: sub, signedBy, needsApproval: approval === "always" };
    return {
      viewer: { ownerId: sub, scopes, limits, credential },
      // A session gets the tolerance for clocks only where it would end as it begins.
      expiresAt: expiresAt > now() ? expiresAt : expiresAt + CLOCK_TOLERANCE_SECONDS * 1_000,
      isRevoked: () => false,
    };
  }

  async function verify(token: string) {
    if (!COMPACT.test(token)) throw new errors.JWTInvalid();
    return await verifyByAny(token, keys, {
      algorithms: ALGORITHMS,
      issuer: config.issuer,
      audience: config.audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now()),
      requiredClaims: ["exp", "sub"],
    });
  }

  return {
    authenticate: async (authorization) => await check(readBearer(authorization)),
    async restore({ ownerId, scopes, credential }) {
      if (!(await keys.has(credential.signedBy))) return null;
      return {
        viewer: { ownerId, scopes: new Set(scopes.filter(isKnown)), limits, credential },
        expiresAt: null,
        isRevoked: () => false,
      };
    },
    isRevoked: async ({ signedBy }) => !(await keys.has(signedBy)),
    close: async () => keys.close(),
  };
}

/** Where several keys fit, as for a token that names none, it tries the first ones. */
async function verifyByAny(token: string, keys: SigningKeys, checks: JWTVerifyOptions) {
  try {
    // jose asks for the key only when it has accepted the header, its algorithm and `crit` included.
    return await jwtVerify(token, keys.find, checks);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let left = MAX_TRIED_KEYS;
    for await (const key of error) {
      left -= 1;
      try {
        return { ...(await jwtVerify(token, key, checks)), key };
      } catch (failure) {
        const isByOther = failure instanceof errors.JWSSignatureVerificationFailed;
        if (!isByOther || left === 0) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Says more of a token whose signature is right. */
function explain(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "The token has expired. Get a new one.";
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.reason === "missing")
      return "The token has no exp, sub, iss or aud, and all four are required. Have your issuer set them.";
    if (cause.claim === "nbf")
      return "The token is not valid yet. Check the issuer's clock, or try again later.";
    if (cause.claim === "aud" || cause.claim === "iss")
      return "The token is from another issuer, or for another audience. Ask your issuer for one that is for this gateway.";
  }
  return "The token is not one that this gateway accepts. Get a new one from the gateway's issuer.";
}
