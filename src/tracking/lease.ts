export type Lease = ReturnType<typeof createLease>;

/**
 * Whether this gateway still owns its jobs, by its own clock. The lease runs from when a renewal was sent, so it ends here
 * before it ends by the database's clock; with `leaseMs` Infinity one renewal lasts for good.
 */
export function createLease(options: {
  readonly leaseMs: number;
  readonly monotonic: () => number;
}) {
  const { leaseMs, monotonic } = options;
  let renewedAt: number | null = null;
  return {
    isHeld: () => renewedAt !== null && monotonic() - renewedAt < leaseMs,
    /** The database took a renewal that was sent at this time by `monotonic`. */
    noteRenewal(sentAt: number): void {
      renewedAt = sentAt;
    },
  };
}
