import type { BaseLogger } from "pino";

import type { Config } from "../config/load-config.ts";
import type { Authenticator } from "./authenticator.ts";
import { openApiKeys } from "./open-api-keys.ts";
import { openJwts } from "./open-jwts.ts";
import type { OwnerLimits } from "./viewer.ts";
import { LOCAL_OWNER, SCOPES } from "./viewer.ts";

/**
 * Makes what tells who comes in. `limits` are those of an owner whose credential says nothing else. Rejects with an
 * error that lists every problem of the file of keys, where there is one.
 */
export async function createAuthenticator(options: {
  readonly config: Config["auth"];
  readonly limits: OwnerLimits;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
}): Promise<Authenticator> {
  const { config, limits, log } = options;
  switch (config.kind) {
    case "none":
      return createLocalAuthenticator(limits);
    case "api-keys":
      return await openApiKeys({ file: config.file, limits, log });
    case "jwt":
      return await openJwts({ config, limits, log, now: Date.now });
  }
}

/** Lets everybody in as the one owner of all; for a gateway that only its own machine can reach. */
export function createLocalAuthenticator(limits: OwnerLimits): Authenticator {
  const admission = {
    viewer: { ownerId: LOCAL_OWNER, scopes: new Set(SCOPES), limits },
    expiresAt: null,
    isRevoked: () => false,
  };
  return { authenticate: async () => admission, close: async () => undefined };
}
