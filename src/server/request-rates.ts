import { RateLimiterMemory } from "rate-limiter-flexible";

import type { Viewer } from "../auth/viewer.ts";
import { LimitError } from "../job/errors.ts";

/** Counts the requests of each owner. */
export type RequestRates = {
  /** Counts one more; the error when that is one too many in this second. */
  take(viewer: Viewer): Promise<LimitError | null>;
};

/** A count lives for a second, so there are never more of them than requests in a second. */
export function createRequestRates(): RequestRates {
  const counts = new RateLimiterMemory({ points: 1, duration: 1 });
  return {
    async take({ ownerId, limits: { requestsPerSecond: limit } }) {
      if (limit === null) return null;
      // Counts without judging: the limit is the viewer's own.
      const { consumedPoints } = await counts.penalty(ownerId);
      if (consumedPoints <= limit) return null;
      return new LimitError(
        `You have sent more than ${limit} requests in a second. Wait a second, then try again.`,
        { code: "RATE_LIMITED", retryAfterSeconds: 1, limit },
      );
    },
  };
}
