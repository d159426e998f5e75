import { pino } from "pino";

import { createAdmissions } from "../../src/engine/store/admission.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { NOT_KEPT } from "../../src/engine/job/asset.ts";
import { createRunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { startOutageProbe, UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { chance, clock } from "../../src/runtime/environment.ts";
import { startLoop } from "../../src/runtime/loop.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { createTracking } from "../../src/engine/tracking/tracking.ts";
import { createFeedReader } from "../../src/engine/watch/shared-readers.ts";
import { createFeedWatch } from "../../src/engine/watch/watch-jobs.ts";
import type { OpenStore } from "./database.ts";
import { CATALOGUE } from "./deployments.ts";
import type { HeldJobs } from "./held-jobs.ts";
import type { PartOfSimulation } from "./simulated-part.ts";
import { SUBMITS_AT_ONCE, type Upstream } from "./upstream.ts";
import type { SimulatedProcess } from "./world.ts";

export type Gateway = Awaited<ReturnType<typeof startGateway>>;

export const SUBMIT_TIMEOUT_SECONDS = 10;
const SUBMIT_MARGIN_SECONDS = 5;
const DEADLINE_SECONDS = 3_600;

/** Made at some time after it was asked for; a later one has a higher token. */
export type Claim = {
  readonly jobId: string;
  readonly by: SimulatedProcess;
  readonly token: number;
  readonly askedAtMs: number;
};

/** What follows jobs in a gateway, as `src/engine/open-engine.ts` makes it; of a process, against an upstream. */
export async function startGateway(options: {
  readonly process: SimulatedProcess;
  readonly openStore: OpenStore;
  readonly upstream: Upstream;
  readonly parts: readonly PartOfSimulation[];
  /** Gives up the files of outputs. */
  readonly keepsOutputs: boolean;
  /** Notified of what a gateway must never have to say. */
  readonly onBug: (line: string) => void;
  /** Notified of each claim, and that it is no longer held. */
  readonly onClaim: (claim: Claim) => void;
  readonly onPutBack: (jobId: string) => void;
  readonly heldJobs: Pick<HeldJobs, "noteClaim" | "noteListed" | "putBack">;
}) {
  const { process, openStore, upstream, parts, keepsOutputs, onBug } = options;
  const log = createLog(onBug);
  const channels = createChannels();
  const opened = await openStore({ process, upstream: upstream.name, channels, log });
  const store: JobStore = {
    ...opened,
    jobs: {
      ...opened.jobs,
      async insert(row) {
        const isInserted = await opened.jobs.insert(row);
        if (process.afterInsertMs > 0) {
          process.freeze(process.afterInsertMs);
          process.afterInsertMs = 0;
          await process.wait(0);
        }
        return isInserted;
      },
    },
    polls: watchClaims(opened.polls, options),
    holds: watchHolds(opened.holds, options),
    pausedDeployments: {
      ...opened.pausedDeployments,
      async listPaused() {
        const paused = await opened.pausedDeployments.listPaused();
        await options.heldJobs.noteListed(process);
        return paused;
      },
    },
  };
  const health = new UpstreamHealth({
    now: clock.monotonic,
    random: chance.random,
    log,
    longestBackOffMs: 15_000,
  });
  const runcomfy = createRunComfy({
    baseUrl: upstream.baseUrl,
    modelUrl: upstream.modelUrl,
    token: "none",
    submitTimeoutMs: SUBMIT_TIMEOUT_SECONDS * 1_000,
    health,
    channels,
    log,
    fetch: upstream.connect(process),
  });
  const probe = startOutageProbe({ health, runcomfy });
  const tracking = createTracking({
    store,
    runcomfy,
    health,
    catalogue: CATALOGUE,
    live: { findKind: async () => null },
    uploads: { check: async () => [], toSent: async (input) => input },
    admission: createAdmissions(parts.flatMap((part) => part.admission?.({ store, log }) ?? [])),
    channels,
    ...(keepsOutputs && { onKeep: () => undefined }),
    drawsSeeds: true,
    apiVersion: "v1",
    toUpstreamWebhookUrl: null,
    deadlineSeconds: DEADLINE_SECONDS,
    submitTimeoutSeconds: SUBMIT_TIMEOUT_SECONDS,
    submitMarginSeconds: SUBMIT_MARGIN_SECONDS,
    submitsAtOnce: SUBMITS_AT_ONCE,
    pollsAtOnce: 10,
    pollCostSeconds: 1,
    isRevoked: async () => false,
    log,
  });
  await tracking.start();
  const keeper = keepsOutputs ? startKeeper(store) : null;
  const started = parts.map((part) => part.start({ process, store, log }));
  const feed = createFeedReader({ feed: store.feed, log });
  return {
    process,
    upstream,
    store,
    tracking,
    watchJob: tracking.watchJob,
    watchJobs: createFeedWatch({ subscribe: store.feed.subscribe, feed }),
    async close(): Promise<void> {
      await tracking.close();
      await keeper?.close();
      for (const part of started) await part.close();
      await probe.close();
      await store.close();
    },
  };
}

/** In place of what copies files: each is given up some time after its job has ended. */
function startKeeper({ files }: JobStore) {
  const loop = startLoop({
    async act() {
      const { files: due } = await files.claimDue({ limit: 2, claimMs: 20_000 });
      for (const file of due) {
        await clock.sleep(chance.random() * 2_000, loop);
        await files.settle(file, { ...NOT_KEPT, state: "FAILED", reason: "Nothing is copied." });
      }
      return 1_000;
    },
    retryMs: 1_000,
    onFailure: () => undefined,
  });
  return loop;
}

function watchClaims(
  polls: JobStore["polls"],
  {
    process,
    onClaim,
    onPutBack,
  }: Pick<Parameters<typeof startGateway>[0], "process" | "onClaim" | "onPutBack">,
): JobStore["polls"] {
  return {
    ...polls,
    async claimDue(options) {
      const askedAtMs = process.world.nowMs;
      const claimed = await polls.claimDue(options);
      for (const { job, token } of claimed.polls)
        onClaim({ jobId: job.id, by: process, token, askedAtMs });
      return claimed;
    },
    async putBack(ended) {
      for (const { jobId } of ended) onPutBack(jobId);
      return await polls.putBack(ended);
    },
  };
}

function watchHolds(
  holds: JobStore["holds"],
  { process, heldJobs }: Pick<Parameters<typeof startGateway>[0], "process" | "heldJobs">,
): JobStore["holds"] {
  return {
    ...holds,
    async claim(...options) {
      const claimed = await holds.claim(...options);
      if (claimed.kind === "claimed") heldJobs.noteClaim(claimed.job.id);
      return claimed;
    },
    putBack: (job, delayMs) => heldJobs.putBack(job.id, process, () => holds.putBack(job, delayMs)),
  };
}

/** Says nothing, but for what asks to be reported. */
function createLog(onBug: (line: string) => void) {
  return pino(
    { level: "error", base: null, timestamp: false },
    { write: (line: string) => void (line.includes("report this") && onBug(line)) },
  );
}
