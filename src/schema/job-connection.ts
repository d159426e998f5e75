import type { Builder } from "./builder.ts";

export type JobConnectionRef = ReturnType<typeof addJobConnection>;

export function addJobConnection(builder: Builder) {
  return builder.connectionObject(
    {
      type: "Job",
      name: "JobConnection",
      description: "A page of a list of jobs, newest first.",
      fields: (t) => ({
        totalCount: t.int({
          description:
            "How many jobs the whole list has, not only this page. Counted only when asked for.",
          resolve: (page) => page.totalCount(),
        }),
      }),
    },
    { name: "JobEdge", description: "A job and its place in the list." },
  );
}
