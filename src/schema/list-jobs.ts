import type { JobFilter, JobRange } from "../store/job-store.ts";
import { badUserInput } from "./coded-errors.ts";
import type { GatewayContext } from "./context.ts";
import { fromCursor, toCursor } from "./job-cursor.ts";

const DEFAULT_SIZE = 20;
const LARGEST_SIZE = 100;

type PageArguments = {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
};

/**
 * One page of the jobs that a filter lets through and the viewer may read, by keyset. Throws BAD_USER_INPUT for arguments
 * that make no page.
 */
export async function listJobs(
  { reads, loaders }: GatewayContext,
  filter: JobFilter,
  page: PageArguments,
) {
  const size = toSize(page);
  const range = toRange(filter, page, size);
  // One more than asked for tells whether there are more.
  const found = await reads.listJobs({ ...range, limit: size + 1 });
  const hasMore = found.length > size;
  const taken = found.slice(0, size);
  const jobs = range.direction === "forward" ? taken : taken.toReversed();
  const edges = jobs.map((job) => ({ cursor: toCursor(job), node: job }));
  const isForward = range.direction === "forward";
  return {
    edges,
    pageInfo: {
      hasNextPage: isForward ? hasMore : range.before !== undefined,
      hasPreviousPage: isForward ? range.after !== undefined : hasMore,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: () => loaders.counts.load(filter),
  };
}

/** What a page costs: its statement, and all that is asked of its jobs as often as there may be, 20 times at least. */
export function toPageCost({ first, last }: PageArguments) {
  const size = first ?? last ?? DEFAULT_SIZE;
  return { field: 10, multiplier: Math.min(Math.max(size, DEFAULT_SIZE), LARGEST_SIZE) };
}

function toRange(filter: JobFilter, page: PageArguments, size: number): JobRange {
  return {
    filter,
    direction: isGiven(page.last) ? "backward" : "forward",
    limit: size,
    ...(isGiven(page.after) && { after: fromCursor(page.after, "after") }),
    ...(isGiven(page.before) && { before: fromCursor(page.before, "before") }),
  };
}

function toSize({ first, last }: PageArguments): number {
  if (isGiven(first) && isGiven(last)) {
    throw badUserInput(
      "`first` and `last` can't go together. Give the one that says from which end to take jobs.",
    );
  }
  const size = first ?? last ?? DEFAULT_SIZE;
  if (size < 0 || size > LARGEST_SIZE) {
    const argument = isGiven(first) ? "first" : "last";
    throw badUserInput(
      `\`${argument}\` must be from 0 to ${LARGEST_SIZE}, not ${size}. Ask for smaller pages and go on with \`pageInfo\`.`,
    );
  }
  return size;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
