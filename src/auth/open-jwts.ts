import { hash } from "node:crypto";

import type { JWSHeaderParameters, JWTPayload } from "jose";
import { errors, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";
import { z } from "zod";

import type { JwtConfig } from "./auth-config.ts";
import type { Admission, Authenticator } from "./authenticator.ts";
import { AuthenticationError } from "./authenticator.ts";
import { readBearer } from "./bearer.ts";
import { openKeyServer } from "./open-key-server.ts";
import { isOwnerId } from "./owner.ts";
import { readPublicKeys } from "./read-public-keys.ts";
import { pickScopes } from "./scopes.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { createSigningKeys } from "./signing-keys.ts";
import type { OwnerLimits } from "./viewer.ts";
import { LOCAL_OWNER } from "./viewer.ts";

/** How long a token that was checked is believed without a check of its signature. */
const LONGEST_BELIEF_MS = 60_000;
const MOST_BELIEVED = 10_000;

/** Scopes as OAuth writes them (`scope`), and as some issuers do (`scp`); what is neither grants nothing. */
const CLAIMS = z.object({
  sub: z.string().refine((sub) => isOwnerId(sub) && sub !== LOCAL_OWNER),
  exp: z.number(),
  scope: z.string().catch(""),
  scp: z.union([z.string(), z.array(z.string()).transform((words) => words.join(" "))]).catch(""),
});

/** Without padding and other variants, which some decoders let pass: a token has one spelling. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

type Believed = { readonly admission: Admission; readonly until: number };

/** A token whose signature is right, and the key that made it. */
type Verified = { readonly payload: JWTPayload; readonly thumbprint: string };

type Options = {
  readonly config: JwtConfig;
  readonly limits: OwnerLimits;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** Lets in who has a token of the issuer for this audience. Rejects when a file of public keys can't be used. */
export async function openJwts(options: Options): Promise<Authenticator> {
  const keys = await openSigningKeys(options);
  return createJwtAuthenticator({ ...options, keys });
}

async function openSigningKeys({ config, log, now }: Options): Promise<SigningKeys> {
  return "jwksUrl" in config.keys
    ? openKeyServer({ url: config.keys.jwksUrl, log, now })
    : await createSigningKeys(await readPublicKeys(config.keys.publicKeyFile));
}

/** As `openJwts`, with keys that it closes with itself. */
export function createJwtAuthenticator(
  options: Options & { readonly keys: SigningKeys },
): Authenticator {
  const { config, limits, log, now, keys } = options;
  const toleranceMs = config.clockToleranceSeconds * 1_000;
  // By their hash, so that no tokens lie about in memory.
  const believed = new LRUCache<string, Believed>({ max: MOST_BELIEVED });
  let hasWarned = false;

  async function verifyOrExplain(token: string): Promise<Verified> {
    try {
      if (!COMPACT.test(token)) throw new errors.JWTInvalid();
      return await verify(token, config, keys, now());
    } catch (error) {
      if (!isExpected(error) && !hasWarned) {
        hasWarned = true;
        // Not the error: it may quote the token.
        const kind = error instanceof Error ? error.name : typeof error;
        log.warn(
          { kind },
          "A token was refused because its key can't be used, e.g. an RSA key of fewer than 2048 bits. Check the issuer's keys. This is logged once.",
        );
      }
      throw toAuthenticationError(error);
    }
  }

  async function check(token: string): Promise<Admission> {
    const { payload, thumbprint } = await verifyOrExplain(token);
    const claims = CLAIMS.safeParse(payload);
    if (!claims.success)
      throw new AuthenticationError(
        "invalid",
        `The token's claims can't be used: exp must be a time, and sub an owner's id of at most 255 characters, without control characters and other than "${LOCAL_OWNER}". Get a token for a user of your issuer.`,
      );
    const { sub, exp, scope, scp } = claims.data;
    const expiresAt = exp * 1_000;
    return {
      viewer: { ownerId: sub, scopes: pickScopes(`${scope} ${scp}`.split(" ")), limits },
      // The tolerance is for clocks that differ; a session gets it only where it would end as it begins.
      expiresAt: expiresAt > now() ? expiresAt : expiresAt + toleranceMs,
      isRevoked: () => !keys.isCurrent(thumbprint),
    };
  }

  return {
    async authenticate(authorization) {
      const token = readBearer(authorization);
      const name = hash("sha256", token, "base64url");
      const former = believed.get(name);
      if (former !== undefined && former.until > now() && !former.admission.isRevoked())
        return former.admission;
      const admission = await check(token);
      const until = Math.min(admission.expiresAt ?? 0, now() + LONGEST_BELIEF_MS);
      believed.set(name, { admission, until });
      return admission;
    },
    close: () => keys.close(),
  };
}

/** Rejects with an `AuthenticationError`, or with what jose says. */
async function verify(
  token: string,
  config: JwtConfig,
  keys: SigningKeys,
  now: number,
): Promise<Verified> {
  let candidates: ReturnType<typeof findCandidates> | null = null;
  for (;;) {
    let thumbprint = "";
    try {
      // jose asks for the key only when it has accepted the header, its algorithm and `crit` included.
      const findKey = async (header: JWSHeaderParameters) => {
        candidates ??= findCandidates(header, keys);
        const { value: candidate } = await candidates.next();
        if (candidate === undefined) throw new errors.JWKSNoMatchingKey();
        ({ thumbprint } = candidate);
        return candidate.key;
      };
      const { payload } = await jwtVerify(token, findKey, {
        algorithms: [...config.algorithms],
        issuer: config.issuer,
        audience: config.audience,
        clockTolerance: config.clockToleranceSeconds,
        currentDate: new Date(now),
        requiredClaims: ["exp", "sub"],
      });
      return { payload, thumbprint };
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
}

/** An issuer that gives its keys no ids, or the same one to each, has perhaps changed them when none fits. */
async function* findCandidates(header: JWSHeaderParameters, keys: SigningKeys) {
  const found = await keys.find(header);
  yield* found;
  if (found.length === 0) return undefined;
  const tried = new Set(found.map(({ thumbprint }) => thumbprint));
  const anew = await keys.findAnew(header);
  yield* anew.filter(({ thumbprint }) => !tried.has(thumbprint));
  return undefined;
}

function isExpected(error: unknown): boolean {
  return error instanceof errors.JOSEError || error instanceof AuthenticationError;
}

function toAuthenticationError(cause: unknown): AuthenticationError {
  if (cause instanceof AuthenticationError) return cause;
  return new AuthenticationError("invalid", explain(cause), { cause });
}

/** Of a token whose signature is right one may tell more. */
function explain(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "The token has run out. Get a new one.";
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.reason === "missing")
      return "The token has no exp, sub, iss or aud, and all four are required. Have your issuer set them.";
    if (cause.claim === "nbf")
      return "The token is not valid yet. Check the issuer's clock, or try again later.";
    if (cause.claim === "aud" || cause.claim === "iss")
      return "The token is from another issuer or for another audience than this gateway's. Ask your issuer for one that is for this gateway.";
  }
  return "The token is not one that this gateway accepts. Get a new one from the gateway's issuer.";
}
