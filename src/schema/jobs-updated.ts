import { BadCursorError } from "../job/bad-cursor-error.ts";
import type { Builder } from "./builder.ts";
import { badUserInput } from "./coded-errors.ts";
import { endWithError } from "./end-with-error.ts";
import type { JobFilterRef } from "./job-filter.ts";
import { toJobFilter } from "./job-filter.ts";
import { readableOwner } from "./scope.ts";
import { skipDeleted } from "./skip-deleted.ts";

export function addJobsUpdated(builder: Builder, jobFilter: JobFilterRef): void {
  builder.subscriptionField("jobsUpdated", (t) =>
    t.field({
      type: "JobChange",
      scope: "jobs:read",
      description:
        "Every change of every job of yours that matches (with the scope `jobs:read:all`, of everybody's), in the order of their commits as far as that is known, from a cursor on; without one, from now. A job is told once the upstream has it, or may have it: not while it is SUBMITTING. It never ends by itself. Whoever comes back with the last cursor, to any gateway, misses nothing and may hear something twice; a job that changed several times meanwhile comes once, in its newest state. Deleted jobs are not told.",
      args: {
        filter: t.arg({
          type: jobFilter,
          description:
            "Which jobs to tell of, judged by their newest state: one that no longer matches is not told. All when null.",
        }),
        after: t.arg.string({
          description:
            "The `cursor` of the last change that was heard; null to begin now, with the next change. An empty text is answered with a reset at once: read the list then, and nothing falls between the two.",
        }),
      },
      subscribe: async (_root, { filter, after }, { viewer, watchJobs, loaders }, info) => {
        const ownerId = readableOwner(viewer);
        const watch = {
          filter: { ...toJobFilter(filter), ...(ownerId !== undefined && { ownerId }) },
          after: after ?? null,
        };
        try {
          const changes = skipDeleted(await watchJobs(watch), { loaders, info });
          return endWithError(changes, { forget: loaders.startAnew });
        } catch (error) {
          throw error instanceof BadCursorError ? badCursor() : error;
        }
      },
      resolve: (event) => {
        if (event instanceof Error) throw event;
        return event;
      },
    }),
  );
}

function badCursor(): Error {
  return badUserInput(
    "`after` is no cursor of this feed. Take one from a change's `cursor`, or leave it out to begin now.",
  );
}
