import { requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Caller } from "../caller.ts";
import { fromCursor } from "../reads/job-cursor.ts";
import { type GivenFilter, scopeOf, toJobFilter } from "../reads/job-filter.ts";
import { isIdentifier, type Job } from "../job/job.ts";
import type { JobFilter, JobPage, JobRange } from "../store/list-jobs.ts";

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** A job that the viewer may read; null if there is none. `isWhole` reads its documents with it. */
export async function findJob(
  { viewer, reads }: Caller,
  id: string,
  { isWhole }: { readonly isWhole: boolean },
): Promise<Job | null> {
  requireScopes(viewer, "jobs:read");
  if (!isIdentifier(id)) return null;
  return await (isWhole ? reads.wholeJobs : reads.jobs).load(id);
}

/** Which range of which list, as GraphQL's connections ask for it. */
export type ListRequest = {
  readonly filter?: GivenFilter;
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
  /** Whether to read the jobs' documents with them. */
  readonly isWhole?: boolean;
};

/** A page of the jobs that match and that the viewer may read. Throws BAD_USER_INPUT for impossible arguments. */
export async function listJobs(
  { viewer, reads }: Caller,
  { filter: given, first, last, after, before, isWhole = false }: ListRequest,
): Promise<JobPage & { readonly filter: JobFilter; readonly direction: JobRange["direction"] }> {
  requireScopes(viewer, scopeOf(given));
  const filter = toJobFilter(given);
  const direction = typeof last === "number" ? "backward" : "forward";
  const range: JobRange = {
    filter,
    direction,
    limit: toSize(first ?? undefined, last ?? undefined),
    ...(typeof after === "string" && { after: fromCursor(after, "after") }),
    ...(typeof before === "string" && { before: fromCursor(before, "before") }),
  };
  return { ...(await reads.listJobs(range, isWhole)), filter, direction };
}

function toSize(first: number | undefined, last: number | undefined): number {
  if (first !== undefined && last !== undefined) {
    throw badUserInput("`first` and `last` can't be combined. Give only one of the two.");
  }
  const size = first ?? last ?? DEFAULT_PAGE;
  if (size >= 0 && size <= MAX_PAGE) return size;
  throw badUserInput(
    `\`${first === undefined ? "last" : "first"}\` must be from 0 to ${MAX_PAGE}, not ${size}. Ask for smaller pages and go on with \`pageInfo\`.`,
  );
}
