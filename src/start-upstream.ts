import { createRequire } from "node:module";

import type { Logger } from "pino";

import type { Config } from "./config/load-config.ts";
import { codeOf } from "./runtime/coded-error.ts";

/**
 * RunComfy as configured, or the sandbox, started on a free port where its own is taken. Rejects with a sentence when the
 * sandbox can't start. `deployments` are what the sandbox runs, `token` is what it accepts, and `close` ends it.
 */
export async function startUpstream(
  { upstream }: Config,
  sandbox: {
    readonly deployments: readonly unknown[];
    readonly token: string;
    readonly log: Logger;
  },
): Promise<{ readonly baseUrl: string; readonly token: string; close(): Promise<void> }> {
  if (upstream.kind === "runcomfy") {
    const { baseUrl, token } = upstream;
    return { baseUrl, token, close: async () => undefined };
  }
  // Only where it is needed, as its checks of bodies take time to load.
  const { startSandbox } = await import("runcomfy-sandbox");
  const { port, speed, dataFolder, filesExpireSeconds } = upstream;
  const { deployments, token, log } = sandbox;
  const options = { token, speed, dataFolder, filesExpireSeconds, deployments, log };
  const { url, close } = await startSandbox({ ...options, port }).catch((error: unknown) => {
    const isTaken = codeOf(error) === "EADDRINUSE";
    if (!isTaken) throw error;
    log.warn(
      `Port ${port} is taken, so the sandbox takes a free one, and links to its earlier pictures don't work meanwhile. Set SANDBOX_PORT to a port that stays free.`,
    );
    return startSandbox({ ...options, port: 0 });
  });
  return { baseUrl: url, token, close };
}

/** The file of the deployments that exist: the user's, the sandbox's own, or none. */
export function findDeploymentsFile({ upstream, deploymentsFile }: Config): string | null {
  if (deploymentsFile !== null || upstream.kind === "runcomfy") return deploymentsFile;
  return createRequire(import.meta.url).resolve("runcomfy-sandbox/deployments.json");
}
