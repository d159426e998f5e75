import type { Viewer } from "../../auth/viewer.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import type { Job } from "../../engine/job/job.ts";
import { isFinished } from "../../engine/job/job.ts";
import { isJsonObject, type JsonObject } from "../../engine/job/json.ts";
import { badUserInput, LimitError, toCountText } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { Counter } from "../../runtime/counter.ts";
import type { Release } from "../../runtime/semaphore.ts";
import type { Caller } from "../../engine/caller.ts";
import { watchJob } from "../../engine/use-cases/watch-jobs.ts";
import { waitForJob } from "../../engine/watch/watch-job.ts";
import { areFilesPending, FILES_PATIENCE_MS, readEstimate, toStateText } from "./job-content.ts";
import type { ToolCall } from "./tool.ts";

/** Held at once by a gateway, in all and for one owner: each has a connection and a watch. */
const MAX_WAITS = 1_000;
const MAX_OWN_WAITS = 100;
/** Of a message: what it is parsed to takes up to thirty times as much, and is held as long. */
const MAX_BYTES = 16_384;
const BETWEEN_NOTIFICATIONS_MS = 2_000;

/** The tool whose calls are held. */
export const WAIT_FOR_JOB = "wait_for_job";

export type Waits = ReturnType<typeof createWaits>;

/** Calls that are held until a job ends. */
export function createWaits({ refused }: Channels) {
  const held = new Counter();
  const stopping = new AbortController();

  return {
    /** How many calls are held. */
    count: () => held.total,
    /** Whether a message asks for a wait. */
    isOne: ({ method, params }: JsonObject): boolean =>
      method === "tools/call" && isJsonObject(params) && params["name"] === WAIT_FOR_JOB,
    /** Takes the slot of one whose message had so many bytes. Throws a `CodedError`. */
    enter({ ownerId }: Viewer, bytes: number): Release {
      if (bytes > MAX_BYTES) throw TOO_LARGE;
      const isOwn = held.count(ownerId) >= MAX_OWN_WAITS;
      if (!isOwn && held.total < MAX_WAITS) return held.add(ownerId);
      const limitName = "waits";
      refused.publish(limitName);
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
    async wait(id: string, seconds: number, { context, ...call }: ToolCall): Promise<Job | null> {
      const wanted = { isEstimateWanted: false, isRestWanted: true };
      const states = await watchJob(context, id, wanted);
      const end = () => states.end();
      using leaving = new DisposableStack();
      leaving.defer(end);
      const signal = AbortSignal.any([call.signal, stopping.signal]);
      signal.addEventListener("abort", end);
      leaving.defer(() => signal.removeEventListener("abort", end));
      if (signal.aborted) end();
      const notify = call.notify && createNotifier(context, call.notify);
      if (notify) leaving.defer(clock.repeat(() => void notify(), BETWEEN_NOTIFICATIONS_MS));
      let hasEnded = false;
      const isReady = async (job: Job): Promise<boolean> => {
        void notify?.(job);
        if (!isFinished(job)) return false;
        if (!hasEnded) leaving.defer(clock.setTimer(end, FILES_PATIENCE_MS));
        hasEnded = true;
        return !(await areFilesPending(job, context));
      };
      return await waitForJob(states, isReady, seconds * 1_000);
    },
    /** Ends every wait, also those that come later. */
    stop: () => stopping.abort(),
  };
}

const TOO_LARGE = badUserInput(
  `A call of ${WAIT_FOR_JOB} has at most ${MAX_BYTES / 1_024} KiB. Send the job's id, and little else.`,
);

/** Makes what notifies a client how far a job is, where it has moved: the numbers only ever grow. */
function createNotifier(
  context: Caller,
  notify: NonNullable<ToolCall["notify"]>,
): (job?: Job) => Promise<void> {
  let newest: Job | null = null;
  let reached = -1;
  return async (job) => {
    const state = (newest = job ?? newest);
    if (state === null) return;
    const estimate = await readEstimate(state, context);
    const begun = state.status === "IN_PROGRESS" ? 0.1 : 0;
    const progress = isFinished(state) ? 1 : (estimate?.progress ?? begun);
    if (newest !== state || progress <= reached) return;
    reached = progress;
    notify(progress, toStateText(state, estimate));
  };
}
