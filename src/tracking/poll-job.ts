import { inferenceFailed } from "../job/errors.ts";
import type { PollOutcome } from "../job/poll-outcome.ts";
import type {
  RequestReference,
  ResultReport,
  RunComfy,
  StatusReport,
} from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { attempt } from "./upstream-failure.ts";

/** One poll: its outcome, and what the log may say of it. */
export type Poll = PollOutcome & {
  /** Why it told nothing. */
  readonly error?: RunComfyError;
  /** The upstream's word, when the gateway does not know it. */
  readonly word?: string;
};

/**
 * Asks the upstream for a job's status, and for its result once it ended: a success needs its output, a failure its reason.
 * Both calls together take `mostMs` at most. Rejects only when `signal` aborts it.
 */
export async function pollJob(
  runcomfy: Pick<RunComfy, "readStatus" | "readResult">,
  job: RequestReference,
  options: {
    readonly signal: AbortSignal;
    readonly mostMs: number;
    readonly monotonic: () => number;
  },
): Promise<Poll> {
  const { signal, mostMs, monotonic } = options;
  const until = monotonic() + mostMs;
  const status = await attempt(() => runcomfy.readStatus(job, { signal, timeoutMs: mostMs }));
  if (status instanceof RunComfyError) {
    if (status.isAnothers) return { kind: "not-ours" };
    if (status.code === "NOT_FOUND") return { kind: "not-found", error: status };
    return { kind: "failed", isUnreadable: status.code === "INVALID_RESPONSE", error: status };
  }
  switch (status.state) {
    case "queued":
      return seen({ kind: "queued", queuePosition: status.queuePosition });
    case "running":
      return seen({ kind: "running" });
    case "cancelled":
      return seen({ kind: "cancelled", finishedAt: null });
    case "unknown":
      return { kind: "unknown-word", word: status.word };
    case "finished":
    case "succeeded":
    case "failed":
      return await pollResult(status, () =>
        runcomfy.readResult(job, { signal, timeoutMs: until - monotonic() }),
      );
  }
}

async function pollResult(
  status: StatusReport,
  readResult: () => Promise<ResultReport>,
): Promise<Poll> {
  const succeeded = status.state === "finished" ? null : status.state === "succeeded";
  const result = await attempt(readResult);
  if (!(result instanceof RunComfyError)) return fromResult(result, succeeded);
  // For a success only an unreadable answer uses up patience; an outage or a token being renewed must not.
  const isUnreadable = result.code === "INVALID_RESPONSE" || result.code === "NOT_FOUND";
  if (succeeded === false || isUnreadable) return { kind: "unread", succeeded, error: result };
  return { kind: "failed", error: result };
}

function fromResult(result: ResultReport, succeeded: boolean | null): Poll {
  switch (result.kind) {
    case "succeeded":
      return seen({ kind: "succeeded", output: result.output, finishedAt: result.finishedAt });
    case "failed":
      return seen({
        kind: "failed",
        error: inferenceFailed(result.reason),
        finishedAt: result.finishedAt,
      });
    case "cancelled":
      return seen({ kind: "cancelled", finishedAt: result.finishedAt });
    case "unfinished":
      return { kind: "unread", succeeded };
  }
}

function seen(observation: (PollOutcome & { kind: "seen" })["observation"]): Poll {
  return { kind: "seen", observation };
}
