import type { BaseLogger } from "pino";

import { CodedError } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import type { Credential, Viewer } from "./viewer.ts";

/** Decides who comes in. */
export type Authenticator = {
  /**
   * The admission for an `Authorization` value (`Bearer …`), from a header or from a WebSocket's `connectionParams`;
   * undefined when none was given. Rejects with an `AuthenticationError`.
   */
  authenticate(authorization: string | undefined): Promise<Admission>;
  /**
   * The admission of a credential that was accepted before; null where what vouched for it is withdrawn, or no longer what
   * it was. Rejects with an `AuthenticationError`.
   */
  restore(claims: Claims): Promise<Admission | null>;
  /**
   * Whether the API key, or the key that signed the token, is no longer in use here; one that was edited still is, and a
   * token's `exp` does not count. Rejects with an `AuthenticationError` while that can't be known.
   */
  isRevoked(credential: Pick<Credential, "id" | "signedBy">): Promise<boolean>;
  close(): Promise<void>;
};

/** What is kept of a credential, instead of it. */
export type Claims = {
  readonly ownerId: string;
  readonly scopes: readonly string[];
  readonly credential: Credential;
};

/** A credential that was accepted. */
export type Admission = {
  readonly viewer: Viewer;
  /** Milliseconds since 1970; null when it does not expire by itself. */
  readonly expiresAt: number | null;
  /** Whether the credential is no longer accepted although it has not expired: an API key or a sign-in, as no token is revoked. */
  isRevoked(): boolean;
};

/**
 * Nobody is admitted. `missing`: no credential came; `invalid`: it is unknown, malformed, expired or not for this gateway;
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

/** The credential of an `Authorization` value; undefined where that is written in another way. */
export function findBearer(authorization: string): string | undefined {
  // The length first: the expression reads every character.
  const isShort = authorization.length <= MAX_CREDENTIAL_CHARACTERS + "Bearer ".length;
  return isShort ? BEARER.exec(authorization)?.[1] : undefined;
}

/** The same. Throws an `AuthenticationError`. */
export function readBearer(authorization: string | undefined): string {
  if (authorization === undefined || authorization === "")
    throw new AuthenticationError(
      "missing",
      'This gateway lets nobody in without a credential. Send the header "Authorization: Bearer <credential>", or on a WebSocket the connectionParams { authorization: "Bearer <credential>" }.',
    );
  const credential = findBearer(authorization);
  if (credential === undefined)
    throw new AuthenticationError(
      "invalid",
      `Write the authorization as "Bearer <credential>", with at most ${MAX_CREDENTIAL_CHARACTERS} characters of credential.`,
    );
  return credential;
}

/** Why a session must end: its credential has expired, or is no longer accepted. */
export type SessionEnd = "expired" | "revoked";

/** What outlives the request that let it in, such as sockets and event streams: each ends with its credential. */
export type Sessions = ReturnType<typeof createSessions>;

type Session = { readonly admission: Admission; readonly end: (reason: SessionEnd) => void };

/** One timer checks all; their callers bound how many there are. */
export function createSessions(options: {
  readonly log: Pick<BaseLogger, "error">;
  readonly pollMs?: number;
}) {
  const { log, pollMs = 500 } = options;
  const sessions = new Set<Session>();

  function poll(): void {
    const at = clock.now();
    for (const session of sessions) {
      const reason = findEnd(session.admission, at);
      if (reason === null) continue;
      sessions.delete(session);
      try {
        session.end(reason);
      } catch (error) {
        // The others must still end.
        log.error({ err: error }, "A session could not be ended when its credential was over.");
      }
    }
  }

  const stopTimer = clock.repeat(poll, pollMs);
  return {
    /** Calls `end` once, when the admission is over. Returns how to leave, which may be called more than once. */
    enter(admission: Admission, end: Session["end"]): () => void {
      const session = { admission, end };
      sessions.add(session);
      return () => void sessions.delete(session);
    },
    /** Those that have not ended; one that several have comes as often. */
    admissions: () => Array.from(sessions, ({ admission }) => admission),
    /** Why a session of this admission is over, though `end` may not have been called yet; null while it is not. */
    findEnd: (admission: Admission) => findEnd(admission, clock.now()),
    close(): void {
      stopTimer();
      sessions.clear();
    },
  };
}

function findEnd({ expiresAt, isRevoked }: Admission, at: number): SessionEnd | null {
  if (expiresAt !== null && expiresAt <= at) return "expired";
  return isRevoked() ? "revoked" : null;
}
