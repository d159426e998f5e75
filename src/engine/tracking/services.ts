import type { BaseLogger } from "pino";

import type { Admission } from "../store/admission.ts";
import type { Catalogue } from "../deployments/catalogue.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { LiveDeployments } from "../runcomfy/live-deployments.ts";
import type { RunComfy } from "../runcomfy/create-runcomfy.ts";
import type { sleepFor } from "../../runtime/loop.ts";
import type { JobStore } from "../store/job-store.ts";
import type { WatchJob } from "../watch/watch-job.ts";
import type { RecordObservation } from "./record-observation.ts";
import type { UploadsOfInputs } from "./submission.ts";

/** What tracking works with. */
export type Services = {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly health: UpstreamHealth;
  readonly catalogue: Catalogue;
  /** What RunComfy lists beside it. */
  readonly live: Pick<LiveDeployments, "findKind">;
  readonly watchJob: WatchJob;
  readonly uploads: UploadsOfInputs;
  readonly admission: Admission;
  readonly record: RecordObservation;
  /** Whether `seed: -1` is sent as a number that is drawn here. */
  readonly drawsSeeds: boolean;
  readonly apiVersion: string;
  /** Where RunComfy says that a job has ended; null where it is not asked to. */
  readonly toUpstreamWebhookUrl: ((jobId: string) => string) | null;
  readonly deadlineSeconds: number;
  readonly submitTimeoutMs: number;
  /** How much longer than the POST's time-out a SUBMITTING row is this gateway's. */
  readonly submitMarginMs: number;
  /** How many POSTs may be under way. */
  readonly submitsAtOnce: number;
  readonly pollsAtOnce: number;
  readonly channels: Channels;
  readonly log: BaseLogger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly sleep: typeof sleepFor;
};
