import type { Builder } from "./builder.ts";
import type { JobStatusRef } from "./job-status.ts";

export function addJobEvent(builder: Builder, jobStatus: JobStatusRef): void {
  builder.objectType("JobEvent", {
    description: "One recorded change of a job.",
    fields: (t) => ({
      version: t.exposeInt("version", {
        description: "The job's `version` since this change; the first is 1.",
      }),
      status: t.expose("status", { type: jobStatus, description: "The status since this change." }),
      queuePosition: t.exposeInt("queuePosition", {
        nullable: true,
        description:
          "The place in the queue since this change, 0 = next; null when not IN_QUEUE or not known.",
      }),
      at: t.expose("at", {
        type: "DateTime",
        description: "When the gateway recorded the change.",
      }),
    }),
  });
}
