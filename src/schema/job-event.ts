import type { Builder } from "./builder.ts";
import type { JobStatusRef } from "./job-status.ts";

export function addJobEvent(builder: Builder, jobStatus: JobStatusRef): void {
  builder.objectType("JobEvent", {
    description: "The moment at which a job came into a status.",
    fields: (t) => ({
      version: t.exposeInt("version", {
        description: "The job's `version` at that moment; the first is 1.",
      }),
      status: t.expose("status", { type: jobStatus, description: "The status from then on." }),
      at: t.expose("at", {
        type: "DateTime",
        description: "When the gateway recorded it.",
      }),
    }),
  });
}
