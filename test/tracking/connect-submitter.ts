import { pino } from "pino";
import { onTestFinished } from "vitest";

import { type Admission, createAdmissions } from "../../src/engine/store/admission.ts";
import type { Authenticator } from "../../src/auth/authenticator.ts";
import type { Catalogue } from "../../src/engine/deployments/catalogue.ts";
import { OPEN_CATALOGUE } from "../../src/engine/deployments/catalogue.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { createRunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { createRecordObservation } from "../../src/engine/tracking/record-observation.ts";
import { JobSender } from "../../src/engine/tracking/send-job.ts";
import { Submitter } from "../../src/engine/tracking/submit-job.ts";
import type { Tracking } from "../../src/engine/tracking/tracking.ts";
import { createTracking } from "../../src/engine/tracking/tracking.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { NO_FILES } from "../support/no-files.ts";
import { NOTHING_LISTED, TRACKING_SETTINGS } from "../support/tracking-settings.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import { PART_TABLES } from "../support/part-tables.ts";

const silent = pino({ level: "silent" });

type Ends = {
  readonly upstream: Pick<FaultyUpstream, "url" | "token">;
  readonly store: JobStore;
};

/** A RunComfy, and a store in memory, until the test has finished. */
export async function openUpstreamAndStore(
  options: Partial<Parameters<typeof openStore>[0]> = {},
): Promise<{ readonly upstream: FaultyUpstream; readonly store: JobStore }> {
  const upstream = await startFaultyUpstream();
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: ":memory:",
    parts: PART_TABLES,
    log: silent,
    ...options,
  });
  onTestFinished(async () => {
    await upstream.close();
    await store.close();
  });
  return { upstream, store };
}

/** What a call ends with, which nobody else sees. */
export async function endOf(call: Promise<unknown>): Promise<unknown> {
  return await call.catch((error: unknown) => error);
}

/** How many jobs of the day and submits of the minute of `mine` are counted, with one more of each. */
export async function readCounts({ quotas }: JobStore): Promise<number[]> {
  const counts = [await quotas.count("jobs", "mine"), await quotas.count("submits", "mine")];
  return counts.map(({ count }) => count - 1);
}

export function recordOf({ jobs }: JobStore, now = () => 0) {
  return createRecordObservation({
    ...{ upstream: "sandbox", jobs, catalogue: OPEN_CATALOGUE, now },
    log: silent,
  });
}

/** A submitter that sends at any health unless one is given. */
export function connectSubmitter({
  upstream: { url: baseUrl, token },
  store,
  timeoutMs: submitTimeoutMs = 10_000,
  poller = { wakeIn: () => undefined },
  ...overrides
}: Ends & { readonly timeoutMs?: number } & Partial<
    ConstructorParameters<typeof Submitter>[0] &
      Pick<ConstructorParameters<typeof JobSender>[0], "poller">
  >): Submitter {
  const { health = createHealth(), log = silent } = overrides;
  const given = {
    ...{ store, health, log, submitTimeoutMs },
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs, health, log }),
    record: recordOf(store),
    catalogue: OPEN_CATALOGUE,
    live: NOTHING_LISTED,
    watchJob: watchJobsOf(store),
    uploads: NO_FILES.uploads,
    admission: createAdmissions([]),
    drawsSeeds: true,
    apiVersion: "v1",
    toUpstreamWebhookUrl: null,
    submitMarginMs: 5_000,
    submitsAtOnce: 100,
    now: () => 0,
    monotonic: () => performance.now(),
    sleep: async () => undefined,
    channels: createChannels(),
    onReady: () => undefined,
    ...overrides,
  };
  return new Submitter({ ...given, sender: new JobSender({ ...given, poller }) });
}

/** All of tracking; `close` comes before the store's and the upstream's. */
export function connectTracking({
  upstream: { url: baseUrl, token },
  store,
  submitTimeoutSeconds,
  catalogue = OPEN_CATALOGUE,
  isRevoked = async () => false,
  submitsAtOnce = TRACKING_SETTINGS.submitsAtOnce,
  admission = createAdmissions([]),
}: Ends & {
  readonly submitTimeoutSeconds: number;
  readonly catalogue?: Catalogue;
  readonly admission?: Admission;
  readonly isRevoked?: Authenticator["isRevoked"];
  readonly submitsAtOnce?: number;
}): Tracking {
  const health = createHealth({ now: () => performance.now() });
  const submitTimeoutMs = submitTimeoutSeconds * 1_000;
  return createTracking({
    ...TRACKING_SETTINGS,
    ...{ store, health, catalogue, live: NOTHING_LISTED, log: silent, submitTimeoutSeconds },
    ...{ isRevoked, submitsAtOnce },
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs, health, log: silent }),
    uploads: NO_FILES.uploads,
    admission,
    channels: createChannels(),
  });
}
