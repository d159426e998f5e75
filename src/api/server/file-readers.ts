import type { ServerResponse } from "node:http";

import type { BaseLogger } from "pino";

import { isDatabaseFailure } from "../../engine/store/database-error.ts";
import { CodedError, unavailable } from "../../runtime/coded-error.ts";
import type { Semaphore } from "../../runtime/semaphore.ts";

/** What any page may show, and no page can run. */
export const FILE_HEADERS = {
  "access-control-allow-origin": "*",
  "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  "cross-origin-resource-policy": "cross-origin",
};

export type FileReaders = ReturnType<typeof createFileReaders>;

/** For everybody who reads files, in whichever way. */
export function createFileReaders(slots: Semaphore, log: Pick<BaseLogger, "warn">) {
  return {
    headers: FILE_HEADERS,

    /**
     * Runs an answer in a slot. A failure rejects with a `CodedError` while that can still be sent, and cuts the connection
     * later.
     */
    async answer(response: ServerResponse, act: () => Promise<void>): Promise<void> {
      try {
        await slots.run(act);
      } catch (error) {
        if (response.headersSent) return void response.destroy();
        if (error instanceof CodedError) throw error;
        // Whatever keeps trying has logged that the database fails.
        if (!isDatabaseFailure(error))
          log.warn({ err: error }, "A file could not be read. Check where files are.");
        throw AWAY;
      }
    },
  };
}

const AWAY = unavailable("The file can't be read at the moment. Try again in a few seconds.");
