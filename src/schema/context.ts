import { clock } from "../runtime/environment.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { Job } from "../job/job.ts";
import type { LiveDeployments } from "../runcomfy/live-deployments.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { Stream } from "../runtime/stream.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { WaitForEnd } from "../watch/wait-for-job.ts";
import type { JobChange, JobsWatch } from "../watch/watch-jobs.ts";
import type { KeepOutputs } from "../files/keep-outputs.ts";
import type { SignedUrls } from "../files/signed-urls.ts";
import type { UploadService } from "../files/uploads.ts";
import { Loaders } from "./loaders.ts";
import type { Origin, Reads } from "./reads.ts";

/** What the schema needs of the gateway. */
export type Services = {
  openReads(origin: Origin): Reads;
  /** The most that the documents of jobs in one answer, or in one event of a stream, may take. */
  readonly mostAnswerBytes: number;
  /** Each rejects with an error of its mutation's result union for an expected failure. */
  readonly tracking: Pick<
    Tracking,
    "checkInput" | "submitJob" | "rerunJob" | "cancelJob" | "deleteJob"
  >;
  /** Anybody's job where `ownerId` is undefined. */
  watchJob(
    id: string,
    ownerId: string | undefined,
    options: { readonly isEstimateWanted: boolean },
  ): Stream<Job>;
  readonly waitForEnd: WaitForEnd;
  /** Rejects with a `BadCursorError`. */
  watchJobs(watch: JobsWatch): Promise<Stream<JobChange>>;
  readonly files: {
    readonly urls: Pick<SignedUrls, "create">;
    readonly uploads: Pick<UploadService, "createUpload">;
    readonly keepOutputs: KeepOutputs;
  };
  /** The one whose jobs are followed. */
  readonly upstream: string;
  readonly live: Pick<LiveDeployments, "read" | "list" | "lastList" | "token">;
  readonly health: Pick<UpstreamHealth, "outageMs">;
  readonly channels: Channels;
};

export type GatewayContext = Services & Pick<Operation, keyof Operation>;

/** What the resolvers of one operation share. Its getters are a class's, as those of `Loaders` are. */
class Operation {
  readonly viewer: Viewer;
  readonly #services: Services;
  readonly #origin: Origin;
  readonly #beganAt = clock.monotonic();
  #reads: Reads | undefined;
  #loaders: Loaders | undefined;

  constructor(services: Services, origin: Origin) {
    this.viewer = origin.viewer;
    this.#services = services;
    this.#origin = origin;
  }

  get reads(): Reads {
    return (this.#reads ??= this.#services.openReads(this.#origin));
  }

  get loaders(): Loaders {
    return (this.#loaders ??= new Loaders({
      reads: this.reads,
      mostAnswerBytes: this.#services.mostAnswerBytes,
      share: this.#origin.share,
    }));
  }

  /** The job once it has ended, and as it is at the latest so many seconds after the operation began. */
  readonly untilEnded = (job: Job, seconds: number): Promise<Job> =>
    this.#services.waitForEnd(job, {
      timeoutMs: this.#beganAt + seconds * 1_000 - clock.monotonic(),
      onLeft: this.#origin.share.onClose,
    });

  /** Called when it is executed, and its answer is made into text before anything else happens: others may go on. */
  readonly finish = (): void => this.#reads?.largeSlot.leave();

  /** Called before the operation is executed once more. */
  readonly recharge = (): void => this.#loaders?.recharge();

  /** Forgets what was read and gives its room back: the next event of a stream is an answer of its own. */
  readonly startAnew = (): void => {
    this.finish();
    this.#loaders?.leave();
    this.#loaders = undefined;
  };
}

/**
 * The context of one operation; whoever opened the `share` closes it once the answer has left or never will. Reads
 * and loaders are made when they are first asked for: thousands of streams share what one of them reads. Where it
 * `isCopied` they are its own properties at once.
 */
export function createContext(
  services: Services,
  origin: Origin,
  isCopied = false,
): GatewayContext {
  const context = Object.assign(new Operation(services, origin), services);
  if (!isCopied) return context;
  const { reads, loaders } = context;
  return { ...context, reads, loaders };
}
