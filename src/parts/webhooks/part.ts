import { list, optional, type SettingsOf } from "../../config/rules.ts";
import type { Part } from "../../part.ts";
import { isAddressRange } from "../../runtime/public-address.ts";

declare module "../../auth/viewer.ts" {
  interface PartScopes {
    webhooks: true;
  }
}

const SETTINGS = {
  WEBHOOKS_ALLOW: optional(
    list(
      (ranges) => ranges.every(isAddressRange),
      "must be a list of address ranges, such as 10.0.0.0/8,::1/128",
    ),
    "none",
    "Ranges of private addresses that [webhooks](webhooks.md) may call too, with http and on any port, separated by commas. Anyone with the scope `webhooks` can then send requests there.",
  ),
};

/** Calls owners' servers when something happens to their jobs. */
export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "webhooks",
  settings: SETTINGS,
  scopes: ["webhooks"],
  events: {
    JOB_HELD: "A job waits for an approval.",
    JOB_SUCCEEDED: "A job has succeeded, and its output is available.",
    JOB_FAILED: "A job has ended without an output.",
    JOB_CANCELLED: "A job was cancelled before it ran.",
    JOB_KEPT: "Every file of a job has been copied, or could not be. Sent once a job.",
    WEBHOOK_DISABLED: "Another webhook of yours was disabled, because it kept failing.",
  },
  migrations: async () => (await import("./tables.ts")).MIGRATIONS,
  triggers: async () => (await import("./tables.ts")).createTriggers,
  submitOptions: {
    webhookUrl: {
      type: "URL",
      description:
        "An https URL on a public host, on port 443 or 8443, that is called when this job waits for an approval, when it ends, and when its files are kept, signed with `Viewer.webhookSecret`. Needs the scopes `webhooks` and `jobs:read`. It is not part of the idempotency key: a retry gives the job with its original URL.",
    },
  },
  schema: async () => (await import("./schema.ts")).addWebhooks,
  async open(engine, { WEBHOOKS_ALLOW = [] }) {
    const { openWebhooks } = await import("./open-webhooks.ts");
    return openWebhooks(engine, WEBHOOKS_ALLOW);
  },
};
