import type { BaseLogger } from "pino";

import { clock } from "../runtime/environment.ts";
import type { Config } from "../config/load-config.ts";
import type { Authenticator } from "./authenticator.ts";
import { openApiKeys } from "./api-keys.ts";
import type { Grants, OwnerLimits, Scope } from "./viewer.ts";
import { LOCAL_OWNER } from "./viewer.ts";

/** `limits` are those of an owner whose credential sets no others. Rejects with every problem of a file of keys. */
export async function createAuthenticator(
  options: Grants & {
    readonly config: Config["auth"];
    readonly limits: OwnerLimits;
    readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  },
): Promise<Authenticator> {
  const { config, limits, scopes, credentialLimits, log } = options;
  switch (config.kind) {
    case "none":
      return createLocalAuthenticator(limits, scopes);
    case "api-keys":
      return await openApiKeys({
        file: config.apiKeysFile,
        ...{ limits, scopes, credentialLimits, log },
      });
    case "jwt": {
      // Loaded only where it is wanted.
      const { createJwtAuthenticator } = await import("./jwt-authenticator.ts");
      const { readPublicKeys } = await import("./public-key-file.ts");
      const { keepSigningKeys, openKeyServer } = await import("./signing-keys.ts");
      const keys =
        config.jwksUrl === null
          ? keepSigningKeys(await readPublicKeys(config.publicKeyFile))
          : openKeyServer({ url: config.jwksUrl, log });
      return createJwtAuthenticator({ config, limits, scopes, now: clock.now, keys });
    }
  }
}

/** Lets everybody in as the one owner; for a gateway that only its own machine can reach. */
export function createLocalAuthenticator(
  limits: OwnerLimits,
  scopes: readonly Scope[],
): Authenticator {
  const admission = {
    viewer: {
      ownerId: LOCAL_OWNER,
      scopes: new Set(scopes),
      limits,
      credential: { id: null, signedBy: "", needsApproval: false },
    },
    expiresAt: null,
    isRevoked: () => false,
  };
  return {
    authenticate: async () => admission,
    restore: async () => admission,
    // A key or token of before has nobody left who vouches for it.
    isRevoked: async ({ id }) => id !== null,
    close: async () => undefined,
  };
}
