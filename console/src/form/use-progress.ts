import { useEffect, useEffectEvent, useState } from "react";

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
const MAX_PART = 0.98;
const SOON_SECONDS = 1.5;
/** As long as the ring takes from one place to the next. */
const TICK_MS = 250;

/** With the estimate it comes from, and when that came. */
type Held = Progress & { readonly mark: string; readonly comeAt: number };

/** How far a job is by now, going on from its last estimate; null where nobody can say. */
export function useProgress(job: WatchedJob): Progress | null {
  const [held, setHeld] = useState(() => goOn(null, job, Date.now()));
  const tick = useEffectEvent(() => setHeld((last) => goOn(last, job, Date.now())));
  const { estimate } = job;
  useEffect(() => {
    tick();
    const timer = setInterval(() => tick(), TICK_MS);
    return () => clearInterval(timer);
  }, [estimate]);
  return estimate ? held : null;
}

/** An estimate and its time change together: a new one with the time since the last would leap ahead for good. */
export function goOn(
  held: Held | null,
  { estimate, createdAt }: Pick<WatchedJob, "estimate" | "createdAt">,
  now: number,
): Held | null {
  if (!estimate) return held;
  const { finishesAt, startsAt, progress, isColdStart } = estimate;
  const mark = `${progress} ${finishesAt}`;
  const comeAt = held?.mark === mark ? held.comeAt : now;
  const submittedAt = Date.parse(createdAt);
  const totalMs = Date.parse(finishesAt) - submittedAt;
  // By the gateway's clock: this machine's may differ.
  const elapsedMs = progress * totalMs + Math.max(0, now - comeAt);
  const part = Math.max(held?.part ?? 0, totalMs > 0 ? elapsedMs / totalMs : 0);
  return {
    mark,
    comeAt,
    part: Math.min(part, MAX_PART),
    secondsLeft: (totalMs - elapsedMs) / 1_000,
    secondsToStart: startsAt ? (Date.parse(startsAt) - submittedAt - elapsedMs) / 1_000 : null,
    isColdStart,
  };
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
