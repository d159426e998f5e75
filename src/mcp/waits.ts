import type { Viewer } from "../auth/viewer.ts";
import { readableOwner } from "../auth/viewer.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { isJsonObject, type JsonObject } from "../job/json.ts";
import { LimitError, toCountText } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import { Queue, type Release } from "../runtime/queue.ts";
import type { GatewayContext } from "../schema/context.ts";
import { waitForJob } from "../watch/watch-job.ts";
import { areFilesPending, FILES_PATIENCE_MS, toStateText } from "./job-content.ts";
import type { ToolCall } from "./tool.ts";

/** Held at once by a gateway, in all and for one owner: each has a connection and a watch. */
const MAX_WAITS = 1_000;
const MAX_OWN_WAITS = 100;
const BETWEEN_TELLINGS_MS = 2_000;

/** The tool whose calls are held. */
export const WAIT_FOR_JOB = "wait_for_job";

export type Waits = ReturnType<typeof createWaits>;

/** Calls that are held until a job ends. */
export function createWaits({ refused }: Channels) {
  const slots = new Queue({ perKey: MAX_OWN_WAITS, total: MAX_WAITS, sliceMs: Infinity });
  const stopping = new AbortController();

  return {
    /** How many calls are held. */
    count: () => slots.count(),
    /** Whether a message asks for a wait. */
    isOne: ({ method, params }: JsonObject): boolean =>
      method === "tools/call" && isJsonObject(params) && params["name"] === WAIT_FOR_JOB,
    /** Takes the slot of one. Throws a `LimitError`. */
    enter({ ownerId }: Viewer): Release {
      const release = slots.tryEnter(ownerId);
      if (release !== null) return release;
      const limitName = "waits";
      refused.publish(limitName);
      const isOwn = slots.count(ownerId) >= MAX_OWN_WAITS;
      const limit = isOwn ? MAX_OWN_WAITS : MAX_WAITS;
      throw new LimitError(
        `${isOwn ? "You hold" : "This service holds"} ${toCountText(limit, "waits")}, the most allowed at once. Call get_job in some seconds instead.`,
        { limitName, code: "QUOTA_EXCEEDED", retryAfterSeconds: 5, limit },
      );
    },
    /**
     * Resolves with the job once it has ended and its files have come, or five seconds later; or as it is when the time is
     * over, the caller leaves or the gateway stops; null if it could not be read by then.
     * Rejects with a `JobNotFoundError`.
     */
    async wait(id: string, seconds: number, call: ToolCall): Promise<Job | null> {
      const { context, tellProgress } = call;
      const { viewer, watchJob } = context;
      const wanted = { isEstimateWanted: false, isRestWanted: true };
      const states = watchJob(id, readableOwner(viewer), wanted);
      const end = () => states.end();
      const signal = AbortSignal.any([call.signal, stopping.signal]);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
      const teller = tellProgress && createTeller(context, tellProgress);
      /** Begins with its end. */
      const patience: (() => void)[] = [];
      const isReady = async (job: Job): Promise<boolean> => {
        teller?.tell(job);
        if (!isFinished(job)) return false;
        if (patience.length === 0) patience.push(clock.setTimer(end, FILES_PATIENCE_MS));
        // Each of its files that has come is a new version of the job.
        context.reads.clear();
        return !(await areFilesPending(job, context));
      };
      try {
        return await waitForJob(states, isReady, seconds * 1_000);
      } finally {
        teller?.stop();
        for (const stop of patience) stop();
        signal.removeEventListener("abort", end);
        end();
      }
    },
    /** Ends every wait, also those that come later. */
    stop: () => stopping.abort(),
  };
}

/** Tells how far a job is at each change and every two seconds, where it has moved: what is told only ever grows. */
function createTeller(
  { reads }: GatewayContext,
  tellProgress: NonNullable<ToolCall["tellProgress"]>,
) {
  let newest: Job | null = null;
  let told = -1;

  async function tell(job: Job): Promise<void> {
    newest = job;
    // While the database is away, the next time makes up for it.
    const estimate = await reads.estimate(job).catch(() => null);
    const progress = isFinished(job) ? 1 : (estimate?.progress ?? STEPS[job.status]);
    if (newest !== job || progress <= told) return;
    told = progress;
    tellProgress(progress, toStateText(job, estimate, clock.now()));
  }

  const stop = clock.repeat(() => void (newest && tell(newest)), BETWEEN_TELLINGS_MS);
  return { tell: (job: Job) => void tell(job), stop };
}

/** Where there is no estimate. */
const STEPS: Readonly<Record<Job["status"], number>> = {
  SUBMITTING: 0,
  IN_QUEUE: 0.05,
  IN_PROGRESS: 0.1,
  SUCCEEDED: 1,
  FAILED: 1,
  CANCELLED: 1,
};
