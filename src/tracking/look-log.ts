import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { Look } from "./look-at-job.ts";

/** Tells the log of a look that told nothing: of each unknown word once, of a job's failures the first in a row. */
export type LookLog = (job: Job, pastLooks: Looks, look: Look) => void;

/** How many unknown status words are told apart. */
const MOST_WORDS = 100;

export function createLookLog(log: BaseLogger): LookLog {
  const words = new Set<string>();
  return (job, { failures }, { error, word }) => {
    if (word !== undefined && !words.has(word) && words.size < MOST_WORDS) {
      words.add(word);
      log.warn(
        { jobId: job.id, word },
        "RunComfy used an unknown status word; jobs with it stay as they are.",
      );
    }
    if (error === undefined || failures > 0) return;
    if (error instanceof RunComfyError) {
      log.warn(
        { jobId: job.id, code: error.code, reason: error.message },
        "A look failed; the job is looked at again.",
      );
    } else {
      log.error(
        { jobId: job.id, err: error },
        "A look failed inside the gateway; the job is looked at again until its deadline. Please report this.",
      );
    }
  };
}
