import type { Scope } from "../../auth/viewer.ts";
import { isDeploymentId } from "../../engine/runcomfy/kinds/find-kind.ts";
import type { Job } from "../../engine/job/job.ts";
import { foldText, searchTextProblem, tagProblem, textProblem } from "../../engine/job/input.ts";
import type { JobFilter, JobPosition } from "../../engine/store/list-jobs.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";
import { asksDocuments, type JobStatusRef } from "./job-type.ts";

const DEFAULT_SIZE = 20;
const MAX_SIZE = 100;

export type JobFilterRef = ReturnType<typeof addJobFilter>;

/** Adds the lists of jobs: all of the viewer's, and those of one deployment. */
export function addJobList(builder: Builder, jobFilter: JobFilterRef): void {
  const jobConnection = builder.connectionObject(
    {
      type: "Job",
      name: "JobConnection",
      description:
        "A page of a list of jobs, newest first. A list with a `text`, with `isStarred: false`, or with a `tag` or `isStarred` together with each other, a `status` or a `deploymentId`, is searched for, and all such lists of an operation have 2 s of work and 5 s in all. If that is not enough, the page has fewer jobs than asked for, or none, and there is a next page: go on from `endCursor`.",
      fields: (t) => ({
        totalCount: t.int({
          nullable: true,
          description:
            "How many jobs the whole list has, counted up to 10,000: 10000 means 10,000 or more. Null for a list that is searched for.",
          // It is multiplied by the page's size, so counting costs as much as reading 100 jobs or more.
          complexity: 5,
          resolve: (page) => page.totalCount(),
        }),
        searchedTo: t.field({
          type: "DateTime",
          nullable: true,
          description:
            "How far the list has been read, as the `createdAt` of the job at which this page stopped; null at the end of the list.",
          resolve: (page) => page.searchedTo,
        }),
      }),
    },
    { name: "JobEdge", description: "A job and its position in the list." },
  );

  builder.queryField("jobs", (t) =>
    t.connection(
      {
        type: "Job",
        scope: ({ filter }) => scopeOf(filter),
        description:
          "Your jobs, newest first, a page at a time; everybody's with the scope `jobs:read:all`.",
        complexity: toPageCost,
        args: {
          filter: t.arg({ type: jobFilter, description: "Which jobs to list; null for all." }),
        },
        resolve: (_root, { filter, ...page }, context, info) =>
          listJobs(context, toJobFilter(filter), page, asksDocuments(info)),
      },
      jobConnection,
    ),
  );

  builder.objectField("Deployment", "jobs", (t) =>
    t.connection(
      {
        type: "Job",
        scope: "jobs:read",
        description:
          "Your jobs of this deployment, newest first, a page at a time; everybody's with the scope `jobs:read:all`.",
        complexity: toPageCost,
        resolve: ({ id }, page, context, info) =>
          listJobs(context, { deploymentId: id }, page, asksDocuments(info)),
      },
      jobConnection,
    ),
  );
}

export function addJobFilter(builder: Builder, jobStatus: JobStatusRef) {
  return builder.inputType("JobFilter", {
    description:
      "Matches jobs that meet every condition. A condition that is null or missing is ignored.",
    fields: (t) => ({
      status: t.field({
        type: [jobStatus],
        description: "One of these statuses; an empty list matches no job.",
      }),
      deploymentId: t.id({ description: "A deployment's `id`." }),
      ownerId: t.id({
        description:
          "One owner's jobs. Needs the scope `jobs:read:all`; without it you only ever see your own.",
      }),
      tag: t.string({ description: "One of the job's `tags`, matched exactly." }),
      isStarred: t.boolean({
        description: "Whether the job has its owner's star.",
      }),
      text: t.string({
        description:
          "3 to 200 characters to find in the texts of the job's input, of which the first 4,000 characters in all are searched. Case and the kind of white space are ignored. Only `jobs` supports it. It is searched for, as `JobConnection` says, from the newest job on.",
      }),
      createdAfter: t.field({
        type: "DateTime",
        description: "Submitted after this moment, not at it.",
      }),
      createdBefore: t.field({
        type: "DateTime",
        description: "Submitted before this moment, not at it.",
      }),
    }),
  });
}

type GivenFilter = JobFilterRef["$inferInput"] | null | undefined;

/** The scope that a list or a feed with this filter needs. */
export function scopeOf(filter: GivenFilter): Scope {
  return typeof filter?.ownerId === "string" ? "jobs:read:all" : "jobs:read";
}

/** Says what is wrong with a text of a filter, and where to get a better one. */
const FILTER_CHECKS = [
  [
    "deploymentId",
    (id: string) => (isDeploymentId(id) ? null : "can't be a deployment's id"),
    "Take one from the `deployments` query.",
  ],
  ["ownerId", textProblem, "Take one from a job's `ownerId`."],
  ["tag", tagProblem, "Take one from a job's `tags`."],
  ["text", searchTextProblem, "Give some letters of the prompt."],
] as const;

