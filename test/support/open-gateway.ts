import { pino } from "pino";
import { onTestFinished } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startGateway } from "../../src/gateway.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/**
 * A gateway in this process with these variables and no others, in memory and with a sandbox unless they say otherwise. It
 * is closed when the test ends. A test that stops the clock or kills its gateway runs one as a process: `runGateway`.
 */
export async function openGateway(
  environment: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const config = loadConfig({
    PORT: "0",
    SANDBOX_PORT: "0",
    DATABASE_URL: ":memory:",
    FILES_URL: `file:${await createTemporaryFolder()}`,
    ...environment,
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  return gateway;
}
