import type { Writable } from "node:stream";

import type { Logger } from "pino";
import { pino } from "pino";
import { prettyFactory } from "pino-pretty";

import type { Config } from "./config/load-config.ts";
import { toLoggedError } from "./logged-error.ts";

/** How much may wait for the reader. */
const MAX_UNREAD_BYTES = 1_048_576;

/**
 * The log of the process: JSON lines, or on a terminal text, from warnings on. It never waits for its reader: one that is
 * too far behind misses lines, and is told how many once it has caught up.
 */
export function createLog({
  output,
  level,
}: {
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly level: Config["logLevel"];
}): Logger {
  const isTerminal = output.isTTY === true;
  const format = isTerminal
    ? prettyFactory({ ignore: "pid,hostname", translateTime: "HH:MM:ss" })
    : (line: string) => line;
  let dropped = 0;

  const log = pino(
    { level: level ?? (isTerminal ? "warn" : "info"), serializers: { err: toLoggedError } },
    {
      write(line: string) {
        // Once one line is dropped, all are until the reader has caught up, so that there is one gap to tell of.
        if (output.writableLength >= (dropped === 0 ? MAX_UNREAD_BYTES : 1)) {
          dropped += 1;
          return;
        }
        tellDropped();
        output.write(format(line));
      },
    },
  );
  output.on("drain", tellDropped);
  return log;

  function tellDropped(): void {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.error(
      { lines },
      "Lines of this log were dropped, because it was read too slowly. Read standard error without a pause, or raise LOG_LEVEL.",
    );
  }
}
