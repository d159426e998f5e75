import { useEffect } from "react";

import { useChanges } from "../live";

const AGAIN_MS = 15_000;

/** Asks anew, every 15 s by default, while the page is seen, and when the gateway is back, as long as `isWanted`. */
export function useAgain(
  ask: (options: { readonly requestPolicy: "network-only" }) => void,
  isWanted = true,
  pauseMs = AGAIN_MS,
): void {
  useChanges((job) => {
    if (job === null && isWanted) ask({ requestPolicy: "network-only" });
  });
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) ask({ requestPolicy: "network-only" });
    }, pauseMs);
    return () => clearInterval(timer);
  }, [isWanted, ask, pauseMs]);
}
