import { pino } from "pino";

import type { JobStore } from "../../src/store/job-store.ts";
import { createJobReader } from "../../src/watch/shared-readers.ts";
import type { WatchJob } from "../../src/watch/watch-job.ts";
import { createJobWatch } from "../../src/watch/watch-job.ts";

/** What watches the jobs of a store as a gateway does, without estimates. */
export function watchJobsOf({ feed, jobs }: JobStore): WatchJob {
  const readJob = createJobReader(jobs, pino({ level: "silent" }));
  return createJobWatch({ feed, readJob, estimate: async () => null });
}
