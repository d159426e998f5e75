import { useEffect } from "react";

import { useChanges } from "../live";

const AGAIN_MS = 15_000;

/** Asks anew every 15 s while the page is seen, and when the gateway is back, as long as `isWanted`. */
export function useAgain(
  ask: (options: { readonly requestPolicy: "network-only" }) => void,
  isWanted = true,
): void {
  useChanges((job) => {
    if (job === null && isWanted) ask({ requestPolicy: "network-only" });
  });
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) ask({ requestPolicy: "network-only" });
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [isWanted, ask]);
}
