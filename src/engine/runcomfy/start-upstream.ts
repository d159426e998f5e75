import type { Logger } from "pino";

import type { Config } from "../../config/load-config.ts";
import { codeOf } from "../../runtime/coded-error.ts";

/**
 * RunComfy as configured, or the sandbox, started on a free port where its own is taken. Rejects with a sentence when the
 * sandbox can't start. `deployments` are what the sandbox runs, `token` is what it accepts, and `close` ends it.
 */
export async function startUpstream(
  { upstream }: Pick<Config, "upstream">,
  sandbox: {
    /** Left out, the sandbox runs its own. */
    readonly deployments?: readonly unknown[];
    readonly token: string;
    readonly log: Logger;
  },
): Promise<{
  readonly baseUrl: string;
  /** Null where models are off. */
  readonly modelUrl: string | null;
  readonly token: string;
  close(): Promise<void>;
}> {
  if (upstream.kind === "runcomfy") {
    const { baseUrl, modelUrl, token } = upstream;
    return { baseUrl, modelUrl, token, close: async () => undefined };
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
  return { baseUrl: url, modelUrl: url, token, close };
}
