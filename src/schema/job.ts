import type { Catalogue } from "../deployments/catalogue.ts";
import { findAssets } from "../job/asset.ts";
import type { Job, JobEvent } from "../job/job.ts";
import { isCancellable, isFinished } from "../job/job.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import type { JsonValue } from "../job/json.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { Builder } from "./builder.ts";
import { notFound } from "./coded-errors.ts";
import type { GatewayContext } from "./context.ts";
import { toDeployment } from "./deployment.ts";
import type { JobConnectionRef } from "./job-connection.ts";
import type { JobFilterRef } from "./job-filter.ts";
import { toJobFilter } from "./job-filter.ts";
import type { JobStatusRef } from "./job-status.ts";
import { listJobs, toPageCost } from "./list-jobs.ts";

export function addJob(
  builder: Builder,
  options: {
    readonly catalogue: Catalogue;
    readonly jobStatus: JobStatusRef;
    readonly jobFilter: JobFilterRef;
    readonly jobConnection: JobConnectionRef;
  },
): void {
  const { catalogue, jobStatus, jobFilter, jobConnection } = options;

  builder.node("Job", {
    description:
      "One run of a deployment: submitted once, followed to its end, and kept from then on.",
    id: {
      description: "Starts with `job_`, can't be guessed, and never changes.",
      resolve: (job) => job.id,
    },
    loadWithoutCache: findJob,
    fields: (t) => ({
      ownerId: t.exposeID("ownerId", {
        description:
          "Whose job it is, as `viewer` tells it; yours, unless you have the scope `jobs:read:all`.",
      }),
      deployment: t.field({
        type: "Deployment",
        description: "What is run. It is told even when the deployment is no longer listed.",
        resolve: (job, _arguments, context) => toDeployment(catalogue, job.deploymentId, context),
      }),
      requestId: t.exposeString("requestId", {
        nullable: true,
        description:
          "The upstream's id for this run, e.g. for its support; null until it accepted the job.",
      }),
      status: t.expose("status", {
        type: jobStatus,
        description: "Where the job stands, as last seen.",
      }),
      queuePosition: t.exposeInt("queuePosition", {
        nullable: true,
        description:
          "How many jobs wait before this one, 0 = next; null when not IN_QUEUE or not known.",
      }),
      input: t.field({
        type: "JSON",
        description:
          "What was sent upstream, with defaults filled in. Always an object. Where the inputs and outputs of an answer are too much, ANSWER_TOO_LARGE stands in place of all of it.",
        complexity: 10,
        resolve: readInput,
      }),
      output: t.field({
        type: "JSON",
        nullable: true,
        description:
          "The result as the upstream gave it, but for numbers: beyond 2^53 they may lose digits, and beyond 1e308 they are null. Its shape is the deployment's. Null until SUCCEEDED, and with the error ANSWER_TOO_LARGE where the answer has no room for it.",
        complexity: 20,
        resolve: readOutput,
      }),
      assets: t.field({
        type: ["Asset"],
        description:
          "Every hosted file that the output names, in its order, at most 1,000; empty until SUCCEEDED. Takes as much of an answer's room as `output`, and fails as `input` does.",
        complexity: { field: 20, multiplier: 5 },
        resolve: async (job, _arguments, context) =>
          findAssets(await readOutput(job, _arguments, context), job.finishedAt),
      }),
      error: t.expose("error", {
        type: "JobError",
        nullable: true,
        description: "Why there will be no output; null unless FAILED.",
      }),
      history: t.field({
        type: ["JobEvent"],
        description:
          "When the job came into each of its statuses, up to this `version`, oldest first; one to four.",
        complexity: { field: 10, multiplier: 4 },
        resolve: readHistory,
      }),
      isCancellable: t.boolean({
        description:
          "Whether `cancelJob` of its owner has a chance: true while SUBMITTING or IN_QUEUE.",
        resolve: isCancellable,
      }),
      isFinished: t.boolean({
        description:
          "Whether the job has ended, well or not; nothing about it changes from then on.",
        resolve: isFinished,
      }),
      version: t.exposeInt("version", {
        description:
          "Grows by one with each recorded change, so that the greater of two is the newer state.",
      }),
      createdAt: t.expose("createdAt", {
        type: "DateTime",
        description: "When it was submitted to the gateway.",
      }),
      startedAt: t.expose("startedAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When it was first seen IN_PROGRESS; null until then, and for good when it ended unseen.",
      }),
      finishedAt: t.expose("finishedAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When it ended, by the upstream's word where that can be true; null until it has.",
      }),
      updatedAt: t.expose("updatedAt", {
        type: "DateTime",
        description: "When its last change was recorded.",
      }),
    }),
  });

  builder.queryFields((t) => ({
    job: t.field({
      type: "Job",
      scope: "jobs:read",
      nullable: true,
      description:
        "The job with this id; null when there is none, or it is another owner's and you lack the scope `jobs:read:all`.",
      args: {
        id: t.arg.id({ required: true, description: "The job's `id`, which starts with `job_`." }),
      },
      resolve: (_root, { id }, context) => findJob(id, context),
    }),
    jobs: t.connection(
      {
        type: "Job",
        scope: "jobs:read",
        description:
          "All your jobs, newest first, a page at a time; with the scope `jobs:read:all` everybody's.",
        complexity: toPageCost,
        args: {
          filter: t.arg({ type: jobFilter, description: "Which jobs to list; all when null." }),
        },
        resolve: (_root, { filter, ...page }, context) =>
          listJobs(context, toJobFilter(filter), page),
      },
      jobConnection,
    ),
  }));
}

async function findJob(id: string, { loaders }: GatewayContext): Promise<Job | null> {
  return isIdentifier(id) ? await loaders.jobs.load(id) : null;
}

async function readInput(
  job: Job,
  _arguments: object,
  context: GatewayContext,
): Promise<JsonValue> {
  const { input, inputBytes } = await readDocuments(job, context);
  context.loaders.tell(inputBytes);
  return input;
}

async function readDocuments(job: Job, { loaders }: GatewayContext) {
  const documents = await loaders.documents.load(job.id);
  // A submission that the upstream refuses leaves no trace, and may do so while somebody reads it.
  if (documents === null) throw notFound(new JobNotFoundError(job.id));
  return documents;
}

/** What the job gave; null until it SUCCEEDED. */
export async function readOutput(
  job: Job,
  _arguments: object,
  context: GatewayContext,
): Promise<JsonValue> {
  if (job.status !== "SUCCEEDED") return null;
  const { output, outputBytes } = await readDocuments(job, context);
  context.loaders.tell(outputBytes);
  return output;
}

/** Without what happened after this state was read. */
async function readHistory(
  job: Job,
  _arguments: object,
  { loaders }: GatewayContext,
): Promise<JobEvent[]> {
  const events = await loaders.histories.load(job.id);
  return events.filter((event) => event.version <= job.version);
}
