import { SCOPES } from "../auth/viewer.ts";
import type { Builder } from "./builder.ts";

export function addViewer(builder: Builder): void {
  builder.objectType("Viewer", {
    description: "You, as the gateway knows you by your credential.",
    fields: (t) => ({
      id: t.exposeID("ownerId", {
        description: "The owner of the jobs that you submit with this credential.",
      }),
      scopes: t.stringList({
        description:
          "What the credential allows: `jobs:submit`, `jobs:cancel` (also deletes), `jobs:read` and, for operators, `jobs:read:all` (everybody's jobs).",
        resolve: ({ scopes }) => SCOPES.filter((scope) => scopes.has(scope)),
      }),
    }),
  });

  builder.queryField("viewer", (t) =>
    t.field({
      type: "Viewer",
      scope: null,
      description: "Who you are. Needs no scope.",
      resolve: (_root, _arguments, { viewer }) => viewer,
    }),
  );
}
