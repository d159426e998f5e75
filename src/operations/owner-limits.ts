import { LRUCache } from "lru-cache";

import { clock } from "../runtime/environment.ts";
import type { OwnerLimits, Viewer } from "../auth/viewer.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { LimitError, toCountText } from "../runtime/coded-error.ts";
import type { Release } from "../runtime/queue.ts";
import { Queue } from "../runtime/queue.ts";

const RETRY_AFTER_SECONDS = 5;
/** One that is left out is counted anew. */
const MAX_COUNTED_OWNERS = 10_000;

/** How many of one thing may be open at once, in all and for each owner. */
export type Slots = ReturnType<typeof createSlots>;

/** `what` is the plural that the errors say. */
export function createSlots(options: {
  readonly what: keyof Pick<OwnerLimits, "sockets" | "subscriptions">;
  readonly most: number;
  readonly channels: Channels;
}) {
  const { what, most, channels } = options;
  const queue = new Queue({ total: most, sliceMs: Infinity });

  function allTaken(): LimitError {
    return full(`All ${most} ${what} are taken. Try again later, or contact support.`, most);
  }

  function full(message: string, limit: number): LimitError {
    channels.refused.publish(what);
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    const details = { limitName: what, code: "QUOTA_EXCEEDED", retryAfterSeconds, limit } as const;
    return new LimitError(message, details);
  }

  return {
    /** What everybody is told while no slot is left; null while one is. */
    findFull: () => (queue.count() < most ? null : allTaken()),
    count: () => queue.count(),
    /** Takes a slot. Throws a `LimitError`. */
    take({ ownerId, limits: { [what]: ownMost } }: Viewer): Release {
      if (ownMost !== null && queue.count(ownerId) >= ownMost)
        throw full(
          `You have ${toCountText(ownMost, what)} open, the most allowed. Close one and try again.`,
          ownMost,
        );
      const release = queue.tryEnter(ownerId);
      if (release === null) throw allTaken();
      return release;
    },
  };
}

export type RequestRates = ReturnType<typeof createRequestRates>;

/** Counts the requests of each owner, second by second; `now` is in milliseconds. */
export function createRequestRates({ refused }: Channels, now = clock.monotonic) {
  const counts = new LRUCache<string, { requests: number }>({
    max: MAX_COUNTED_OWNERS,
    ttl: 1_000,
    ttlResolution: 0,
    perf: { now },
  });
  return {
    /** Counts one more. Throws a `LimitError` when that is one too many in this second. */
    take({ ownerId, limits }: Viewer): void {
      const { requestsPerSecond: limit } = limits;
      if (limit === null) return;
      const count = counts.get(ownerId) ?? { requests: 0 };
      if (count.requests === 0) counts.set(ownerId, count);
      count.requests += 1;
      if (count.requests <= limit) return;
      const limitName = "requestsPerSecond";
      refused.publish(limitName);
      throw new LimitError(
        `You have sent more than ${limit} requests in a second. Wait a second, then try again.`,
        { limitName, code: "RATE_LIMITED", retryAfterSeconds: 1, limit },
      );
    },
  };
}
