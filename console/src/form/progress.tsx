import type { WatchedJob } from "./use-job";
import { about, isSoon, type Progress as Known, soon, useProgress } from "./use-progress";
import "./progress.css";

const RADIUS = 42;

/** How far a job that has not ended is, and when it probably will have. The ring turns where nobody knows. */
export function Progress({
  job,
  isSmall = false,
}: {
  readonly job: WatchedJob;
  readonly isSmall?: boolean;
}) {
  const progress = useProgress(job);
  const percent = progress ? Math.round(progress.part * 100) : undefined;
  return (
    <>
      <svg
        viewBox="0 0 100 100"
        className={progress ? "ring" : "ring ring-turning"}
        role="progressbar"
        aria-label="How far the job is"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={progress ? `done ${soon(progress.secondsLeft)}` : "not known"}
      >
        <circle className="ring-back" cx="50" cy="50" r={RADIUS} />
        <circle
          className="ring-part"
          cx="50"
          cy="50"
          r={RADIUS}
          pathLength="1"
          strokeDasharray="1"
          strokeDashoffset={progress ? 1 - progress.part : 0.75}
        />
        {progress && (
          <text x="50" y="50" aria-hidden="true">
            {percent} %
          </text>
        )}
      </svg>
      {!isSmall && <p className="ring-words">{explain(job, progress)}</p>}
    </>
  );
}

function explain({ status, queuePosition }: WatchedJob, progress: Known | null): string {
  if (status === "SUBMITTING") return "Sending it to RunComfy";
  const isWaiting = status === "IN_QUEUE";
  const place = queuePosition ? `${queuePosition} before it` : "Next in the queue";
  if (progress === null)
    return `${isWaiting ? place : "Running"}\nAn estimate comes after five runs`;
  const { secondsLeft, secondsToStart, isColdStart } = progress;
  const end = `Done ${soon(secondsLeft)}`;
  if (secondsToStart === null) return end;
  const start = isColdStart
    ? `Starting a machine, ${about(secondsToStart)}`
    : `${place}, starts ${soon(secondsToStart)}`;
  return isSoon(secondsLeft) ? start : `${start}\n${end}`;
}
