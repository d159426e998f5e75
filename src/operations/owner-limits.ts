import { LRUCache } from "lru-cache";

import type { OwnerLimits, Viewer } from "../auth/viewer.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { toCountText } from "../runtime/amount-text.ts";
import { LimitError } from "../runtime/coded-error.ts";

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
  const taken = new Map<string, number>();
  let total = 0;

  /** What everybody is told while no slot is left; null while one is. */
  function findFull(): LimitError | null {
    if (total < most) return null;
    return full(`All ${most} ${what} are taken. Try again later, or contact support.`, most);
  }

  function full(message: string, limit: number): LimitError {
    channels.refused.publish(what);
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    const details = { limitName: what, code: "QUOTA_EXCEEDED", retryAfterSeconds, limit } as const;
    return new LimitError(message, details);
  }

  function change(ownerId: string, by: 1 | -1): void {
    const count = (taken.get(ownerId) ?? 0) + by;
    total += by;
    // So that the map holds no owner who has left.
    if (count > 0) taken.set(ownerId, count);
    else taken.delete(ownerId);
  }

  return {
    findFull,
    count: () => total,
    /** Takes a slot; what it returns gives the slot back, once. Throws a `LimitError`. */
    take({ ownerId, limits: { [what]: ownMost } }: Viewer): () => void {
      if (ownMost !== null && (taken.get(ownerId) ?? 0) >= ownMost)
        throw full(
          `You have ${toCountText(ownMost, what)} open, the most allowed. Close one and try again.`,
          ownMost,
        );
      const noneLeft = findFull();
      if (noneLeft !== null) throw noneLeft;
      change(ownerId, 1);
      let isTaken = true;
      return () => {
        if (isTaken) change(ownerId, -1);
        isTaken = false;
      };
    },
  };
}

export type RequestRates = ReturnType<typeof createRequestRates>;

/** Counts the requests of each owner, second by second; `now` is in milliseconds. */
export function createRequestRates({ refused }: Channels, now = () => performance.now()) {
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
