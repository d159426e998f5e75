import type { JobFilter, JobRowFragment, JobStatus } from "../gql";
import { isSearched } from "../parts/search-text";

export const STATUSES = [
  "SUBMITTING",
  "IN_QUEUE",
  "IN_PROGRESS",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
] as const satisfies readonly JobStatus[];

/** What a person asked to see, as the URL's query string has it. */
export type Filters = {
  readonly statuses: readonly JobStatus[];
  readonly deploymentId: string;
  /** Days as `2026-07-22`, where the person is; empty for none. */
  readonly from: string;
  readonly to: string;
  /** Empty for any, and for none. */
  readonly tag: string;
  /** Empty for whomever one may see. */
  readonly owner: string;
  /** As it is typed; too short a one finds nothing yet. */
  readonly text: string;
};

export const NO_FILTERS: Filters = {
  statuses: [],
  deploymentId: "",
  from: "",
  to: "",
  tag: "",
  owner: "",
  text: "",
};
export const MAX_TAG_LENGTH = 64;

/** Whatever the URL has that can't be read counts as not given. */
export function readFilters(parameters: URLSearchParams): Filters {
  const named = new Set(parameters.getAll("status"));
  return {
    statuses: STATUSES.filter((status) => named.has(toWord(status))),
    deploymentId: parameters.get("deployment") ?? "",
    from: readDay(parameters.get("from")),
    to: readDay(parameters.get("to")),
    tag: readTag(parameters.get("tag")),
    owner: parameters.get("owner") ?? "",
    text: parameters.get("text") ?? "",
  };
}

/** The same query string with other filters; what else is in it stays. */
export function writeFilters(parameters: URLSearchParams, filters: Filters): URLSearchParams {
  const written = new URLSearchParams(parameters);
  written.delete("status");
  for (const status of filters.statuses) written.append("status", toWord(status));
  const { deploymentId: deployment, from, to, tag, owner, text } = filters;
  const others = { deployment, from, to, tag, owner, text };
  for (const [name, value] of Object.entries(others)) {
    if (value === "") written.delete(name);
    else written.set(name, value);
  }
  return written;
}

export function countFilters({ statuses, ...others }: Filters): number {
  const given = Object.values(others).filter((value) => value !== "");
  return given.length + (statuses.length > 0 ? 1 : 0);
}

export function toJobFilter(filters: Filters): JobFilter {
  const { statuses, deploymentId, from, to, tag, owner, text } = filters;
  return {
    ...(statuses.length > 0 && { status: [...statuses] }),
    ...(deploymentId !== "" && { deploymentId }),
    ...(tag !== "" && { tag }),
    ...(owner !== "" && { ownerId: owner }),
    ...(isSearched(text) && { text: text.trim() }),
    // Both bounds are exclusive, and both days are meant.
    ...(from !== "" && { createdAfter: new Date(startOf(from).getTime() - 1).toISOString() }),
    ...(to !== "" && { createdBefore: startOf(to, 1).toISOString() }),
  };
}

/** What the gateway would say of the job in this state, but for a text. */
export function fits(job: JobRowFragment, filter: JobFilter): boolean {
  const createdAt = Date.parse(job.createdAt);
  return (
    !isUnmatched(job, filter) &&
    (filter.deploymentId == null || filter.deploymentId === job.deployment.id) &&
    (filter.ownerId == null || filter.ownerId === job.ownerId) &&
    (filter.tag == null || job.tags.includes(filter.tag)) &&
    (filter.createdAfter == null || createdAt > Date.parse(filter.createdAfter)) &&
    (filter.createdBefore == null || createdAt < Date.parse(filter.createdBefore))
  );
}

/** Whether a job that did fit no longer does: only its status can change. */
export function isUnmatched(
  { status }: Pick<JobRowFragment, "status">,
  filter: JobFilter,
): boolean {
  return filter.status != null && !filter.status.includes(status);
}

function toWord(status: JobStatus): string {
  return status.toLowerCase();
}

/** A day in the years 1000 to 9998, which leaves one more on both sides; else none. */
export function readDay(text: string | null): string {
  if (text === null || !/^(?!9999)[1-9]\d{3}-\d\d-\d\d$/.test(text)) return "";
  return Number.isNaN(startOf(text).getTime()) ? "" : text;
}

/** What the gateway takes for a tag; else none. */
export function readTag(text: string | null): string {
  const canBe = text !== null && text.length <= MAX_TAG_LENGTH && text.isWellFormed();
  return canBe && !/\p{Cc}/u.test(text) ? text : "";
}

/** When a day begins, or another so many days later. */
function startOf(day: string, later = 0): Date {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return start;
}
