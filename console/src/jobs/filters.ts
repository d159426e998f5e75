import type { JobFilter, JobRowFragment, JobStatus } from "../gql";
import { isSearched } from "../parts/search";

/** What people tell apart, in the words of the URL; `active` is all that has not ended. */
const STATUSES = {
  active: ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS"],
  succeeded: ["SUCCEEDED"],
  failed: ["FAILED"],
  cancelled: ["CANCELLED"],
} as const satisfies Record<string, readonly JobStatus[]>;
type StatusWord = keyof typeof STATUSES;
export const STATUS_WORDS = ["active", "succeeded", "failed", "cancelled"] as const;

/** What a person asked to see, as the URL's query string has it. */
export type Filters = {
  readonly statuses: readonly StatusWord[];
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
    statuses: STATUS_WORDS.filter((word) => named.has(word)),
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
  for (const status of filters.statuses) written.append("status", status);
  const { deploymentId: deployment, from, to, tag, owner, text } = filters;
  const others = { deployment, from, to, tag, owner, text };
  for (const [name, value] of Object.entries(others)) {
    if (value === "") written.delete(name);
    else written.set(name, value);
  }
  return written;
}

export function toJobFilter(filters: Filters): JobFilter {
  const { statuses, deploymentId, from, to, tag, owner, text } = filters;
  return {
    ...(statuses.length > 0 && { status: statuses.flatMap((word) => STATUSES[word]) }),
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
    (filter.createdAfter == null || createdAt > Date.parse(filter.createdAfter)) &&
    (filter.createdBefore == null || createdAt < Date.parse(filter.createdBefore))
  );
}

/** Whether a job that did fit no longer does: its status can change, and so can its labels. */
export function isUnmatched(
  job: Pick<JobRowFragment, "status" | "tags" | "isStarred">,
  { status, tag, isStarred }: JobFilter,
): boolean {
  return (
    (status != null && !status.includes(job.status)) ||
    (tag != null && !job.tags.includes(tag)) ||
    (isStarred != null && isStarred !== job.isStarred)
  );
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

/** The day where the person is, or another so many days ago, as `2026-07-22`. */
export function dayBefore(days: number, now: number): string {
  const day = new Date(now);
  day.setDate(day.getDate() - days);
  const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}

/** When a day begins, or another so many days later. */
function startOf(day: string, later = 0): Date {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return start;
}
