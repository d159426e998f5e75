import { SCOPES } from "../auth/viewer.ts";
import type { Builder } from "./builder.ts";

export function addViewer(builder: Builder): void {
  builder.objectType("Viewer", {
    description: "Whoever asks, as the gateway knows them by their credential.",
    fields: (t) => ({
      id: t.exposeID("ownerId", {
        description: "The owner of the jobs that are submitted with this credential.",
      }),
      scopes: t.stringList({
        description:
          "What the credential allows: `jobs:submit`, `jobs:cancel` (and to delete), `jobs:read`, and for operators `jobs:read:all`, the jobs of every owner.",
        resolve: ({ scopes }) => SCOPES.filter((scope) => scopes.has(scope)),
      }),
    }),
  });

  builder.queryField("viewer", (t) =>
    t.field({
      type: "Viewer",
      scope: null,
      description: "Whoever asks. Needs no scope.",
      resolve: (_root, _arguments, { viewer }) => viewer,
    }),
  );
}
