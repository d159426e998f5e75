import { useEffect } from "react";

import { createStore, useStore } from "../session/store";

/** What the tab says before the name of the screen: `2 running`, or `Done` to whoever looks elsewhere. */
export const news = createStore("");

/** Names the tab, and the page in the history, after what is shown. */
export function useTitle(shown: string): void {
  const told = useStore(news);
  useEffect(() => {
    document.title = `${told && `${told} · `}${shown} · RunComfy console`;
  }, [told, shown]);
}
