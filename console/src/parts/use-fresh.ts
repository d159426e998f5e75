import { useEffect, useRef } from "react";

import type { JobRowFragment } from "../gql";
import { useChanges } from "../session";

const PAUSE_MS = 2_000;

/** Calls `refresh` when jobs that are `meant` change: at once, and then every two seconds as long as they do. */
export function useFresh(meant: (job: JobRowFragment) => boolean, refresh: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const dueAt = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  useChanges((job) => {
    if (job !== null && !meant(job)) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      dueAt.current = performance.now() + PAUSE_MS;
      refresh();
    }, dueAt.current - performance.now());
  });
}
