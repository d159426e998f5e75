import type { JobRowFragment } from "../gql";
import { STATUS_WORDS } from "../model/words";

/** A job's status as people say it, with its place in the queue. */
export function Status({
  job,
}: {
  readonly job: Pick<JobRowFragment, "status" | "queuePosition" | "isPaused">;
}) {
  const place =
    job.status === "IN_QUEUE" && !job.isPaused && job.queuePosition
      ? ` (${job.queuePosition} before it)`
      : "";
  return (
    <span className={`status status-${job.status.toLowerCase()}`}>
      {job.isPaused ? "Paused" : STATUS_WORDS[job.status]}
      {place}
    </span>
  );
}
