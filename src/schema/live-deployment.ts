import type { Builder } from "./builder.ts";

/** What only the upstream knows of a deployment. */
export function addLiveDeployment(builder: Builder): void {
  builder.objectType("LiveDeployment", {
    description: "How the upstream runs a deployment, as it said within the last seconds.",
    fields: (t) => ({
      hardware: t.exposeStringList("hardware", {
        description: "The machines it may run on, in the upstream's words; empty when not told.",
      }),
      minInstances: t.exposeInt("minInstances", {
        nullable: true,
        description: "How many instances stay up when there is nothing to do; null when not told.",
      }),
      maxInstances: t.exposeInt("maxInstances", {
        nullable: true,
        description: "How many instances it may grow to; null when not told.",
      }),
      queueSize: t.exposeInt("queueSize", {
        nullable: true,
        description: "How many jobs may wait for an instance; null when not told.",
      }),
      keepWarmSeconds: t.exposeInt("keepWarmSeconds", {
        nullable: true,
        description: "How long an idle instance stays up; null when not told.",
      }),
      isEnabled: t.exposeBoolean("isEnabled", {
        nullable: true,
        description: "Whether it takes jobs; null when not told.",
      }),
      status: t.exposeString("status", {
        nullable: true,
        description: "Its state in the upstream's own word; null when not told.",
      }),
    }),
  });
}
