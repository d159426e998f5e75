import { z } from "zod";

import { JobNotFoundError } from "../../engine/job/errors.ts";
import { isFinished, JOB_STATUSES } from "../../engine/job/job.ts";
import type { Job } from "../../engine/job/job.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Caller } from "../../engine/caller.ts";
import { fromCursor, toCursor } from "../../engine/reads/job-cursor.ts";
import { cancelJob } from "../../engine/use-cases/cancel-jobs.ts";
import { findJob, listJobs } from "../../engine/use-cases/find-jobs.ts";
import { ABSENT_COST, toBrief, toJobResult } from "./job-content.ts";
import { createTool, EFFECTS, type GatewayTool, toResult } from "./tool.ts";
import { WAIT_FOR_JOB, type Waits } from "./waits.ts";

const MAX_WAIT_SECONDS = 45;
const MAX_LISTED = 50;

const ID = z.string().describe("The job's id, which starts with job_.");
const SECONDS = z.number().min(0).max(MAX_WAIT_SECONDS).default(MAX_WAIT_SECONDS);

/** The tools for jobs that are there. */
export function createJobTools(waits: Waits): readonly GatewayTool[] {
  const getJob = createTool({
    name: "get_job",
    scope: "jobs:read",
    description: `Returns a job as it is now: its status, what it costs and, once it has SUCCEEDED, its files and small pictures of them. ${ABSENT_COST}`,
    annotations: EFFECTS.reads,
    arguments: z.strictObject({ id: ID }),
    call: async ({ id }, { context }) => toJobResult(await readJob(id, context), context),
  });

  const waitForJob = createTool({
    name: WAIT_FOR_JOB,
    scope: "jobs:read",
    description: `Waits until a job has ended and its files are there, ${MAX_WAIT_SECONDS} s at most, and returns it as get_job does. If it has not ended by then, call it again.`,
    annotations: EFFECTS.reads,
    arguments: z.strictObject({
      id: ID,
      seconds: SECONDS.describe("How long to wait at most."),
    }),
    async call({ id, seconds }, call) {
      const { context } = call;
      const job = (await waits.wait(id, seconds, call)) ?? (await readJob(id, context));
      const note = isFinished(job) ? "" : "It has not ended yet. Call wait_for_job again.";
      return await toJobResult(job, context, { note });
    },
  });

  const list = createTool({
    name: "list_jobs",
    scope: "jobs:read",
    description: `Lists your jobs, newest first, without their files. ${ABSENT_COST}`,
    annotations: EFFECTS.reads,
    arguments: z.strictObject({
      status: z.array(z.enum(JOB_STATUSES)).max(JOB_STATUSES.length).optional(),
      deployment_id: z.string().optional(),
      limit: z.int().min(1).max(MAX_LISTED).default(10),
      after: z.string().optional().describe("The `next` of the page before."),
    }),
    async call({ status, deployment_id: deploymentId, limit, after }, { context }) {
      if (after !== undefined) checkNext(after);
      const filter = { status, deploymentId };
      const { jobs, stoppedAt } = await listJobs(context, { filter, first: limit, after });
      return toResult({
        jobs: await Promise.all(jobs.map((job) => toBrief(job, context))),
        next: stoppedAt && toCursor(stoppedAt),
      });
    },
  });

  const cancel = createTool({
    name: "cancel_job",
    scope: "jobs:cancel",
    description: "Cancels a job that has not started yet. A job that runs can't be stopped.",
    annotations: EFFECTS.cancels,
    arguments: z.strictObject({ id: ID }),
    async call({ id }, { context }) {
      return await toJobResult(await cancelJob(context, id), context);
    },
  });

  return [getJob, waitForJob, list, cancel];
}

function checkNext(next: string): void {
  try {
    fromCursor(next, "after");
  } catch {
    throw badUserInput(
      "`after` is not the `next` of a page that list_jobs has returned. Give that, or leave it out to begin with the newest.",
    );
  }
}

/** One of the jobs that the viewer may read. Rejects with a `JobNotFoundError`. */
export async function readJob(id: string, context: Caller): Promise<Job> {
  const job = await findJob(context, id, { isWhole: true });
  if (job === null) throw new JobNotFoundError(id);
  return job;
}
