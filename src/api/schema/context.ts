import type { Channels } from "../../engine/diagnostics/channels.ts";
import type { Job } from "../../engine/job/job.ts";
import type { LiveDeployments } from "../../engine/runcomfy/live-deployments.ts";
import type { UpstreamHealth } from "../../engine/runcomfy/upstream-health.ts";
import { clock } from "../../runtime/environment.ts";
import type { Stream } from "../../runtime/stream.ts";
import type { Tracking } from "../../engine/tracking/tracking.ts";
import type { WaitForEnd } from "../../engine/watch/watch-job.ts";
import type { JobChange, JobsWatch } from "../../engine/watch/watch-jobs.ts";
import type { KeepOutputs } from "../../engine/files/keep-outputs.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import type { UploadService } from "../../engine/files/uploads.ts";
import type { WebhookService } from "../../parts/webhooks/webhook-service.ts";
import type { PartServices } from "./part-services.ts";
import type { Origin, ReadSources } from "./reads.ts";
import { Reads } from "./reads.ts";

/** What the schema needs of the gateway. */
export type Services = {
  readonly sources: ReadSources;
  /** Each rejects with an error of its mutation's result union for an expected failure. */
  readonly tracking: Pick<
    Tracking,
    "checkInput" | "submitJob" | "rerunJob" | "cancelJob" | "deleteJob" | "editJob"
  >;
  /** Anybody's job where `ownerId` is undefined. */
  watchJob(
    id: string,
    ownerId: string | undefined,
    options: { readonly isEstimateWanted: boolean; readonly isRestWanted?: boolean },
  ): Stream<Job>;
  readonly waitForEnd: WaitForEnd;
  /** Rejects with a `BadCursorError`. */
  watchJobs(watch: JobsWatch): Promise<Stream<JobChange>>;
  readonly files: {
    readonly urls: Pick<SignedUrls, "create">;
    readonly uploads: Pick<UploadService, "createUpload">;
    readonly keepOutputs: KeepOutputs;
  };
  readonly webhooks: WebhookService;
  /** The one whose jobs are followed. */
  readonly upstream: string;
  readonly live: Pick<LiveDeployments, "read" | "list" | "lastList" | "findKind" | "token">;
  readonly health: Pick<UpstreamHealth, "outageMs">;
  readonly channels: Channels;
  readonly parts: PartServices;
};

/** What the resolvers of one operation share. */
export type GatewayContext = ReturnType<typeof createContext>;

/**
 * The context of one operation; whoever opened the `share` closes it once the answer has left or never will. Yoga copies
 * its own properties, so it has no others.
 */
export function createContext(services: Services, origin: Origin) {
  const beganAt = clock.monotonic();
  return {
    ...services,
    viewer: origin.viewer,
    reads: new Reads(services.sources, origin),
    /** The job once it has ended, and as it is at the latest so many seconds after the operation began. */
    untilEnded: (job: Job, seconds: number): Promise<Job> =>
      services.waitForEnd(job, {
        timeoutMs: beganAt + seconds * 1_000 - clock.monotonic(),
        onLeft: (leave) => origin.share.onClose(leave),
      }),
  };
}
