import { pino } from "pino";

import type { JobStore } from "../../src/engine/store/job-store.ts";
import { createJobReader } from "../../src/engine/watch/shared-readers.ts";
import type { WatchJob } from "../../src/engine/watch/watch-job.ts";
import { createJobWatch } from "../../src/engine/watch/watch-job.ts";

/** What watches the jobs of a store as a gateway does, without estimates. */
export function watchJobsOf({ feed, jobs }: JobStore): WatchJob {
  const readJob = createJobReader(jobs, pino({ level: "silent" }));
  return createJobWatch({ feed, readJob, estimate: async () => null });
}
