import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";

import type { Logger } from "pino";

import type { Config } from "./config/load-config.ts";

/**
 * RunComfy as configured, or the sandbox, started on a free port where its own is taken. Rejects with a sentence when the
 * sandbox can't start. `entries` are the deployments that the sandbox runs, as their file has them; `close` ends it.
 */
export async function startUpstream(
  { upstream }: Config,
  { entries, log }: { readonly entries: readonly unknown[]; readonly log: Logger },
): Promise<{ readonly baseUrl: string; readonly token: string; close(): Promise<void> }> {
  if (upstream.kind === "runcomfy") {
    const { baseUrl, token } = upstream;
    return { baseUrl, token, close: async () => undefined };
  }
  // Loaded only where it is needed, as drawing pictures takes a large library.
  const { startSandbox } = await import("./sandbox/sandbox.ts");
  const { port, speed, dataFolder } = upstream;
  const options = { token: randomUUID(), speed, dataFolder, deployments: entries, log };
  const sandbox = await startSandbox({ ...options, port }).catch((error: unknown) => {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken) throw error;
    log.warn(
      `Port ${port} is taken, so the sandbox takes a free one, and links to its earlier pictures don't work meanwhile. Set SANDBOX_PORT to a port that stays free.`,
    );
    return startSandbox({ ...options, port: 0 });
  });
  return { baseUrl: sandbox.url, token: options.token, close: () => sandbox.close() };
}

/** The file of the deployments that exist: the user's, the sandbox's own, or none. */
export function findDeploymentsFile({ upstream, deploymentsFile }: Config): string | null {
  if (deploymentsFile !== null || upstream.kind === "runcomfy") return deploymentsFile;
  return fileURLToPath(new URL("sandbox/deployments.json", import.meta.url));
}
