import { soon, useProgress } from "../form/use-progress";
import type { WatchSubscription } from "../gql";
import { Elapsed } from "../parts/time";
import type { FullJob } from "./use-job";

type Estimate = WatchSubscription["jobUpdated"]["estimate"];

/** How far a job that has not ended is, and when it probably will have. */
export function Progress({
  job,
  estimate,
}: {
  readonly job: FullJob;
  readonly estimate: Estimate;
}) {
  const progress = useProgress({ ...job, estimate });
  return (
    <div className="progress" role="group" aria-label="How far it is">
      <progress value={progress?.part} max={1} aria-label="Probably done so far" />
      <p>
        {sayState(job, estimate)}{" "}
        <span className="faint">
          {progress === null ? (
            <Elapsed since={job.createdAt}> so far.</Elapsed>
          ) : (
            `Done ${soon(progress.secondsLeft)}.`
          )}
        </span>
      </p>
    </div>
  );
}

function sayState({ status, queuePosition }: FullJob, estimate: Estimate): string {
  if (status === "SUBMITTING") return "On its way to RunComfy.";
  if (status === "IN_PROGRESS") return "It is running.";
  if (estimate?.isColdStart) return "It waits for a machine to start, as nothing ran for a while.";
  if (queuePosition === null || queuePosition === 0) return "It is next in the queue.";
  return `It waits for ${queuePosition} other${queuePosition === 1 ? "" : "s"} before it.`;
}
