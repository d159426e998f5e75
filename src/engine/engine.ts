import type { Logger } from "pino";

import type { Viewer } from "../auth/viewer.ts";
import type { Config } from "../config/load-config.ts";
import type { Catalogue } from "./deployments/catalogue.ts";
import type { Channels } from "./diagnostics/channels.ts";
import type { SignedUrls } from "./files/signed-urls.ts";
import type { Keeper } from "./files/keep-outputs.ts";
import type { openFiles } from "./files/open-files.ts";
import type { UploadService } from "./files/uploads.ts";
import type { Job } from "./job/job.ts";
import type { RunComfy } from "./runcomfy/create-runcomfy.ts";
import type { LiveDeployments } from "./runcomfy/live-deployments.ts";
import type { UpstreamHealth } from "./runcomfy/upstream-health.ts";
import type { JobStore } from "./store/job-store.ts";
import type { AlsoWrite } from "./store/admission.ts";
import type { Learning } from "./tracking/learning.ts";
import type { Tracking } from "./tracking/tracking.ts";
import type { EndWaits, WatchJob } from "./watch/watch-job.ts";
import type { WatchJobs } from "./watch/watch-jobs.ts";
import type { ReadSources } from "./reads/reads.ts";

/** What runs jobs and follows them, as parts see it. */
export type Engine = Services & {
  readonly config: Config;
  readonly files: Awaited<ReturnType<typeof openFiles>>;
  readonly health: UpstreamHealth;
  readonly readBalance: RunComfy["readBalance"];
  readonly log: Logger;
};

/** What use cases call, by name; each rejects with an error of `job/errors.ts` or a `CodedError`. */
export type Services = ReadSources & {
  readonly store: JobStore;
  readonly learning: Pick<Learning, "estimate" | "readStats" | "readTimes">;
  readonly catalogue: Catalogue;
  readonly submitter: Pick<Tracking["submitter"], "submitJob" | "rerunJob">;
  readonly inputChecker: Pick<Tracking["inputChecker"], "checkInput">;
  readonly holder: Pick<
    Tracking["holder"],
    "holdJob" | "releaseJob" | "prioritizeJob" | "approveJob" | "refuseJob"
  >;
  readonly canceller: Pick<Tracking["canceller"], "cancelJob">;
  readonly deleter: Pick<Tracking["deleter"], "deleteJob">;
  readonly labeler: Pick<Tracking["labeler"], "editJob">;
  readonly pauser: Pick<Tracking["pauser"], "pauseDeployment" | "resumeDeployment">;
  readonly watchJob: WatchJob;
  readonly watchJobs: WatchJobs;
  readonly endWaits: Pick<EndWaits, "waitForEnd">;
  readonly files: {
    readonly urls: Pick<SignedUrls, "create">;
    readonly uploads: Pick<UploadService, "createUpload" | "find" | "receive">;
    readonly keeper: Pick<Keeper, "wake">;
  };
  readonly live: Pick<LiveDeployments, "read" | "list" | "lastList" | "findKind" | "token">;
  readonly health: Pick<UpstreamHealth, "outageMs">;
  readonly channels: Channels;
  /** By the arguments' names. */
  readonly submitOptions: Readonly<Record<string, SubmitOption>>;
};

/** An argument that a part adds to every submit. */
export type SubmitOption = {
  /** Throws a coded error, or one of a submit's results, where the viewer can't give this value. */
  check(viewer: Viewer, value: string): void;
  /** Writes what was given for a job, in the transaction that adds it. */
  write(transaction: Parameters<AlsoWrite>[0], job: Job, value: string): Promise<void>;
};
