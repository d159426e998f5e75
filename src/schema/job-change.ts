import type { Builder } from "./builder.ts";

export function addJobChange(builder: Builder): void {
  builder.objectType("JobChange", {
    description: "One piece of news about all jobs.",
    fields: (t) => ({
      cursor: t.exposeString("cursor", {
        description:
          "The place in the feed behind this. Keep the last one, and give it as `after` to go on from there, on any gateway.",
      }),
      job: t.expose("job", {
        type: "Job",
        nullable: true,
        description:
          "The job in its newest state, in which it may have passed others that were never told. Null exactly when `reset` is true.",
      }),
      reset: t.exposeBoolean("reset", {
        description:
          "Whether changes may have been missed, because `after` was too old to serve or the reader too slow: read `jobs` again, and go on with what follows.",
      }),
    }),
  });
}
