/** Whether this gateway may still take itself for the owner of its jobs, by its own clock. */
export type Lease = {
  isHeld(): boolean;
  /** The database took a renewal that was sent at this moment, by `monotonic`. */
  noteRenewal(sentAt: number): void;
};

/**
 * A lease that was never renewed, and so is not held. It runs from the moment a renewal was sent, so it ends here before
 * it ends by the database's clock; with `leaseMs` Infinity one renewal is enough for good.
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
