/** The life of a job, in the order in which it can be lived; the last three are final. */
export const JOB_STATUSES = [
  "SUBMITTING",
  "IN_QUEUE",
  "IN_PROGRESS",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

const RANKS: Readonly<Record<JobStatus, number>> = {
  SUBMITTING: 0,
  IN_QUEUE: 1,
  IN_PROGRESS: 2,
  SUCCEEDED: 3,
  FAILED: 3,
  CANCELLED: 3,
};

/** Whether a job in this status has ended; nothing changes it any more. */
export function isFinal(status: JobStatus): boolean {
  return RANKS[status] === RANKS.SUCCEEDED;
}

/** Whether `to` lies further along a job's life than `from`; statuses only ever move forward. */
export function isForward(from: JobStatus, to: JobStatus): boolean {
  return RANKS[to] > RANKS[from];
}
