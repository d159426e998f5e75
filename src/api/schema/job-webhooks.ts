import type { Builder } from "./builder.ts";
import { WEBHOOK_SCOPES as SCOPES } from "../../parts/webhooks/webhook-service.ts";

/** Adds what an owner sees of the URLs that submits name for their jobs, and what signs calls of them. */
export function addJobWebhooks(builder: Builder): void {
  addOwnSecret(builder);
  builder.objectFields("Job", (t) => ({
    webhookUrl: t.field({
      type: "URL",
      nullable: true,
      scope: SCOPES,
      description:
        "What it was submitted with to be called for it alone; null if nothing, and for everybody but its owner.",
      complexity: 5,
      resolve: async ({ id }, _arguments, { reads, webhooks }) =>
        (await reads.load(webhooks.ofJobs, id))?.url ?? null,
    }),
    webhookDeliveries: t.field({
      type: ["WebhookDelivery"],
      scope: SCOPES,
      description:
        "What its `webhookUrl` was told, newest first: its end, and that its files are kept. Empty for everybody but its owner. A delivery is no change of the job, so watchers are not told.",
      complexity: { field: 5, multiplier: 2 },
      resolve: async ({ id }, _arguments, { reads, webhooks }) =>
        (await reads.load(webhooks.ofJobs, id))?.deliveries ?? [],
    }),
  }));
}

function addOwnSecret(builder: Builder): void {
  builder.objectField("Viewer", "webhookSecret", (t) =>
    t.string({
      scope: SCOPES,
      description:
        "By which your server verifies calls of a `webhookUrl`; starts with `whsec_`. It is the same for all your jobs, whichever credential submits them.",
      complexity: 10,
      resolve: ({ ownerId }, _arguments, { webhooks, engine }) =>
        engine.queues.reads.run(ownerId, () => webhooks.readOwnSecret(ownerId)),
    }),
  );
  builder.mutationField("rotateViewerWebhookSecret", (t) =>
    t.field({
      type: "Viewer",
      scope: SCOPES,
      description:
        "Gives you another `Viewer.webhookSecret`. For 24 hours each call is signed with both, so that you can change over without losing one.",
      complexity: 10,
      errors: {
        types: [],
        union: {
          name: "RotateViewerWebhookSecretResult",
          description: "You, with another secret.",
        },
        result: {
          name: "RotateViewerWebhookSecretSuccess",
          description: "You have another secret.",
        },
        dataField: { name: "viewer", description: "You; `webhookSecret` is the other one." },
      },
      resolve: async (_root, _arguments, { webhooks, viewer }) => {
        await webhooks.rotateOwnSecret(viewer.ownerId);
        return viewer;
      },
    }),
  );
}
