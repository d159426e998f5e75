import { AuthenticationError } from "./authenticator.ts";

/** Of a credential: more than any issuer writes, and little enough to hash and parse for a stranger. */
const MOST_CREDENTIAL_CHARACTERS = 8_192;

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
  const isShort = authorization.length <= MOST_CREDENTIAL_CHARACTERS + "Bearer ".length;
  const credential = isShort ? BEARER.exec(authorization)?.[1] : undefined;
  if (credential === undefined)
    throw new AuthenticationError(
      "invalid",
      `The authorization is not of the form "Bearer <credential>" with a credential of at most ${MOST_CREDENTIAL_CHARACTERS} characters. Send it in that form.`,
    );
  return credential;
}
