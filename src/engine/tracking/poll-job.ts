import type { BaseLogger } from "pino";

import { inferenceFailed } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import type { PollOutcome, Polls } from "../job/polls.ts";
import type { RunComfy } from "../runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { RequestReference } from "../runcomfy/adapter.ts";
import type { ResultReport, StatusReport } from "../runcomfy/wire.ts";
import { DatabaseDiskError, isDatabaseFailure } from "../store/database-error.ts";

/** One poll: its outcome, and what the log may say of it. */
export type Poll = PollOutcome & {
  /** Why it learned nothing. */
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
  { signal, mostMs }: { readonly signal: AbortSignal; readonly mostMs: number },
): Promise<Poll> {
  const until = clock.monotonic() + mostMs;
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
        runcomfy.readResult(job, { signal, timeoutMs: until - clock.monotonic() }),
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
  if (succeeded === false || isUnreadable)
    return { kind: "unread", succeeded, isRefused: result.isRefused, error: result };
  return { kind: "failed", error: result };
}

function fromResult(result: ResultReport, succeeded: boolean | null): Poll {
  switch (result.kind) {
    case "succeeded":
      return seen(result);
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

/** What a call resolves with, or how the upstream failed it; rejects with what is no failure of the upstream. */
export async function attempt<T>(call: () => Promise<T>): Promise<T | RunComfyError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RunComfyError) return error;
    throw error;
  }
}

function seen(observation: (PollOutcome & { kind: "seen" })["observation"]): Poll {
  return { kind: "seen", observation };
}

/** How many unknown status words are counted apart. */
const MAX_WORDS = 100;

/** Logs what happens to polls. */
export class PollLog {
  readonly #log: BaseLogger;
  readonly #words = new Set<string>();
  #hasNotedOthers = false;
  /** Where the database failed last: polls that bring no news need no row. */
  readonly #failing = new Set<"polls" | "jobs">();

  constructor(log: BaseLogger) {
    this.#log = log;
  }

  /** Logs each unknown word once, other accounts' jobs once, and the first failure of each job. */
  note({ id: jobId }: Job, { failures }: Polls, { kind, error, word }: Poll): void {
    if (kind === "not-ours" && !this.#hasNotedOthers) {
      this.#hasNotedOthers = true;
      this.#log.warn(
        { jobId },
        "RunComfy says that a job is another account's, so it is paused, as others of that account will be. Set RUNCOMFY_API_TOKEN to a token of that account to go on with them.",
      );
    }
    if (word !== undefined && !this.#words.has(word) && this.#words.size < MAX_WORDS) {
      this.#words.add(word);
      this.#log.warn(
        { jobId, word },
        "RunComfy used an unknown status word; jobs with it stay as they are.",
      );
    }
    if (error === undefined || failures > 0) return;
    const { code, message: reason } = error;
    this.#log.warn({ jobId, code, reason }, "A poll failed; the job is polled again.");
  }

  /** Polls could not be claimed, or a job's could not be made or stored. Logs only the database's first failure. */
  noteFailure(error: unknown, jobId?: string): void {
    // The store logs what is wrong with a disk.
    if (error instanceof DatabaseDiskError) return;
    if (!isDatabaseFailure(error)) {
      this.#log.error(
        { jobId, err: error },
        "A poll failed inside the gateway; the job is polled again. Please report this.",
      );
      return;
    }
    if (this.#failing.size === 0) {
      this.#log.error(
        { jobId, err: error },
        "Jobs can't be polled, because the database fails; the gateway goes on trying. Check that it runs and takes writes.",
      );
    }
    this.#failing.add(jobId === undefined ? "polls" : "jobs");
  }

  /** Polls could be claimed, or a result stored. */
  noteMade(where: "polls" | "jobs"): void {
    if (this.#failing.delete(where) && this.#failing.size === 0)
      this.#log.info({}, "Jobs are polled again: the database answers.");
  }
}
