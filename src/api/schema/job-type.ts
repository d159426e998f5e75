import type { GraphQLResolveInfo, OperationDefinitionNode } from "graphql";
import { visit } from "graphql";

import { isCancellable, isFinished } from "../../engine/job/job.ts";
import type { Job, JobStatus } from "../../engine/job/job.ts";
import type { JsonValue } from "../../engine/job/json.ts";
import { isPaused } from "../../engine/job/upstream.ts";
import type { DocumentName } from "../../engine/store/read-jobs.ts";
import { findDeploymentOf } from "../../engine/use-cases/deployments.ts";
import { findJob } from "../../engine/use-cases/find-jobs.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";
import type { DeploymentKindRef } from "./deployment.ts";

export type JobStatusRef = ReturnType<typeof addJobStatus>;

export function addJob(
  builder: Builder,
  {
    jobStatus,
    deploymentKind,
  }: {
    readonly jobStatus: JobStatusRef;
    readonly deploymentKind: DeploymentKindRef;
  },
): void {
  addJobError(builder);
  addJobEstimate(builder);

  builder.objectType("JobEvent", {
    description: "A job entered a status.",
    fields: (t) => ({
      version: t.exposeInt("version", {
        description: "The job's `version` at that moment; the first is 1.",
      }),
      status: t.expose("status", { type: jobStatus, description: "The status that it entered." }),
      at: t.expose("at", { type: "DateTime", description: "When the gateway recorded it." }),
    }),
  });

  builder.node("Job", {
    description: "One run of a deployment. The gateway follows it to its end and keeps it.",
    id: {
      description: "Starts with `job_`, can't be guessed, and never changes.",
      resolve: (job) => job.id,
    },
    loadWithoutCache: findSelectedJob,
    fields: (t) => ({
      ownerId: t.exposeID("ownerId", {
        description:
          "The `id` of the viewer who submitted it: yours, unless you have the scope `jobs:read:all`.",
      }),
      kind: t.expose("kind", {
        type: deploymentKind,
        description: "Which of RunComfy's APIs runs it.",
      }),
      deployment: t.field({
        type: "Deployment",
        description: "What it runs, even if the deployment is no longer listed.",
        resolve: (job, _arguments, context) => findDeploymentOf(context, job),
      }),
      requestId: t.exposeString("requestId", {
        nullable: true,
        description:
          "RunComfy's id for this run, e.g. for RunComfy's support; null until RunComfy has accepted the job.",
      }),
      status: t.expose("status", {
        type: jobStatus,
        description: "Its status at the gateway's last poll.",
      }),
      tags: t.exposeStringList("tags", {
        description:
          "The words to group it by, in the order in which they were given: by the submit, and by `editJobs`.",
      }),
      isStarred: t.exposeBoolean("isStarred", {
        description: "Whether `editJobs` has marked it with a star.",
      }),
      queuePosition: t.exposeInt("queuePosition", {
        nullable: true,
        description:
          "How many jobs were ahead of it in the queue when RunComfy last said so; null when the job is not IN_QUEUE, or when that is not known.",
      }),
      input: t.field({
        type: "JSON",
        description:
          "The job's input; always an object. RunComfy receives it unchanged (for a ComfyUI workflow, as values of its nodes), with URLs in place of uploads; the gateway fills nothing in. A `seed` given as -1 appears as the number that was drawn. If the answer has no room for it, the whole answer fails with ANSWER_TOO_LARGE.",
        complexity: 10,
        resolve: ({ id }, _arguments, { reads }) => reads.readDocument(id, "input"),
      }),
      output: t.field({
        type: "JSON",
        nullable: true,
        description:
          "The result as RunComfy gave it, except for numbers: beyond 2^53 they may lose digits, and beyond 1e308 they are null. Its shape depends on the deployment. Null until SUCCEEDED; also null, with the error ANSWER_TOO_LARGE, if the answer has no room for it.",
        complexity: 20,
        resolve: (job, _arguments, context) => readOutput(job, context),
      }),
      assets: t.field({
        type: ["Asset"],
        description:
          "Every hosted file in the output, in order: at most 1,000, without URLs above 4,096 characters; empty until SUCCEEDED. They count towards the size of the answer as the output does, with 512 bytes more for each. They fail as `input` does.",
        complexity: { field: 20, multiplier: 5 },
        async resolve(job, _arguments, { reads }) {
          const assets = await reads.readAssets(job);
          return assets.map((asset) => Object.assign({ job }, asset));
        },
      }),
      estimate: t.field({
        type: "JobEstimate",
        nullable: true,
        description:
          "When it will probably start and end, estimated from past runs of its deployment by all owners; null until 5 of them have SUCCEEDED, while it is HELD, SUBMITTING or paused, and when it has ended.",
        complexity: 5,
        resolve: (job, _arguments, { engine }) => engine.learning.estimate(job),
      }),
      queueSeconds: t.float({
        nullable: true,
        description:
          "How long it waited, from when it was sent until it was seen to start; null until then.",
        resolve: ({ sentAt, startedAt }) => secondsBetween(sentAt, startedAt),
      }),
      runSeconds: t.float({
        nullable: true,
        description: "How long it ran; null until it has ended, or if it was never seen to start.",
        resolve: ({ startedAt, finishedAt }) => secondsBetween(startedAt, finishedAt),
      }),
      error: t.expose("error", {
        type: "JobError",
        nullable: true,
        description: "Why there is no output; null unless FAILED.",
      }),
      history: t.field({
        type: ["JobEvent"],
        description:
          "When the job entered each of its statuses, oldest first, up to this `version`: one to five events.",
        complexity: { field: 10, multiplier: 4 },
        resolve: async (job, _arguments, { reads }) => {
          const events = await reads.histories.load(job.id);
          return events.filter((event) => event.version <= job.version);
        },
      }),
      isCancellable: t.boolean({
        description:
          "Whether its owner may still be able to cancel it: true while HELD (then it is certain), SUBMITTING or IN_QUEUE, unless it is paused.",
        resolve: (job, _arguments, { engine }) =>
          isCancellable(job) && !isPaused(job, engine.store.upstream),
      }),
      isPaused: t.boolean({
        description:
          "Whether the job waits because it was sent to another upstream than the gateway uses now: the sandbox, another RunComfy account or, for a model's job, another Model API. It continues once the gateway uses that one again; until then it can be deleted.",
        resolve: (job, _arguments, { engine }) => isPaused(job, engine.store.upstream),
      }),
      isFinished: t.boolean({
        description:
          "Whether the job has ended, successfully or not. Its `status`, `output` and `error` no longer change, but its `version` still grows while its files are being kept, and when its cost is reported late.",
        resolve: isFinished,
      }),
      version: t.exposeInt("version", {
        description:
          "Grows by one with each recorded change: the state with the greater version is newer.",
      }),
      createdAt: t.expose("createdAt", {
        type: "DateTime",
        description: "When it was submitted to the gateway.",
      }),
      sentAt: t.expose("sentAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When it was last sent to RunComfy; null while it is HELD, and if it ended there.",
      }),
      startedAt: t.expose("startedAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When it was first seen IN_PROGRESS; null before that, and for a job that was never seen IN_PROGRESS.",
      }),
      finishedAt: t.expose("finishedAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When it ended, by RunComfy's clock if that is plausible; null until it has ended.",
      }),
      updatedAt: t.expose("updatedAt", {
        type: "DateTime",
        description: "When its last change was recorded, other than of `tags` or `isStarred`.",
      }),
    }),
  });

  builder.queryField("job", (t) =>
    t.field({
      type: "Job",
      nullable: true,
      description:
        "The job with this id; null when there is none, or when it is someone else's and you lack the scope `jobs:read:all`.",
      args: { id: t.arg.id({ required: true, description: "A job's `id`." }) },
      resolve: (_root, { id }, context, info) => findSelectedJob(id, context, info),
    }),
  );
}

