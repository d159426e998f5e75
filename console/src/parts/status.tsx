import type { JobRowFragment } from "../gql";

const WORDS: Readonly<Record<JobRowFragment["status"], string>> = {
  SUBMITTING: "sending",
  IN_QUEUE: "waiting",
  IN_PROGRESS: "running",
  SUCCEEDED: "done",
  FAILED: "failed",
  CANCELLED: "cancelled",
};

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
      {job.isPaused ? "paused" : WORDS[job.status]}
      {place}
    </span>
  );
}
