import type { BaseLogger } from "pino";

import { DatabaseReplacedError } from "../store/database-error.ts";

/** What is answered to whoever asks whether the gateway can serve. */
export type Readiness = () => Promise<{ readonly status: number; readonly text: string }>;

/** However often it is asked, the log is told once of each reason, and once that the gateway is ready again. */
export function createReadiness(dependencies: {
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  readonly log: Pick<BaseLogger, "error" | "info">;
}): Readiness {
  const { checkDatabase, log } = dependencies;
  let told: string | null = null;

  return async () => {
    try {
      await checkDatabase();
    } catch (error) {
      const text = error instanceof DatabaseReplacedError ? REPLACED : AWAY;
      if (text !== told) log.error({ err: error }, "The gateway is not ready. Check its database.");
      told = text;
      return { status: 503, text };
    }
    if (told !== null) log.info({}, "The gateway is ready again.");
    told = null;
    return { status: 200, text: "The gateway is ready.\n" };
  };
}

const AWAY =
  "The database does not answer. Check that it runs; the gateway connects again by itself.\n";
const REPLACED =
  "The database file is no longer the one that the gateway opened. The gateway's log says what to do.\n";
