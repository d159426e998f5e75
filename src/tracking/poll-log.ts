import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Polls } from "../job/poll-outcome.ts";
import { DatabaseDiskError, isDatabaseFailure } from "../store/database-error.ts";
import type { Poll } from "./poll-job.ts";

/** How many unknown status words are told apart. */
const MAX_WORDS = 100;

/** What the log is told of polls. */
export function createPollLog(log: BaseLogger) {
  const words = new Set<string>();
  let hasToldOfOthers = false;
  /** Where the database failed last: polls that bring no news need no row. */
  const failing = new Set<"polls" | "jobs">();

  return {
    /** Tells of an unknown word and of another account's jobs once, and of a job's failures the first. */
    note({ id: jobId }: Job, { failures }: Polls, { kind, error, word }: Poll): void {
      if (kind === "not-ours" && !hasToldOfOthers) {
        hasToldOfOthers = true;
        log.warn(
          { jobId },
          "RunComfy says that a job is another account's, so it is paused, as others of that account will be. Set RUNCOMFY_API_TOKEN to a token of that account to go on with them.",
        );
      }
      if (word !== undefined && !words.has(word) && words.size < MAX_WORDS) {
        words.add(word);
        log.warn(
          { jobId, word },
          "RunComfy used an unknown status word; jobs with it stay as they are.",
        );
      }
      if (error === undefined || failures > 0) return;
      const { code, message: reason } = error;
      log.warn({ jobId, code, reason }, "A poll failed; the job is polled again.");
    },
    /** Polls could not be claimed, or a job's not be made or written down. Of the database's failures it tells the first. */
    noteFailure(error: unknown, jobId?: string): void {
      // The store tells of it.
      if (error instanceof DatabaseDiskError) return;
      if (!isDatabaseFailure(error)) {
        log.error(
          { jobId, err: error },
          "A poll failed inside the gateway; the job is polled again. Please report this.",
        );
        return;
      }
      if (failing.size === 0) {
        log.error(
          { jobId, err: error },
          "Jobs can't be polled, because the database fails; the gateway goes on trying. Check that it runs and takes writes.",
        );
      }
      failing.add(jobId === undefined ? "polls" : "jobs");
    },
    /** Polls could be claimed, or what was seen be written down. */
    noteMade(where: "polls" | "jobs"): void {
      if (failing.delete(where) && failing.size === 0) {
        log.info({}, "Jobs are polled again: the database answers.");
      }
    },
  };
}
