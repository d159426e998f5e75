import { MAX_IDS } from "../../engine/for-each.ts";
import { JobNotFoundError, JobNotHeldError } from "../../engine/job/errors.ts";
import { type HoldReason, MAX_PRIORITY } from "../../engine/job/hold.ts";
import {
  approveJobs,
  findHold,
  holdJobs,
  listHeldJobs,
  listJobsToApprove,
  MAX_LISTED,
  prioritizeJobs,
  refuseJobs,
  releaseJobs,
} from "../../engine/use-cases/held-jobs.ts";
import type { Builder } from "./builder.ts";
import { toCost } from "./cancel-and-delete.ts";

const DEFAULT_LISTED = 50;

/** Adds why jobs are HELD, the lists of those, and what changes how they wait. */
export function addHeldJobs(builder: Builder): void {
  const holdReason = builder.enumType("HoldReason", {
    description:
      "Why a job is HELD. Several may apply, and each ends by its own act alone; the first of this order is shown.",
    values: REASONS,
  });

  builder.objectType("Hold", {
    description: "What a HELD job waits for.",
    fields: (t) => ({
      reason: t.expose("reason", {
        type: holdReason,
        description: "Why it is not sent; of several reasons the first.",
      }),
      since: t.expose("since", {
        type: "DateTime",
        description:
          "When it was submitted, or last held, released, approved, or put back because RunComfy was out of reach.",
      }),
      until: t.expose("until", {
        type: "DateTime",
        nullable: true,
        description: "When this reason ends by itself; null if that is not known.",
      }),
      priority: t.exposeInt("priority", {
        description: "As `queue` or `prioritizeJobs` had it.",
      }),
      ahead: t.int({
        nullable: true,
        description:
          "How many other jobs of its owner are sent before it. Owners take turns, so others' jobs don't count. Null while it waits for an approval, a release or its `sendAfter`, and if 1,000 or more are sent before it.",
        complexity: 20,
        resolve: ({ job }, _arguments, { reads }) => reads.ahead.load(job),
      }),
    }),
  });

  builder.objectField("Job", "hold", (t) =>
    t.field({
      type: "Hold",
      nullable: true,
      description: "Why it is HELD, and until when; null unless it is.",
      complexity: 5,
      async resolve(job, _arguments, context) {
        const hold = await findHold(context, job);
        return hold && { ...hold, job };
      },
    }),
  );

  addLists(builder);
  addMutations(builder);
}

function addLists(builder: Builder): void {
  builder.queryFields((t) => {
    const first = t.arg.int({
      defaultValue: DEFAULT_LISTED,
      description: `How many at most, 1 to ${MAX_LISTED}.`,
    });
    return {
      heldJobs: t.field({
        type: ["Job"],
        description:
          "Your own HELD jobs, by priority and then age: the order in which they are sent once nothing else holds them.",
        complexity: toListCost,
        args: {
          deploymentId: t.arg.id({ description: "Only those of this deployment; null for all." }),
          first,
        },
        resolve: (_root, { deploymentId, first: limit }, context) =>
          listHeldJobs(context, limit ?? DEFAULT_LISTED, deploymentId ?? undefined),
      }),

      jobsToApprove: t.field({
        type: ["Job"],
        description:
          "The jobs of your owner that wait for approval, oldest first; everybody's with the scope `jobs:read:all`. Those that you may not approve, because your credential submitted them, are among them. Needs the scope `jobs:approve`.",
        complexity: toListCost,
        args: { first },
        resolve: (_root, { first: limit }, context) =>
          listJobsToApprove(context, limit ?? DEFAULT_LISTED),
      }),
    };
  });
}

