import { CodedError } from "../runtime/coded-error.ts";
import type { Viewer } from "./viewer.ts";

/** Decides who comes in. */
export type Authenticator = {
  /**
   * The admission for an `Authorization` value (`Bearer …`), from a header or from a WebSocket's `connectionParams`;
   * undefined when none was given. Rejects with an `AuthenticationError`.
   */
  authenticate(authorization: string | undefined): Promise<Admission>;
  close(): Promise<void>;
};

/** A credential that was accepted. */
export type Admission = {
  readonly viewer: Viewer;
  /** Milliseconds since 1970; null when it does not expire by itself. */
  readonly expiresAt: number | null;
  /** Whether the credential is no longer accepted although it has not expired, e.g. a key that was revoked. */
  isRevoked(): boolean;
};

/**
 * Nobody is let in. `missing`: no credential came; `invalid`: it is unknown, malformed, expired or not for this gateway;
 * `unavailable`: it can't be checked at the moment. The text says the next step, and nothing of the credential. A close
 * frame has room for it, unless the credential is missing.
 */
export class AuthenticationError extends CodedError {
  readonly reason: "missing" | "invalid" | "unavailable";

  constructor(reason: AuthenticationError["reason"], message: string, options: ErrorOptions = {}) {
    if (reason === "unavailable")
      super("UNAVAILABLE", message, { ...options, retryAfterSeconds: 5 });
    else super("UNAUTHENTICATED", message, options);
    this.reason = reason;
  }
}

/** Of a credential: more than any issuer writes, and little enough to hash and parse for a stranger. */
const MAX_CREDENTIAL_CHARACTERS = 8_192;

/** RFC 6750, section 2.1; the scheme's case is free, as RFC 9110 says. */
const BEARER = /^bearer +([\w.~+/-]+=*)$/i;

/** The credential of an `Authorization` value. Throws an `AuthenticationError`. */
export function readBearer(authorization: string | undefined): string {
  if (authorization === undefined || authorization === "")
    throw new AuthenticationError(
      "missing",
      'This gateway lets nobody in without a credential. Send the header "Authorization: Bearer <credential>", or on a WebSocket the connectionParams { authorization: "Bearer <credential>" }.',
    );
  // The length first: the expression looks at every character.
  const isShort = authorization.length <= MAX_CREDENTIAL_CHARACTERS + "Bearer ".length;
  const credential = isShort ? BEARER.exec(authorization)?.[1] : undefined;
  if (credential === undefined)
    throw new AuthenticationError(
      "invalid",
      `Write the authorization as "Bearer <credential>", with at most ${MAX_CREDENTIAL_CHARACTERS} characters of credential.`,
    );
  return credential;
}
