import { useEffect, useState } from "react";

import type { WatchedJob } from "./use-job";

export type Progress = {
  /** From 0 to below 1; never falls. */
  readonly part: number;
  readonly secondsLeft: number;
  /** Until it starts; null once it has. */
  readonly secondsToStart: number | null;
  readonly isColdStart: boolean;
};

/** The ring waits here for an end that is late. */
const MOST_PART = 0.98;
const SOON_SECONDS = 1.5;
/** As long as the ring takes from one place to the next. */
const TICK_MS = 250;

/** How far a job is by now, going on from its last estimate; null where nobody can say. */
export function useProgress({ estimate, createdAt }: WatchedJob): Progress | null {
  const now = useNow();
  const mark = estimate ? `${estimate.progress} ${estimate.finishesAt}` : "";
  const [come, setCome] = useState({ mark, at: Date.now() });
  const [shown, setShown] = useState(0);
  if (come.mark !== mark) setCome({ mark, at: Date.now() });
  if (!estimate) return null;

  const { finishesAt, startsAt, progress, isColdStart } = estimate;
  const submittedAt = Date.parse(createdAt);
  const totalMs = Date.parse(finishesAt) - submittedAt;
  // By the gateway's clock: this machine's may differ.
  const elapsedMs = progress * totalMs + Math.max(0, now - come.at);
  const part = Math.min(Math.max(shown, totalMs > 0 ? elapsedMs / totalMs : 0), MOST_PART);
  if (part > shown) setShown(part);
  return {
    part,
    secondsLeft: (totalMs - elapsedMs) / 1_000,
    secondsToStart: startsAt ? (Date.parse(startsAt) - submittedAt - elapsedMs) / 1_000 : null,
    isColdStart,
  };
}

/** The time, more often than the page's clock tells it. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function isSoon(seconds: number): boolean {
  return seconds < SOON_SECONDS;
}

/** When something will be: `in about 6 s`. */
export function soon(seconds: number): string {
  return isSoon(seconds) ? "any moment now" : `in ${about(seconds)}`;
}

/** How long something takes: `about 6 s`. */
export function about(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  return `about ${Math.round(seconds / 60)} min`;
}
