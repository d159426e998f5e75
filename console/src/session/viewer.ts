import { createContext, use } from "react";

/** Around everything that is for a signed-in viewer. */
export const ViewerContext = createContext<{
  readonly id: string;
  readonly scopes: readonly string[];
  readonly parts: readonly string[];
  readonly isSignedIn: boolean;
}>({ id: "", scopes: [], parts: [], isSignedIn: false });

export type Viewer = ReturnType<typeof useViewer>;

/** Who the page is for, and what their credential allows; `isSignedIn` is false where the gateway lets everybody in. */
export function useViewer() {
  const { id, scopes, parts, isSignedIn } = use(ViewerContext);
  const may = (scope: string): boolean => scopes.includes(scope);
  const mayRead = may("jobs:read") || may("jobs:read:all");
  /** Whether some of what waits here is theirs to see. */
  const seesHeld = mayRead || may("jobs:approve");
  return { id, parts, isSignedIn, may, mayRead, seesHeld };
}
