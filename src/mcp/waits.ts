import type { Viewer } from "../auth/viewer.ts";
import { readableOwner } from "../auth/viewer.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { LimitError, toCountText } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import { Queue, type Release } from "../runtime/queue.ts";
import type { Stream } from "../runtime/stream.ts";
import type { GatewayContext } from "../schema/context.ts";
import { areFilesPending, toStateText } from "./job-content.ts";
import type { ToolCall } from "./tool.ts";

/** Held at once by a gateway, in all and for one owner: each has a connection and a watch. */
const MAX_WAITS = 1_000;
const MAX_OWN_WAITS = 100;
const BETWEEN_TELLINGS_MS = 2_000;
/** How long a job that has ended is held for the copies of its files, without which there are no pictures of it. */
const FILES_PATIENCE_MS = 5_000;
const BETWEEN_LOOKS_MS = 250;

export type Waits = ReturnType<typeof createWaits>;

/** Calls that are held until a job ends. */
export function createWaits({ refused }: Channels) {
  const slots = new Queue({ perKey: MAX_OWN_WAITS, total: MAX_WAITS, sliceMs: Infinity });
  const stopping = new AbortController();

  /** Takes a slot. Throws a `LimitError`. */
  function enter({ ownerId }: Viewer): Release {
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
  }

  return {
    enter,
    /**
     * Resolves with the job once it has ended, or as it is when the time is over, the caller leaves or the gateway stops.
     * Rejects with a `JobNotFoundError`, or with a `LimitError` where too many wait.
     */
    async wait(id: string, seconds: number, call: ToolCall): Promise<Job | null> {
      const { context, tellProgress } = call;
      const { viewer, watchJob } = context;
      const release = enter(viewer);
      const signal = AbortSignal.any([call.signal, stopping.signal]);
      const states = watchJob(id, readableOwner(viewer), { isEstimateWanted: false });
      const end = () => states.end();
      const stopTimer = clock.setTimer(end, seconds * 1_000);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
      const teller = tellProgress && createTeller(context, tellProgress);
      try {
        const newest = await readLast(states, (job) => teller?.tell(job));
        if (newest !== null) await awaitFiles(newest, context, signal);
        return newest;
      } finally {
        teller?.stop();
        stopTimer();
        signal.removeEventListener("abort", end);
        end();
        release();
      }
    },
    /** Ends every wait, also those that come later. */
    stop: () => stopping.abort(),
  };
}

async function readLast(states: Stream<Job>, hear: (job: Job) => void): Promise<Job | null> {
  let newest: Job | null = null;
  for await (newest of states) {
    hear(newest);
    if (isFinished(newest)) break;
  }
  return newest;
}

async function awaitFiles(job: Job, context: GatewayContext, signal: AbortSignal): Promise<void> {
  const until = clock.monotonic() + FILES_PATIENCE_MS;
  while (!signal.aborted && clock.monotonic() < until && (await areFilesPending(job, context))) {
    await clock.sleep(BETWEEN_LOOKS_MS, { signal }).catch(() => undefined);
    context.reads.clear();
  }
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
