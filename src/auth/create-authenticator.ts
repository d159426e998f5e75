import type { BaseLogger } from "pino";

import type { AuthConfig } from "./auth-config.ts";
import type { Authenticator } from "./authenticator.ts";
import { openApiKeys } from "./open-api-keys.ts";
import { openJwts } from "./open-jwts.ts";
import { createLocalAuthenticator } from "./local-authenticator.ts";
import type { OwnerLimits } from "./viewer.ts";

/**
 * Makes what tells who comes in. `limits` are those of an owner whose credential says nothing else. Rejects with an
 * error that lists every problem of the file of keys, where there is one.
 */
export async function createAuthenticator(options: {
  readonly config: AuthConfig;
  readonly limits: OwnerLimits;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
}): Promise<Authenticator> {
  const { config, limits, log } = options;
  switch (config.kind) {
    case "none":
      return createLocalAuthenticator({ limits });
    case "api-keys":
      return await openApiKeys({ file: config.file, limits, log });
    case "jwt":
      return await openJwts({ config, limits, log, now: Date.now });
  }
}
