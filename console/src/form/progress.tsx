import { useEffect, useEffectEvent, useState } from "react";
import { useConnection } from "runcomfy-graphql-client/react";

import type { WatchedJob } from "./use-recent-job";

/** The bar waits here for an end that is late. */
const MAX_PART = 0.98;
const SOON_SECONDS = 1.5;
const TICK_MS = 250;

/** How far a job that has not ended is, and when it probably will have. The bar only moves where nobody knows. */
export function Progress({
  job,
  isSmall = false,
}: {
  readonly job: WatchedJob;
  readonly isSmall?: boolean;
}) {
  const isLost = /away|refused/.test(useConnection().kind);
  const known = useKnown(job, isLost);
  const end = known && !isLost ? `done ${soon(known.secondsLeft)}` : "not known";
  const bar = <progress aria-label="How far the job is" aria-valuetext={end} value={known?.part} />;
  if (isSmall) return bar;
  return (
    <div>
      {bar}
      {(isLost ? LOST : explain(job, known)).map((words) => (
        <p key={words}>{words}</p>
      ))}
    </div>
  );
}

const LOST = ["Connection lost", "The job goes on meanwhile"];

type Known = {
  /** From 0 to below 1; never falls. */
  readonly part: number;
  readonly secondsLeft: number;
  /** Until it starts; null once it has. */
  readonly secondsToStart: number | null;
  readonly isColdStart: boolean;
  /** The estimate that it comes from, and when that came. */
  readonly mark: string;
  readonly comeAt: number;
};

/** How far a job is by now, going on from its last estimate while changes reach the page; null where nobody can say. */
function useKnown(job: WatchedJob, isLost: boolean): Known | null {
  const [known, setKnown] = useState(() => goOn(null, job, Date.now()));
  const tick = useEffectEvent(() => setKnown((last) => goOn(last, job, Date.now())));
  const { estimate } = job;
  useEffect(() => {
    if (isLost) return undefined;
    tick();
    const timer = setInterval(() => tick(), TICK_MS);
    return () => clearInterval(timer);
  }, [estimate, isLost]);
  return estimate ? known : null;
}

/** An estimate and its time change together: a new one with the time since the last would leap ahead for good. */
export function goOn(
  last: Known | null,
  { estimate, sentAt }: Pick<WatchedJob, "estimate" | "sentAt">,
  now: number,
): Known | null {
  if (!estimate || sentAt === null) return last;
  const { finishesAt, startsAt, progress, isColdStart } = estimate;
  const mark = `${progress} ${finishesAt}`;
  const comeAt = last?.mark === mark ? last.comeAt : now;
  const begunAt = Date.parse(sentAt);
  const totalMs = Date.parse(finishesAt) - begunAt;
  // By the gateway's clock: this machine's may differ.
  const elapsedMs = progress * totalMs + Math.max(0, now - comeAt);
  const part = Math.max(last?.part ?? 0, totalMs > 0 ? elapsedMs / totalMs : 0);
  return {
    mark,
    comeAt,
    part: Math.min(part, MAX_PART),
    secondsLeft: (totalMs - elapsedMs) / 1_000,
    secondsToStart: startsAt ? (Date.parse(startsAt) - begunAt - elapsedMs) / 1_000 : null,
    isColdStart,
  };
}

/** What is next, and the end. */
function explain({ status, queuePosition }: WatchedJob, known: Known | null): readonly string[] {
  if (status === "SUBMITTING") return ["Sending it to RunComfy"];
  const isWaiting = status === "IN_QUEUE";
  const place = queuePosition ? `${queuePosition} before it` : "Next in the queue";
  if (known === null) return [isWaiting ? place : "Running", "An estimate comes after five runs"];
  const { part, secondsLeft, secondsToStart, isColdStart } = known;
  const end = `${Math.round(part * 100)} %, done ${soon(secondsLeft)}`;
  if (secondsToStart === null) return [end];
  const start = isColdStart
    ? `Starting a machine, ${about(secondsToStart)}`
    : `${place}, starts ${soon(secondsToStart)}`;
  return [start, end];
}

/** When something will be: `in about 6 s`. */
function soon(seconds: number): string {
  return seconds < SOON_SECONDS ? "any moment now" : `in ${about(seconds)}`;
}

/** How long something takes: `about 6 s`. */
function about(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  return `about ${Math.round(seconds / 60)} min`;
}
