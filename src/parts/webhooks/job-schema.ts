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
        "The URL that is called for this job alone, given at its submit; null if there is none, and for everybody but its owner.",
      complexity: 5,
      resolve: async ({ id }, _arguments, { reads, parts, viewer }) =>
        (await reads.load(parts.find(WebhookService).ofJobs(viewer), id))?.url ?? null,
    }),
    webhookDeliveries: t.field({
      type: [delivery],
      description:
        "The deliveries to its `webhookUrl`, newest first: of its end, and of its kept files. Empty for everybody but its owner. A delivery doesn't change the job, so watchers are not notified.",
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
        "The secret by which your server verifies calls of a `webhookUrl`; starts with `whsec_`. It is the same for all your jobs, whichever credential submits them.",
      complexity: 10,
      resolve: (viewer, _arguments, { parts }) => parts.find(WebhookService).readOwnSecret(viewer),
    }),
  );
  builder.mutationField("rotateViewerWebhookSecret", (t) =>
    t.field({
      type: "Viewer",
      description:
        "Gives you a new `Viewer.webhookSecret`. For 24 hours each call is signed with both, so that you can switch without losing a call.",
      complexity: 10,
      errors: {
        types: [],
        union: {
          name: "RotateViewerWebhookSecretResult",
          description: "You, with a new secret.",
        },
        result: {
          name: "RotateViewerWebhookSecretSuccess",
          description: "You have a new secret.",
        },
        dataField: { name: "viewer", description: "You; `webhookSecret` is the new one." },
      },
      resolve: async (_root, _arguments, { parts, viewer }) => {
        await parts.find(WebhookService).rotateOwnSecret(viewer);
        return viewer;
      },
    }),
  );
}
