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
            "How many jobs the whole list has, not only this page. It is counted to 10,000: 10000 means 10,000 or more.",
          // Times the size of the page, as for all that is asked of it: as much as to read a hundred jobs, at least.
          complexity: 5,
          resolve: (page) => page.totalCount(),
        }),
      }),
    },
    { name: "JobEdge", description: "A job and its place in the list." },
  );
}
