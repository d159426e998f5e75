/** Whether this gateway still owns its jobs, by its own clock. */
export type Lease = {
  isHeld(): boolean;
  /** The database took a renewal that was sent at this time by `monotonic`. */
  noteRenewal(sentAt: number): void;
};

/**
 * It is not held before its first renewal. It runs from when a renewal was sent, so it ends here before it ends by the
 * database's clock; with `leaseMs` Infinity one renewal lasts for good.
 */
export function createLease(options: {
  readonly leaseMs: number;
  readonly monotonic: () => number;
}): Lease {
  const { leaseMs, monotonic } = options;
  let renewedAt = -Infinity;
  return {
    isHeld: () => renewedAt !== -Infinity && monotonic() - renewedAt < leaseMs,
    noteRenewal(sentAt) {
      renewedAt = sentAt;
    },
  };
}