function addMutations(builder: Builder): void {
  builder.mutationFields((t) => {
    const ids = t.arg.idList({
      required: true,
      description: `The jobs' ids, at most ${MAX_IDS}; duplicates count once.`,
    });
    return {
      releaseJobs: t.field({
        type: ["Job"],
        description:
          "Ends what `holdJobs`, or `hold` at the submit, began: your jobs are sent when their turn comes. If your own submits need approval, so do the jobs from then on.",
        complexity: toCost,
        args: { ids },
        itemErrors: toResult("ReleaseJob", "The job waits for no release."),
        resolve: (_root, given, context) => releaseJobs(context, given.ids),
      }),

      holdJobs: t.field({
        type: ["Job"],
        description: "Has HELD jobs of yours wait until `releaseJobs`.",
        complexity: toCost,
        args: { ids },
        itemErrors: toResult("HoldJob", "The job waits until it is released."),
        resolve: (_root, given, context) => holdJobs(context, given.ids),
      }),

      prioritizeJobs: t.field({
        type: ["Job"],
        description:
          "Changes the priority of HELD jobs of yours: among your own, the highest is sent first, and of equal ones the oldest.",
        complexity: toCost,
        args: {
          ids,
          priority: t.arg.int({
            required: true,
            description: `-${MAX_PRIORITY} to ${MAX_PRIORITY}; 0 is the default of a submit.`,
          }),
        },
        itemErrors: toResult("PrioritizeJob", "The job has this priority."),
        resolve: (_root, given, context) => prioritizeJobs(context, given.ids, given.priority),
      }),

      approveJobs: t.field({
        type: ["Job"],
        nullable: { list: false, items: true },
        description:
          "Approves jobs of your owner that wait for it, or with the scope `jobs:read:all` anybody's: they are sent when their turn comes. The credential that submitted a job, or whose release made it need an approval, can't approve it: its result is null, `errors` has a FORBIDDEN with its position in `path`, and the others are not affected. Needs the scope `jobs:approve`.",
        complexity: toCost,
        args: { ids },
        itemErrors: toResult("ApproveJob", "The job waits for no approval."),
        resolve: (_root, given, context) => approveJobs(context, given.ids),
      }),

      refuseJobs: t.field({
        type: ["Job"],
        description:
          "Ends jobs that wait for approval: they are FAILED with the error NOT_APPROVED, which shows your reason, and cost nothing. Needs the scope `jobs:approve`, as `approveJobs` does.",
        complexity: toCost,
        args: {
          ids,
          reason: t.arg.string({
            required: true,
            description:
              "What is to be changed, for those who submitted them; 1 to 500 characters.",
          }),
        },
        itemErrors: toResult("RefuseJob", "The job will not be sent."),
        resolve: (_root, given, context) => refuseJobs(context, given.ids, given.reason),
      }),
    };
  });
}

function toResult(act: string, description: string) {
  return {
    types: [JobNotFoundError, JobNotHeldError],
    union: {
      name: `${act}Result`,
      description: "The job, or why nothing was done.",
    },
    result: { name: `${act}Success`, description },
    dataField: { name: "job", description: "The job as it is now." },
  };
}

const REASONS: Readonly<Record<HoldReason, { readonly description: string }>> = {
  APPROVAL: {
    description:
      "Its submits need approval, which only another credential can give, with `approveJobs`.",
  },
  BY_HAND: {
    description:
      "It was submitted with `hold`, or held by `holdJobs`, or can't be sent as it is: its deployment is no longer listed, or its key was revoked. `releaseJobs` ends it.",
  },
  PAUSED: {
    description:
      "An operator has paused its deployment, or the gateway uses another upstream than the job's.",
  },
  SCHEDULED: { description: "Its `sendAfter` is still to come." },
  OUTAGE: {
    description:
      "RunComfy is out of reach, too busy, or takes no jobs from the gateway at the moment. The gateway keeps trying.",
  },
  LIMIT: {
    description: "Its owner is at the limit of unfinished jobs or of submits a minute.",
  },
  TURN: { description: "Other jobs are sent first." },
};

function toListCost({ first }: { readonly first?: number | null | undefined }) {
  return { field: 10, multiplier: Math.min(first ?? DEFAULT_LISTED, MAX_LISTED) };
}
