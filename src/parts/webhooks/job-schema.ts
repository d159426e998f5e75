import type { ObjectRef } from "@pothos/core";

import type { Builder } from "../../api/schema/builder.ts";
import type { Delivery } from "./webhook.ts";
import { WebhookService } from "./webhook-service.ts";

/** Adds what an owner sees of the URLs that submits name for their jobs, and what signs calls of them. */
export function addJobWebhooks(
  builder: Builder,
  delivery: ObjectRef<Builder["$inferSchemaTypes"], Delivery>,
): void {
  addOwnSecret(builder);
  builder.objectFields("Job", (t) => ({
    webhookUrl: t.field({
      type: "URL",
      nullable: true,
      description:
        "What it was submitted with to be called for it alone; null if nothing, and for everybody but its owner.",
      complexity: 5,
      resolve: async ({ id }, _arguments, { reads, parts, viewer }) =>
        (await reads.load(parts.find(WebhookService).ofJobs(viewer), id))?.url ?? null,
    }),
    webhookDeliveries: t.field({
      type: [delivery],
      description:
        "What its `webhookUrl` was told, newest first: its end, and that its files are kept. Empty for everybody but its owner. A delivery is no change of the job, so watchers are not told.",
      complexity: { field: 5, multiplier: 2 },
      resolve: async ({ id }, _arguments, { reads, parts, viewer }) =>
        (await reads.load(parts.find(WebhookService).ofJobs(viewer), id))?.deliveries ?? [],
    }),
  }));
}

function addOwnSecret(builder: Builder): void {
  builder.objectField("Viewer", "webhookSecret", (t) =>
    t.string({
      description:
        "By which your server verifies calls of a `webhookUrl`; starts with `whsec_`. It is the same for all your jobs, whichever credential submits them.",
      complexity: 10,
      resolve: (viewer, _arguments, { parts, engine }) =>
        engine.queues.reads.run(viewer.ownerId, () =>
          parts.find(WebhookService).readOwnSecret(viewer),
        ),
    }),
  );
  builder.mutationField("rotateViewerWebhookSecret", (t) =>
    t.field({
      type: "Viewer",
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
      resolve: async (_root, _arguments, { parts, viewer }) => {
        await parts.find(WebhookService).rotateOwnSecret(viewer);
        return viewer;
      },
    }),
  );
}
