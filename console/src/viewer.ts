import { createContext, use } from "react";

/** Around all that is for whoever has signed in. */
export const ViewerContext = createContext<{
  readonly id: string;
  readonly scopes: readonly string[];
}>({ id: "", scopes: [] });

/** Who the page is for, and what their credential allows. */
export function useViewer() {
  const { id, scopes } = use(ViewerContext);
  return { id, may: (scope: string): boolean => scopes.includes(scope) };
}