/** The store's filter; throws BAD_USER_INPUT for what can't be a `deploymentId`, an `ownerId`, a `tag` or a `text`. */
export function toJobFilter(filter: GivenFilter): JobFilter {
  const { status, deploymentId, ownerId, tag, isStarred, text } = filter ?? {};
  const { createdAfter, createdBefore } = filter ?? {};
  for (const [name, findProblem, nextStep] of FILTER_CHECKS) {
    const given = filter?.[name];
    const problem = typeof given === "string" ? findProblem(given) : null;
    if (problem !== null) throw badUserInput(`\`filter.${name}\` ${problem}. ${nextStep}`);
  }
  return {
    ...(typeof deploymentId === "string" && { deploymentId }),
    ...(typeof ownerId === "string" && { ownerId }),
    ...(typeof tag === "string" && { tag }),
    ...(typeof isStarred === "boolean" && { isStarred }),
    ...(typeof text === "string" && { text: foldText(text) }),
    ...(status && { statuses: status }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
  };
}

type PageArguments = PothosSchemaTypes.DefaultConnectionArguments;

/** A page of the jobs that match and that the viewer may read; throws BAD_USER_INPUT for impossible arguments. */
async function listJobs(
  { reads }: GatewayContext,
  filter: JobFilter,
  { first, last, after, before }: PageArguments,
  isWhole: boolean,
) {
  const isForward = typeof last !== "number";
  const range = {
    filter,
    direction: isForward ? "forward" : "backward",
    limit: toSize(first ?? undefined, last ?? undefined),
    ...(typeof after === "string" && { after: fromCursor(after, "after") }),
    ...(typeof before === "string" && { before: fromCursor(before, "before") }),
  } as const;
  const found = await reads.listJobs(range, isWhole);
  const { jobs, stoppedAt } = found;
  const taken = isForward ? jobs : jobs.toReversed();
  const edges = taken.map((job) => new JobEdge(job));
  const end = stoppedAt === null ? null : toCursor(stoppedAt);
  return {
    edges,
    pageInfo: {
      hasNextPage: isForward ? end !== null : typeof before === "string",
      hasPreviousPage: isForward ? typeof after === "string" : end !== null,
      startCursor: (isForward ? null : end) ?? edges.at(0)?.cursor ?? after ?? null,
      endCursor: (isForward ? end : null) ?? edges.at(-1)?.cursor ?? before ?? null,
    },
    searchedTo: stoppedAt?.createdAt ?? null,
    totalCount: () => reads.counts.load(filter),
  };
}

/** Most are read without their cursor. */
class JobEdge {
  readonly node: Job;

  constructor(node: Job) {
    this.node = node;
  }

  get cursor(): string {
    return toCursor(this.node);
  }
}

/** A page costs its statement, and what is asked of its jobs once for each that it may have, but 20 times at least. */
function toPageCost({ first, last }: PageArguments) {
  const size = first ?? last ?? DEFAULT_SIZE;
  return {
    field: 10,
    multiplier: Math.min(Math.max(size, DEFAULT_SIZE), MAX_SIZE),
  };
}

function toSize(first: number | undefined, last: number | undefined): number {
  if (first !== undefined && last !== undefined) {
    throw badUserInput("`first` and `last` can't be combined. Give only one of the two.");
  }
  const size = first ?? last ?? DEFAULT_SIZE;
  if (size >= 0 && size <= MAX_SIZE) return size;
  throw badUserInput(
    `\`${first === undefined ? "last" : "first"}\` must be from 0 to ${MAX_SIZE}, not ${size}. Ask for smaller pages and go on with \`pageInfo\`.`,
  );
}

/** A position in the list of jobs, as clients hand it back. */
export function toCursor({ createdAt, id }: JobPosition): string {
  return Buffer.from(`${createdAt.getTime()}:${id}`).toString("base64url");
}

/** Throws BAD_USER_INPUT, naming the argument, for anything that `toCursor` did not make. */
export function fromCursor(cursor: string, argument: "after" | "before"): JobPosition {
  const [, timeMs, id] =
    /^(\d{1,15}):(job_[\w-]{1,124})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (timeMs !== undefined && id !== undefined) {
    const position = { createdAt: new Date(Number(timeMs)), id };
    // Node decodes leniently and ignores what it can't read, so only an exact match counts.
    if (toCursor(position) === cursor) return position;
  }
  throw badUserInput(
    `\`${argument}\` is not a cursor of this list. Take one from \`pageInfo\` or an edge's \`cursor\`, or leave it out to start at the beginning.`,
  );
}
