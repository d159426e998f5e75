import type { Server, ServerContext } from "@modelcontextprotocol/server";
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
} from "@modelcontextprotocol/server";
import { z } from "zod";

import { ExpectedError } from "../../engine/job/errors.ts";
import type { Job } from "../../engine/job/job.ts";
import { clock } from "../../runtime/environment.ts";
import type { Caller } from "../../engine/caller.ts";
import { cancelJob } from "../../engine/use-cases/cancel-jobs.ts";
import { areFilesPending, FILES_PATIENCE_MS, readEstimate, readHold } from "./job-content.ts";
import { toJobResult, toStateText } from "./job-content.ts";
import { readJob } from "./job-tools.ts";
import type { Guard, ToolContext } from "./tool.ts";

/** The extension that the protocol's tasks are. */
export const TASKS = "io.modelcontextprotocol/tasks";

const PARAMS = z.looseObject({ taskId: z.string() });
const MIN_POLL_MS = 1_000;
const MAX_POLL_MS = 5_000;

/** Whether the client that sent a request takes tasks. */
export function takesTasks({ mcpReq: { envelope } }: ServerContext): boolean {
  const declared: Readonly<Record<string, unknown>> = { ...envelope };
  const { extensions } = Object(declared[CLIENT_CAPABILITIES_META_KEY]);
  return Object.hasOwn(Object(extensions), TASKS);
}

/** A task is a job under another name: its state is the row's, so that any gateway answers for it, after any restart. */
export async function toTask(job: Job, context: Caller) {
  const estimate = await readEstimate(job, context);
  const hold = await readHold(job, context);
  const isFetching = await awaitsFiles(job, context);
  // A few polls for the time that is left.
  const pollMs = estimate === null ? 2 * MIN_POLL_MS : (estimate.finishesAt - clock.now()) / 4;
  return {
    taskId: job.id,
    status: isFetching ? "working" : toTaskStatus(job),
    statusMessage: isFetching
      ? "Fetching its files"
      : (hold?.message ?? toStateText(job, estimate)),
    createdAt: job.createdAt.toISOString(),
    lastUpdatedAt: job.updatedAt.toISOString(),
    ttlMs: null,
    pollIntervalMs: Math.round(Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, pollMs))),
  };
}

/** Whether it is not completed yet: its one result would have no pictures. */
async function awaitsFiles(job: Job, context: Caller): Promise<boolean> {
  // Each file that comes is news of the job.
  if (clock.now() - job.updatedAt.getTime() >= FILES_PATIENCE_MS) return false;
  return await areFilesPending(job, context).catch(() => false);
}

/** A tool's own failure completes a task: only the protocol's fail one. */
function toTaskStatus({ status }: Job): "working" | "completed" | "cancelled" {
  if (status === "CANCELLED") return "cancelled";
  return status === "SUCCEEDED" || status === "FAILED" ? "completed" : "working";
}

/** Answers for tasks. */
export function serveTasks(server: Server, context: ToolContext, guard: Guard): void {
  const serve = (method: string, answer: (job: Job) => Promise<object>): void =>
    server.setRequestHandler(method, { params: PARAMS }, async ({ taskId }, about) =>
      guard(async () => {
        if (!takesTasks(about))
          throw new MissingRequiredClientCapabilityError({
            requiredCapabilities: { extensions: { [TASKS]: {} } },
          });
        return { ...(await answer(await readJob(taskId, context))) };
      }),
    );

  serve("tasks/get", async (job) => {
    const task = await toTask(job, context);
    if (task.status !== "completed") return task;
    // What the tool would have answered with if the job had ended at once.
    const result = await toJobResult(job, context);
    return { ...task, result: { ...result, ...(job.status === "FAILED" && { isError: true }) } };
  });
  // No job asks anything of its client.
  serve("tasks/update", async () => ({}));
  serve("tasks/cancel", async (job) => {
    // It states a wish, and the task's state shows its outcome.
    await cancelJob(context, job.id).catch(ignoreOutcome);
    return {};
  });
}

function ignoreOutcome(error: unknown): void {
  if (!(error instanceof ExpectedError)) throw error;
}
