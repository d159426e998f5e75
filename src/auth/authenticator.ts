import type { Viewer } from "./viewer.ts";

/** Tells who comes in. */
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
  /** Milliseconds since 1970; null when it does not run out by itself. */
  readonly expiresAt: number | null;
  /** Whether the credential is no longer accepted although it has not run out, e.g. a key that was revoked. */
  isRevoked(): boolean;
};

/**
 * Nobody is let in. `missing`: no credential was given; `invalid`: it is unknown, malformed, has run out or is not for
 * this gateway; `unavailable`: it can't be checked at the moment. The text tells the next step and nothing of the
 * credential.
 */
export class AuthenticationError extends Error {
  override readonly name = "AuthenticationError";
  readonly reason: "missing" | "invalid" | "unavailable";

  constructor(
    reason: AuthenticationError["reason"],
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.reason = reason;
  }
}
