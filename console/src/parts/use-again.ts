import { useEffect } from "react";

const AGAIN_MS = 15_000;

/** Asks anew every 15 s, as long as the page is seen and `isWanted`. */
export function useAgain(
  ask: (options: { readonly requestPolicy: "network-only" }) => void,
  isWanted = true,
): void {
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) ask({ requestPolicy: "network-only" });
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [isWanted, ask]);
}