const STATUSES: Readonly<Record<JobStatus, { readonly description: string }>> = {
  HELD: {
    description:
      "Stored in the gateway and not sent to RunComfy yet: it costs nothing, and a cancel is certain. `hold` says why.",
  },
  SUBMITTING: { description: "On its way to RunComfy, which has not accepted it yet." },
  IN_QUEUE: {
    description:
      "Accepted and waiting in the queue. A job can be cancelled until it is IN_PROGRESS, not later.",
  },
  IN_PROGRESS: { description: "Running; too late to cancel." },
  SUCCEEDED: { description: "Ended successfully; the job has an `output`. Final." },
  FAILED: { description: "Ended without an output; `error` says why. Final." },
  CANCELLED: { description: "Cancelled before it ran. Final." },
};

export function addJobStatus(builder: Builder) {
  return builder.enumType("JobStatus", {
    description:
      "The stage that a job has reached. It only moves forward, and may skip statuses; except that a job that was HELD is HELD again if RunComfy certainly did not get it.",
    values: STATUSES,
  });
}

function addJobError(builder: Builder): void {
  builder.objectType("JobError", {
    description: "Why a job FAILED.",
    fields: (t) => ({
      code: t.exposeString("code", { description: ERROR_CODES }),
      message: t.exposeString("message", {
        description:
          "What happened and what to do about it, written for your app's users. Show it as it is.",
      }),
      retryable: t.exposeBoolean("retryable", {
        description:
          "Whether submitting the same input again may help, without paying twice for one result.",
      }),
    }),
  });
}

