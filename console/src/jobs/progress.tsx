import type { WatchSubscription } from "../gql/graphql";
import { formatSeconds } from "../parts/time";
import { clock, useStore } from "../store";
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
  const now = useStore(clock);
  const createdAt = Date.parse(job.createdAt);
  const finishesAt = estimate === null ? null : Date.parse(estimate.finishesAt);
  const part = finishesAt === null ? undefined : toPart(now - createdAt, finishesAt - createdAt);
  return (
    <div className="progress" role="group" aria-label="How far it is">
      <progress value={part} max={1} aria-label="Probably done so far" />
      <p>
        {sayState(job, estimate)}{" "}
        <span className="faint">
          {finishesAt === null
            ? `${formatWhole(now - createdAt)} so far.`
            : `About ${formatWhole(finishesAt - now)} to go.`}
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

/** Never all of it, as long as it has not ended. */
function toPart(passedMs: number, wholeMs: number): number {
  return wholeMs <= 0 ? 0.97 : Math.min(0.97, Math.max(0.02, passedMs / wholeMs));
}

function formatWhole(ms: number): string {
  return formatSeconds(Math.max(1, Math.round(ms / 1_000))).replace(".0", "");
}
