import type { LiveDeployments } from "../../src/engine/runcomfy/live-deployments.ts";

/** An upstream that has listed nothing. */
export const NOTHING_LISTED: Pick<LiveDeployments, "findKind"> = { findKind: async () => null };

/** What tracking needs of the settings, with their defaults. */
export const TRACKING_SETTINGS = {
  drawsSeeds: true,
  apiVersion: "v1",
  toUpstreamWebhookUrl: null,
  deadlineSeconds: 86_400,
  submitTimeoutSeconds: 10,
  submitMarginSeconds: 5,
  submitsAtOnce: 100,
  pollsAtOnce: 256,
  pollCostSeconds: 0.02,
  isRevoked: async () => false,
} as const;
