import { useCallback, useEffect, useRef } from "react";

import { useChanges } from "../live";

const PAUSE_MS = 2_000;

/** Calls `refresh` when jobs of the deployment change: at once, and then every two seconds as long as they do. */
export function useFresh(deploymentId: string, refresh: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const isStale = useRef(false);
  const latest = useRef(refresh);
  useEffect(() => {
    latest.current = refresh;
  });
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );

  const hear = useCallback((): void => {
    if (timer.current !== null) {
      isStale.current = true;
      return;
    }
    latest.current();
    timer.current = setTimeout(() => {
      timer.current = null;
      if (!isStale.current) return;
      isStale.current = false;
      hear();
    }, PAUSE_MS);
  }, []);

  useChanges(
    useCallback(
      (job) => {
        if (job === null || job.deployment.id === deploymentId) hear();
      },
      [deploymentId, hear],
    ),
  );
}
