import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { DatabaseDiskError, isDatabaseFailure } from "../store/database-error.ts";
import type { Look } from "./look-at-job.ts";

/** How many unknown status words are told apart. */
const MAX_WORDS = 100;

/** What the log is told of looks. */
export function createLookLog(log: BaseLogger) {
  const words = new Set<string>();
  let hasToldOfOthers = false;
  /** Where the database failed last: looks that bring no news need no row. */
  const failing = new Set<"looks" | "jobs">();

  return {
    /** Tells of an unknown word and of another account's jobs once, and of a job's failures the first. */
    tell({ id: jobId }: Job, { failures }: Looks, { kind, error, word }: Look): void {
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
      log.warn({ jobId, code, reason }, "A look failed; the job is looked at again.");
    },
    /** Looks could not be claimed, or a job's not be made or written down. Of the database's failures it tells the first. */
    tellFailure(error: unknown, jobId?: string): void {
      // The store tells of it.
      if (error instanceof DatabaseDiskError) return;
      if (!isDatabaseFailure(error)) {
        log.error(
          { jobId, err: error },
          "A look failed inside the gateway; the job is looked at again. Please report this.",
        );
        return;
      }
      if (failing.size === 0) {
        log.error(
          { jobId, err: error },
          "Jobs can't be looked at, because the database fails; the gateway goes on trying. Check that it runs and takes writes.",
        );
      }
      failing.add(jobId === undefined ? "looks" : "jobs");
    },
    /** Looks could be claimed, or what was seen be written down. */
    noteMade(where: "looks" | "jobs"): void {
      if (failing.delete(where) && failing.size === 0) {
        log.info({}, "Jobs are looked at again: the database answers.");
      }
    },
  };
}
