import { pino } from "pino";

import type { Channels } from "../src/diagnostics/channels.ts";
import { createChannels } from "../src/diagnostics/channels.ts";
import { createJob } from "../src/job/job.ts";
import type { Times } from "../src/job/run-times.ts";
import type { Job } from "../src/job/job.ts";
import type { RunComfy } from "../src/runcomfy/create-runcomfy.ts";
import { openStore } from "../src/store/open-store.ts";
import { OPEN_CATALOGUE } from "../src/deployments/catalogue.ts";
import { createLearning } from "../src/tracking/learning.ts";
import { Poller } from "../src/tracking/poller.ts";
import { createRecordObservation } from "../src/tracking/record-observation.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";

/** A poller with a store and what it learns, of which nobody is told, in front of an upstream in this process. */
export async function openPollerAlone(options: {
  readonly databaseUrl: string;
  readonly upstream: Pick<RunComfy, "readStatus" | "readResult">;
  /** Milliseconds until the next poll. */
  readonly schedule: (job: Job, times: Times, nowMs: number) => number;
  /** Hears of each job that ended. */
  readonly onEnd?: (requestId: string) => void;
  readonly channels?: Channels;
  readonly now?: () => number;
  readonly monotonic?: () => number;
}) {
  const { databaseUrl, upstream, schedule, onEnd, channels = createChannels() } = options;
  const { now = Date.now, monotonic = () => performance.now() } = options;
  const log = pino({ level: "silent" });
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl,
    log,
    monotonic,
    channels,
  });
  const record = createRecordObservation({
    upstream: "sandbox",
    jobs: store.jobs,
    catalogue: OPEN_CATALOGUE,
    now,
    log,
  });
  const learning = createLearning({
    upstream: store.upstream,
    readRuns: store.readRuns,
    countHints: () => 0,
    now,
    monotonic,
  });
  const poller = new Poller({
    store,
    runcomfy: upstream,
    health: { pollDelayMs: () => 0, failingDeployments: () => [], isOutage: () => false },
    async record(...change) {
      const job = await record(...change);
      if (job?.requestId != null && job.finishedAt !== null) onEnd?.(job.requestId);
      return job;
    },
    schedule: async (job, nowMs) =>
      schedule(job, await learning.readTimes(job.deploymentId), nowMs),
    onEnd: async () => undefined,
    pollsAtOnce: 256,
    deadlineSeconds: 86_400,
    now,
    monotonic,
    random: Math.random,
    channels,
    log,
  });

  return {
    poller,
    /** Adds an accepted job. */
    async add(requestId: string): Promise<void> {
      const facts = { ownerId: "local", deploymentId: DEPLOYMENT_ID, apiVersion: "v1" };
      const job = createJob({ kind: "lora", upstream: "sandbox", ...facts, now: new Date(now()) });
      await store.jobs.insert({ job, input: {}, key: null });
      await record(job.id, { kind: "accepted", requestId }, job);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await poller.close();
      await store.close();
    },
  };
}
