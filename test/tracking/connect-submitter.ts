import { pino } from "pino";

import type { Catalogue } from "../../src/deployments/catalogue.ts";
import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { createChannels } from "../../src/diagnostics/channels.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import type { UpstreamHealth } from "../../src/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { Queue } from "../../src/runtime/queue.ts";
import { createRecordObservation } from "../../src/tracking/record-observation.ts";
import type { Submitter } from "../../src/tracking/submit-job.ts";
import { createSubmitJob } from "../../src/tracking/submit-job.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const log = pino({ level: "silent" });

/** A submitter that sends at any health unless one is given. */
export function connectSubmitter(options: {
  readonly upstream: FaultyUpstream;
  readonly store: JobStore;
  readonly catalogue?: Catalogue;
  readonly health?: UpstreamHealth;
  readonly timeoutMs?: number;
  readonly submitsAtOnce?: number;
}): Submitter {
  const { upstream, store, timeoutMs = 10_000, submitsAtOnce = 100 } = options;
  const { catalogue = OPEN_CATALOGUE } = options;
  const { health = createHealth() } = options;
  const { url: baseUrl, token } = upstream;
  return createSubmitJob({
    store,
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs: timeoutMs, health, log }),
    health,
    record: createRecordObservation({ upstream: "sandbox", jobs: store.jobs, now: () => 0 }),
    follow: () => undefined,
    catalogue,
    inputQueue: new Queue({ perKey: 1 }),
    watchJob: watchJobsOf(store),
    apiVersion: "v1",
    submitTimeoutMs: timeoutMs,
    submitMarginMs: 5_000,
    submitsAtOnce,
    now: () => 0,
    monotonic: () => performance.now(),
    sleep: () => Promise.resolve(),
    channels: createChannels(),
    log,
  });
}
