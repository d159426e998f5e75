import { useChanges } from "../session";
import { useEffect } from "react";

const AGAIN_MS = 15_000;

/** Asks anew, every 15 s by default, while the page is seen, and when the gateway is back, as long as `isWanted`. */
export function useAgain(ask: () => Promise<void>, isWanted = true, pauseMs = AGAIN_MS): void {
  useChanges((job) => {
    if (job === null && isWanted) void ask();
  });
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void ask();
    }, pauseMs);
    return () => clearInterval(timer);
  }, [isWanted, ask, pauseMs]);
}
