import { useEffect } from "react";

/** Names the tab, and the page in the history, after what is shown. */
export function useTitle(shown: string): void {
  useEffect(() => {
    document.title = `${shown} · RunComfy console`;
  }, [shown]);
}
