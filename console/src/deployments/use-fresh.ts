import { useChanges } from "../session";
import { useEffect, useRef } from "react";

const PAUSE_MS = 2_000;

/** Calls `refresh` when jobs of the deployment change: at once, and then every two seconds as long as they do. */
export function useFresh(deploymentId: string, refresh: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const dueAt = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  useChanges((job) => {
    if (job !== null && job.deployment.id !== deploymentId) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      dueAt.current = performance.now() + PAUSE_MS;
      refresh();
    }, dueAt.current - performance.now());
  });
}
