import type { GraphQLResolveInfo } from "graphql";

import type { Job } from "../../engine/job/job.ts";
import { toCursor } from "../../engine/reads/job-cursor.ts";
import {
  DEFAULT_PAGE,
  listJobs,
  type ListRequest,
  MAX_PAGE,
} from "../../engine/use-cases/find-jobs.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";
import { asksDocuments, type JobStatusRef } from "./job-type.ts";

export type JobFilterRef = ReturnType<typeof addJobFilter>;

/** Adds the lists of jobs: all of the viewer's, and those of one deployment. */
export function addJobList(builder: Builder, jobFilter: JobFilterRef): void {
  const jobConnection = builder.connectionObject(
    {
      type: "Job",
      name: "JobConnection",
      description:
        "A page of a list of jobs, newest first. Some filters need a search: a `text`, `isStarred: false`, and a `tag` or `isStarred` combined with each other, with a `status` or with a `deploymentId`. All searched lists of an operation share 2 s of work, within 5 s. If that is not enough, the page has fewer jobs than asked for, or none, and a next page: continue from `endCursor`.",
      fields: (t) => ({
        totalCount: t.int({
          nullable: true,
          description:
            "How many jobs the whole list has, counted up to 10,000: 10000 means 10,000 or more. Null for a list that is searched.",
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
        description:
          "Your jobs, newest first, a page at a time; everybody's with the scope `jobs:read:all`.",
        complexity: toPageCost,
        args: {
          filter: t.arg({ type: jobFilter, description: "Which jobs to list; null for all." }),
        },
        resolve: (_root, given, context, info) => toConnection(given, context, info),
      },
      jobConnection,
    ),
  );

  builder.objectField("Deployment", "jobs", (t) =>
    t.connection(
      {
        type: "Job",
        description:
          "Your jobs of this deployment, newest first, a page at a time; everybody's with the scope `jobs:read:all`.",
        complexity: toPageCost,
        resolve: ({ id: deploymentId }, given, context, info) =>
          toConnection({ ...given, filter: { deploymentId } }, context, info),
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
          "3 to 200 characters to find in the texts of the job's input, of which the first 4,000 characters in all are searched. Case and the kind of white space are ignored. Only `jobs` supports it. Such a list is searched, newest job first; see `JobConnection`.",
      }),
      createdAfter: t.field({
        type: "DateTime",
        description: "Submitted after this moment (exclusive).",
      }),
      createdBefore: t.field({
        type: "DateTime",
        description: "Submitted before this moment (exclusive).",
      }),
    }),
  });
}

type PageArguments = PothosSchemaTypes.DefaultConnectionArguments;

async function toConnection(given: ListRequest, context: GatewayContext, info: GraphQLResolveInfo) {
  const { after, before } = given;
  const page = await listJobs(context, { ...given, isWhole: asksDocuments(info) });
  const { jobs, stoppedAt, direction, filter } = page;
  const isForward = direction === "forward";
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
    totalCount: () => context.reads.count(filter),
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
  const size = first ?? last ?? DEFAULT_PAGE;
  return {
    field: 10,
    multiplier: Math.min(Math.max(size, DEFAULT_PAGE), MAX_PAGE),
  };
}
