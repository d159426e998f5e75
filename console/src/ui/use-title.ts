import { useEffect } from "react";

import { createStore, useStore } from "../session/store";

/** What the tab says before the name of the screen: `2 running`, or `Done` while the user is in another tab. */
export const news = createStore("");

/** Names the tab, and the page in the history, after what is shown. */
export function useTitle(shown: string): void {
  const prefix = useStore(news);
  useEffect(() => {
    document.title = `${prefix && `${prefix} · `}${shown} · RunComfy console`;
  }, [prefix, shown]);
}
