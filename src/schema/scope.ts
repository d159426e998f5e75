import { GraphQLError } from "graphql";

import type { Scope, Viewer } from "../auth/viewer.ts";

/** Throws FORBIDDEN unless the viewer's credential has the scope; `jobs:read:all` has `jobs:read` in it. */
export function requireScope({ scopes }: Viewer, scope: Scope): void {
  if (scopes.has(scope) || (scope === "jobs:read" && scopes.has("jobs:read:all"))) return;
  throw new GraphQLError(
    `This needs the scope \`${scope}\`, which your credential does not have. Use one that has it, or ask whoever runs the gateway for it.`,
    { extensions: { code: "FORBIDDEN" } },
  );
}

/** Whose jobs alone the viewer may read; undefined for everybody's. */
export function readableOwner({ ownerId, scopes }: Viewer): string | undefined {
  return scopes.has("jobs:read:all") ? undefined : ownerId;
}
