import type { Admission, Authenticator } from "./authenticator.ts";
import type { OwnerLimits } from "./viewer.ts";
import { LOCAL_OWNER, SCOPES } from "./viewer.ts";

/** Lets everybody in as the one owner of all; for a gateway that only its own machine can reach. */
export function createLocalAuthenticator({
  limits,
}: {
  readonly limits: OwnerLimits;
}): Authenticator {
  const admission: Admission = {
    viewer: { ownerId: LOCAL_OWNER, scopes: new Set(SCOPES), limits },
    expiresAt: null,
    isRevoked: () => false,
  };
  return { authenticate: async () => admission, close: async () => undefined };
}
