import type { JobFieldsFragment, JobFilter } from "./gql.ts";

export type Position = Pick<JobFieldsFragment, "id" | "createdAt">;

/** What a list has to know of its jobs, whatever else was selected. */
export type ListedJob = Position &
  Pick<JobFieldsFragment, "version" | "ownerId" | "status" | "tags" | "isStarred"> & {
    readonly deployment: { readonly id: string };
  };

/** Whether a job that did fit no longer does: its status can change, and so can its labels. */
export function isUnmatched(job: ListedJob, { status, tag, isStarred }: JobFilter): boolean {
  return (
    (status != null && !status.includes(job.status)) ||
    (tag != null && !job.tags.includes(tag)) ||
    (isStarred != null && isStarred !== job.isStarred)
  );
}

/** What the gateway would say of a job; it alone knows of a text. */
export function fits(job: ListedJob, filter: JobFilter): boolean {
  const { deploymentId, ownerId, createdAfter, createdBefore, text } = filter;
  const createdAt = Date.parse(job.createdAt);
  return (
    text == null &&
    !isUnmatched(job, filter) &&
    (deploymentId == null || deploymentId === job.deployment.id) &&
    (ownerId == null || ownerId === job.ownerId) &&
    (createdAfter == null || createdAt > Date.parse(createdAfter)) &&
    (createdBefore == null || createdAt < Date.parse(createdBefore))
  );
}

/** Below 0 where `a` is newer, and so comes first. */
export function compare(a: Position, b: Position): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id > b.id ? -1 : 1;
}