function addJobEstimate(builder: Builder): void {
  const time = (timeMs: number): Date => new Date(timeMs);
  builder.objectType("JobEstimate", {
    description:
      "When a job will probably end. If it takes longer than expected, the times move: they never lie in the past.",
    fields: (t) => ({
      startsAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When it will probably start: the median. Null once it has started.",
        resolve: ({ startsAt }) => (startsAt === null ? null : time(startsAt)),
      }),
      finishesAt: t.field({
        type: "DateTime",
        description: "When it will probably end: the median, so half of such jobs end earlier.",
        resolve: ({ finishesAt }) => time(finishesAt),
      }),
      finishesBy: t.field({
        type: "DateTime",
        description: "By when 9 of 10 such jobs have ended.",
        resolve: ({ finishesBy }) => time(finishesBy),
      }),
      progress: t.exposeFloat("progress", {
        description:
          "The fraction of the time from when it was sent to its end that has probably passed, from 0 to below 1. It may fall when the job turns out slower.",
      }),
      isColdStart: t.exposeBoolean("isColdStart", {
        description: "Whether it probably waits for an instance to start.",
      }),
      basedOn: t.exposeInt("basedOn", {
        description: "How many past runs the estimate is based on.",
      }),
    }),
  });
}

/** Null where one is not known; a clock that was set back makes no time negative. */
function secondsBetween(from: Date | null, to: Date | null): number | null {
  return from === null || to === null ? null : Math.max(0, to.getTime() - from.getTime()) / 1_000;
}

const ERROR_CODES = `For programs. What it means, and what the gateway's operator can do:

- INFERENCE_FAILED: the run itself failed.
- SUBMISSION_UNKNOWN: it may or may not have run. Look for it on RunComfy's dashboard before submitting it again.
- LOST: RunComfy no longer knows it.
- EXPIRED: it did not end within \`JOB_DEADLINE_SECONDS\`. Look for it on RunComfy's dashboard.
- INVALID_RESPONSE: it ended, but its result can't be read. Look for it on RunComfy's dashboard.
- NOT_SENT_IN_TIME: it was HELD until its \`sendBefore\`. It cost nothing.
- NOT_APPROVED: somebody refused to approve it; \`message\` has the reason. It cost nothing.
- REFUSED: it was HELD, and RunComfy or the gateway refused it when its turn came. It did not run.`;

/** The output; null until the job SUCCEEDED. */
export function readOutput(job: Job, { reads }: GatewayContext): JsonValue | Promise<JsonValue> {
  return job.status === "SUCCEEDED" ? reads.readDocument(job.id, "output") : null;
}

function findSelectedJob(
  id: string,
  context: GatewayContext,
  info: GraphQLResolveInfo,
): Promise<Job | null> {
  return findJob(context, id, { isWhole: asksDocuments(info) });
}

/** Whether the operation asks for documents of jobs. */
export function asksDocuments(info: GraphQLResolveInfo): boolean {
  return findDocumentNames(findSelected(info)).length > 0;
}

const selections = new WeakMap<OperationDefinitionNode, ReadonlySet<string>>();

/** What a job's fields are read from. */
const DOCUMENTS: readonly (readonly [string, DocumentName])[] = [
  ["input", "input"],
  ["output", "output"],
  ["typedOutput", "output"],
  ["assets", "assets"],
];

/** The names of all fields in the document, of whatever type. */
export function findSelected({ operation, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const found = selections.get(operation);
  if (found !== undefined) return found;
  const names = new Set<string>();
  const Field = ({ name }: { readonly name: { readonly value: string } }): void => {
    names.add(name.value);
  };
  for (const node of [operation, ...Object.values(fragments)]) visit(node, { Field });
  selections.set(operation, names);
  return names;
}

/** The documents that some fields of a job take. */
export function findDocumentNames(selected: ReadonlySet<string>): readonly DocumentName[] {
  return DOCUMENTS.flatMap(([field, name]) => (selected.has(field) ? [name] : []));
}
