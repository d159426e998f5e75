import { LRUCache } from "lru-cache";

import { clock } from "../../runtime/environment.ts";
import type { OwnerLimits, Viewer } from "../../auth/viewer.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { LimitError, toCountText } from "../../runtime/coded-error.ts";
import { Counter } from "../../runtime/counter.ts";
import type { Release } from "../../runtime/semaphore.ts";

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
  const open = new Counter();

  function full(message: string, limit: number): LimitError {
    channels.refused.publish(what);
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    const details = { limitName: what, code: "QUOTA_EXCEEDED", retryAfterSeconds, limit } as const;
    return new LimitError(message, details);
  }

  return {
    count: () => open.total,
    /** Takes a slot. Throws a `LimitError`. */
    take({ ownerId, limits: { [what]: ownMost } }: Viewer): Release {
      if (ownMost !== null && open.count(ownerId) >= ownMost)
        throw full(
          `You have ${toCountText(ownMost, what)} open, the most allowed. Close one and try again.`,
          ownMost,
        );
      if (open.total >= most)
        throw full(`All ${most} ${what} are taken. Try again later, or contact support.`, most);
      return open.add(ownerId);
    },
  };
}

export type RequestRates = ReturnType<typeof createRequestRates>;

/** Each sign-in waits for the disk, as a submit does. */
const MAX_SIGN_INS_A_MINUTE = 60;

/** Counts the requests of each owner, second by second, and its sign-ins; `now` is in milliseconds. */
export function createRequestRates({ refused }: Channels, now = clock.monotonic) {
  const countRequests = createCounts(1_000, now);
  const countSignIns = createCounts(60_000, now);

  function refuse(limitName: string, message: string, retryAfterSeconds: number, limit: number) {
    refused.publish(limitName);
    const details = { limitName, code: "RATE_LIMITED", retryAfterSeconds, limit } as const;
    throw new LimitError(message, details);
  }

  return {
    /** Counts one more. Throws a `LimitError` when that is one too many in this second. */
    take({ ownerId, limits: { requestsPerSecond: most } }: Viewer): void {
      if (most === null || countRequests(ownerId) <= most) return;
      const message = `You have sent more than ${most} requests in a second. Wait a second, then try again.`;
      refuse("requestsPerSecond", message, 1, most);
    },
    /** The same for one that signs in, in this minute. */
    takeSignIn({ ownerId }: Viewer): void {
      if (countSignIns(ownerId) <= MAX_SIGN_INS_A_MINUTE) return;
      const message = `You have signed in ${MAX_SIGN_INS_A_MINUTE} times in a minute. Wait a minute, then try again.`;
      refuse("signInsPerMinute", message, 60, MAX_SIGN_INS_A_MINUTE);
    },
  };
}

/** Counts what each owner does within so long of the first of it. */
function createCounts(ttl: number, now: () => number): (ownerId: string) => number {
  const counts = new LRUCache<string, { count: number }>({
    max: MAX_COUNTED_OWNERS,
    ttl,
    ttlResolution: 0,
    perf: { now },
  });
  return (ownerId) => {
    const counted = counts.get(ownerId) ?? { count: 0 };
    if (counted.count === 0) counts.set(ownerId, counted);
    counted.count += 1;
    return counted.count;
  };
}
