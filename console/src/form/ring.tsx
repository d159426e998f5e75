import { soon, type Progress } from "./use-progress";

const RADIUS = 42;

/** Fills as a job comes nearer to its end; turns where nobody knows how near that is. */
export function Ring({ progress }: { readonly progress: Progress | null }) {
  const percent = progress ? Math.round(progress.part * 100) : undefined;
  return (
    <svg
      viewBox="0 0 100 100"
      className={progress ? "run-ring" : "run-ring run-ring-turning"}
      role="progressbar"
      aria-label="How far the job is"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={progress ? `done ${soon(progress.secondsLeft)}` : "not known"}
    >
      <circle className="run-ring-back" cx="50" cy="50" r={RADIUS} />
      <circle
        className="run-ring-part"
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
  );
}
