import type { CallToolResult, Server, ServerContext } from "@modelcontextprotocol/server";
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
} from "@modelcontextprotocol/server";
import { z } from "zod";

import { JobNotCancellableError, JobNotFoundError, UpstreamError } from "../job/errors.ts";
import type { Estimate } from "../job/estimate.ts";
import { isFinished, type Job } from "../job/job.ts";
import { clock } from "../runtime/environment.ts";
import { cancelJob } from "../schema/cancel-and-delete.ts";
import type { GatewayContext } from "../schema/context.ts";
import type { ReadThumbnail } from "./job-content.ts";
import { areFilesPending, FILES_PATIENCE_MS, toJobResult, toStateText } from "./job-content.ts";
import { findJob } from "./job-tools.ts";

/** The extension that the protocol's tasks are. */
export const TASKS = "io.modelcontextprotocol/tasks";

const MIN_POLL_MS = 1_000;
const MAX_POLL_MS = 5_000;

type Task = {
  readonly taskId: string;
  readonly status: "working" | "completed" | "cancelled";
  readonly statusMessage: string;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  readonly ttlMs: null;
  readonly pollIntervalMs: number;
};

/** Whether the client that sent a request takes tasks. */
export function takesTasks({ mcpReq: { envelope } }: ServerContext): boolean {
  const declared: ReadonlyMap<string, unknown> = new Map(Object.entries(envelope ?? {}));
  const { extensions }: { readonly extensions?: unknown } = Object(
    declared.get(CLIENT_CAPABILITIES_META_KEY),
  );
  return Object.hasOwn(Object(extensions), TASKS);
}

/** A task is a job under another name: its state is the row's, so that any gateway answers for it, after any restart. */
export async function toTask(job: Job, context: GatewayContext): Promise<Task> {
  // While the database is away there is none, and a job that was just paid for is a task all the same.
  const estimate = await context.reads.estimate(job).catch(() => null);
  const isHeld = await awaitsFiles(job, context);
  return {
    taskId: job.id,
    status: isHeld ? "working" : toTaskStatus(job),
    statusMessage: isHeld ? "Fetching its files" : toStateText(job, estimate, clock.now()),
    createdAt: job.createdAt.toISOString(),
    lastUpdatedAt: job.updatedAt.toISOString(),
    ttlMs: null,
    pollIntervalMs: toPollMs(estimate),
  };
}

/** Whether it is not told as completed yet: its one result would have no pictures. */
async function awaitsFiles(job: Job, context: GatewayContext): Promise<boolean> {
  // Each file that comes is news of the job.
  if (clock.now() - job.updatedAt.getTime() >= FILES_PATIENCE_MS) return false;
  return await areFilesPending(job, context).catch(() => false);
}

/** The result of a task: what the tool would have answered with if the job had ended at once. */
async function toTaskResult(
  job: Job,
  context: GatewayContext,
  readThumbnail: ReadThumbnail,
): Promise<CallToolResult> {
  const result = await toJobResult(job, context, { readThumbnail });
  return job.status === "FAILED" ? { ...result, isError: true } : result;
}

/** A tool's own failure completes a task: only the protocol's fail one. */
function toTaskStatus({ status }: Job): Task["status"] {
  if (status === "CANCELLED") return "cancelled";
  return status === "SUCCEEDED" || status === "FAILED" ? "completed" : "working";
}

/** A few polls for the time that is left. */
function toPollMs(estimate: Estimate | null): number {
  const leftMs = estimate === null ? 2 * MIN_POLL_MS : (estimate.finishesAt - clock.now()) / 4;
  return Math.round(Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, leftMs)));
}

/** Answers for tasks; `guard` turns what fails into an error of the protocol. */
export function serveTasks(
  server: Server,
  {
    context,
    readThumbnail,
    guard,
  }: {
    readonly context: GatewayContext;
    readonly readThumbnail: ReadThumbnail;
    readonly guard: <Value>(act: () => Promise<Value>) => Promise<Value>;
  },
): void {
  const serve = (method: string, answer: (id: string) => Promise<object>): void =>
    server.setRequestHandler(method, { params: PARAMS }, async ({ taskId }, about) =>
      guard(async () => {
        if (!takesTasks(about))
          throw new MissingRequiredClientCapabilityError({
            requiredCapabilities: { extensions: { [TASKS]: {} } },
          });
        return { ...(await answer(taskId).catch(toTaskError)) };
      }),
    );
  const { scopes } = context.viewer;

  serve("tasks/get", async (taskId) => {
    const job = await findJob(taskId, context);
    const task = await toTask(job, context);
    if (task.status !== "completed") return task;
    return { ...task, result: await toTaskResult(job, context, readThumbnail) };
  });
  // No job asks anything of its client.
  serve("tasks/update", async (taskId) => {
    await findJob(taskId, context);
    return {};
  });
  serve("tasks/cancel", async (taskId) => {
    if (!scopes.has("jobs:cancel"))
      throw refused("Your key lacks the scope jobs:cancel. Use one that has it.");
    const job = await findJob(taskId, context);
    // It says what is wished, and the task's state says what came of it.
    if (!isFinished(job)) await cancelJob(taskId, context).catch(ignoreOutcome);
    return {};
  });
}

const PARAMS = z.looseObject({ taskId: z.string() });

function ignoreOutcome(error: unknown): void {
  if (!(error instanceof JobNotCancellableError || error instanceof UpstreamError)) throw error;
}

function toTaskError(error: unknown): never {
  throw error instanceof JobNotFoundError ? refused(error.message) : error;
}

function refused(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
