import type { Scope } from "../../../src/auth/viewer.ts";
import type { ScopeCase } from "../../schema/scope-cases.ts";

/** A webhook's events are about jobs. */
const BOTH: readonly Scope[] = ["webhooks", "jobs:read"];

/** Submits that name a URL to be called for their job. */
export const SUBMITS_WITH_URL: readonly string[] = [
  `submitJob(deploymentId: "wg", input: {}, webhookUrl: "https://example.com/")`,
  `submitJobs(items: [{ deploymentId: "wg", input: {}, webhookUrl: "https://example.com/" }])`,
  `submitWarmGlow(input: { prompt: "p" }, webhookUrl: "https://example.com/")`,
  `rerunJob(id: "job_1", webhookUrl: "https://example.com/")`,
].map((field) => `mutation { ${field} { __typename } }`);

export const SCOPE_CASES: readonly ScopeCase[] = [
  [BOTH, `{ webhooks { id } }`],
  [BOTH, `{ webhook(id: "whk_1") { id } }`],
  // The rest of `viewer` is for everybody.
  [BOTH, `{viewer{webhookSecret}}`],
  [BOTH, `mutation { createWebhook(url: "https://example.com/") { __typename } }`],
  [BOTH, `mutation { updateWebhook(id: "whk_1") { __typename } }`],
  [BOTH, `mutation { deleteWebhook(id: "whk_1") { __typename } }`],
  [BOTH, `mutation { rotateWebhookSecret(id: "whk_1") { __typename } }`],
  [BOTH, `mutation { redeliver(deliveryId: "msg_1") { __typename } }`],
  [BOTH, `mutation { rotateViewerWebhookSecret { __typename } }`],
  ...SUBMITS_WITH_URL.map((text): ScopeCase => [["jobs:submit", ...BOTH], text]),
];
