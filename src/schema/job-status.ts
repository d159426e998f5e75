import type { JobStatus } from "../job/job-status.ts";
import { JOB_STATUSES } from "../job/job-status.ts";
import type { Builder } from "./builder.ts";

const DESCRIPTIONS: Readonly<Record<JobStatus, string>> = {
  SUBMITTING: "On its way upstream; it is not known yet whether it is accepted.",
  IN_QUEUE:
    "Accepted, and waiting for its turn. Only now, and while SUBMITTING, can it be cancelled.",
  IN_PROGRESS: "Being run, and too late to cancel.",
  SUCCEEDED: "Ended well, and `output` is there. Final.",
  FAILED: "Ended without an output; `error` says why. Final.",
  CANCELLED: "Cancelled before it was run. Final.",
};

export type JobStatusRef = ReturnType<typeof addJobStatus>;

export function addJobStatus(builder: Builder) {
  return builder.enumType("JobStatus", {
    description: "Where a job stands. It only ever moves forward, and may skip states.",
    values: Object.fromEntries(
      JOB_STATUSES.map((status) => [status, { value: status, description: DESCRIPTIONS[status] }]),
    ),
  });
}
