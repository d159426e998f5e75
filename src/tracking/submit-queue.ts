import type { BaseLogger } from "pino";

import { UpstreamError } from "../job/errors.ts";
import { toDurationText } from "../runtime/amount-text.ts";
import type { Release } from "../runtime/queue.ts";
import { Queue } from "../runtime/queue.ts";

/** All waiting inputs take no more, as JSON, and one owner's no more than they leave free. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** What a waiting submit takes beside its input. */
const WAITING_BYTES = 1_024;

/** Lets `atOnce` submits go; the others wait for `maxWaitMs` at most. */
export function createSubmitQueue(options: {
  readonly atOnce: number;
  readonly maxWaitMs: number;
  readonly monotonic: () => number;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const { atOnce, maxWaitMs, monotonic, log } = options;
  /** How long the last one waited that was let go. */
  let lastWaitMs = 0;
  let hasWarned = false;
  const queue = new Queue({
    total: atOnce,
    sliceMs: Infinity,
    maxWaiting: MAX_WAITING_BYTES,
    maxWaitMs,
    refuse() {
      if (!hasWarned) {
        log.warn(
          { submitsAtOnce: atOnce },
          "Jobs are submitted faster than RunComfy takes them, so some are refused with RATE_LIMITED. If RunComfy can take more at once, raise SUBMITS_AT_ONCE.",
        );
      }
      hasWarned = true;
      const retryAfterSeconds = Math.max(1, Math.round(lastWaitMs / 1_000));
      return new UpstreamError("RATE_LIMITED", {
        message: `Too many jobs are being submitted at the moment, so this one was not sent. Submit it again in ${toDurationText(retryAfterSeconds)}.`,
        retryAfterSeconds,
      });
    },
  });

  return {
    /** Rejects with an `UpstreamError` that says when to come back where it can't be let go in time. */
    async run<Value>(
      ownerId: string,
      inputBytes: number,
      submit: (release: Release) => Promise<Value>,
    ): Promise<Value> {
      if (queue.count() <= atOnce / 2) hasWarned = false;
      const since = monotonic();
      const begin = (release: Release): Promise<Value> => {
        lastWaitMs = monotonic() - since;
        return submit(release);
      };
      return await queue.run(ownerId, begin, { weight: inputBytes + WAITING_BYTES });
    },
    /** Refuses everyone who waits, or would have to, with this error. */
    close: (error: Error) => queue.close(error),
  };
}
