import type { TriedDelivery } from "../../src/engine/store/webhook-claims.ts";

/** What came of a delivery, whichever it was. */
export type Tried = Omit<TriedDelivery, "claimed">;

export const MADE = { at: 1_000, status: 204, durationMs: 5 };
export const DELIVERED: Tried = {
  state: "DELIVERED",
  made: MADE,
  retryMs: null,
  restMs: 0,
  isGone: false,
};
