import { useEffect, useEffectEvent, useState } from "react";

import type { WatchedJob } from "./use-job";
import "./progress.css";

/** The ring waits here for an end that is late. */
const MAX_PART = 0.98;
const SOON_SECONDS = 1.5;
/** As long as the ring takes from one place to the next. */
const TICK_MS = 250;

/** How far a job that has not ended is, and when it probably will have. The ring turns where nobody knows. */
export function Progress({
  job,
  isSmall = false,
}: {
  readonly job: WatchedJob;
  readonly isSmall?: boolean;
}) {
  const known = useKnown(job);
  const percent = known ? Math.round(known.part * 100) : undefined;
  return (
    <>
      <svg
        viewBox="0 0 100 100"
        className={known ? "ring" : "ring ring-turning"}
        role="progressbar"
        aria-label="How far the job is"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={known ? `done ${soon(known.secondsLeft)}` : "not known"}
      >
        <circle cx="50" cy="50" r="42" />
        <circle
          className="ring-part"
          cx="50"
          cy="50"
          r="42"
          pathLength="1"
          strokeDasharray="1"
          strokeDashoffset={known ? 1 - known.part : 0.75}
        />
        {known && (
          <text x="50" y="50" aria-hidden="true">
            {percent} %
          </text>
        )}
      </svg>
      {!isSmall && <p className="ring-words">{explain(job, known)}</p>}
    </>
  );
}

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

/** How far a job is by now, going on from its last estimate; null where nobody can say. */
function useKnown(job: WatchedJob): Known | null {
  const [known, setKnown] = useState(() => goOn(null, job, Date.now()));
  const tick = useEffectEvent(() => setKnown((last) => goOn(last, job, Date.now())));
  const { estimate } = job;
  useEffect(() => {
    tick();
    const timer = setInterval(() => tick(), TICK_MS);
    return () => clearInterval(timer);
  }, [estimate]);
  return estimate ? known : null;
}

/** An estimate and its time change together: a new one with the time since the last would leap ahead for good. */
export function goOn(
  last: Known | null,
  { estimate, createdAt }: Pick<WatchedJob, "estimate" | "createdAt">,
  now: number,
): Known | null {
  if (!estimate) return last;
  const { finishesAt, startsAt, progress, isColdStart } = estimate;
  const mark = `${progress} ${finishesAt}`;
  const comeAt = last?.mark === mark ? last.comeAt : now;
  const submittedAt = Date.parse(createdAt);
  const totalMs = Date.parse(finishesAt) - submittedAt;
  // By the gateway's clock: this machine's may differ.
  const elapsedMs = progress * totalMs + Math.max(0, now - comeAt);
  const part = Math.max(last?.part ?? 0, totalMs > 0 ? elapsedMs / totalMs : 0);
  return {
    mark,
    comeAt,
    part: Math.min(part, MAX_PART),
    secondsLeft: (totalMs - elapsedMs) / 1_000,
    secondsToStart: startsAt ? (Date.parse(startsAt) - submittedAt - elapsedMs) / 1_000 : null,
    isColdStart,
  };
}

function explain({ status, queuePosition }: WatchedJob, known: Known | null): string {
  if (status === "SUBMITTING") return "Sending it to RunComfy";
  const isWaiting = status === "IN_QUEUE";
  const place = queuePosition ? `${queuePosition} before it` : "Next in the queue";
  if (known === null) return `${isWaiting ? place : "Running"}\nAn estimate comes after five runs`;
  const { secondsLeft, secondsToStart, isColdStart } = known;
  const end = `Done ${soon(secondsLeft)}`;
  if (secondsToStart === null) return end;
  const start = isColdStart
    ? `Starting a machine, ${about(secondsToStart)}`
    : `${place}, starts ${soon(secondsToStart)}`;
  return secondsLeft < SOON_SECONDS ? start : `${start}\n${end}`;
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
