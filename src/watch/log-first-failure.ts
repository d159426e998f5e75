import type { BaseLogger } from "pino";

import { BadCursorError } from "../job/errors.ts";

/** Runs reads of one kind and logs a failure once, until a read succeeds again; a bad cursor is none. */
export function logFirstFailure(log: Pick<BaseLogger, "warn">, what: string) {
  let hasFailed = false;
  return async <Value>(read: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await read();
      hasFailed = false;
      return value;
    } catch (err) {
      if (err instanceof BadCursorError) throw err;
      if (!hasFailed)
        log.warn({ err }, `${what} The gateway tries again. Check that the database runs.`);
      hasFailed = true;
      throw err;
    }
  };
}
