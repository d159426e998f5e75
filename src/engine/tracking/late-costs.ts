import type { Job } from "../job/job.ts";
import type { RunComfy } from "../runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import { Queue } from "../../runtime/queue.ts";
import type { Services } from "./services.ts";
import { attempt } from "./poll-job.ts";

/** After the end; the upstream's own client asks again once it has the files. */
const WAIT_MS = 2_000;
const PATIENCE_MS = 8_000;
const AT_ONCE = 4;
/** Of more that ended within seconds, the cost stays unknown. */
const MAX_WAITING = 1_000;

type Dependencies = Pick<Services, "log" | "sleep"> & {
  readonly runcomfy: Pick<RunComfy, "readResult">;
  readonly health: Pick<UpstreamHealth, "pausedForMs" | "isOutage">;
  readonly jobs: Pick<Services["store"]["jobs"], "noteCost">;
};

/**
 * Asks again for costs of runs that did not come with their results. Nobody waits for it, and a stop ends it. In a pause
 * or an outage the cost stays unknown, because no call but a probe may leave then.
 */
export function createLateCosts({ runcomfy, health, jobs, log, sleep }: Dependencies) {
  const closing = new AbortController();
  const { signal } = closing;
  const queue = new Queue({ total: AT_ONCE });
  const underWay = new Set<Promise<void>>();

  async function ask({ requestId, ...job }: Job): Promise<void> {
    await sleep(WAIT_MS, signal);
    if (signal.aborted || requestId === null) return;
    const limits = { signal, timeoutMs: PATIENCE_MS };
    const result = await queue.run(job.ownerId, async () => {
      if (health.pausedForMs() > 0 || health.isOutage(job.deploymentId)) return null;
      return await attempt(() => runcomfy.readResult({ ...job, requestId }, limits));
    });
    if (result === null || result instanceof RunComfyError || result.kind !== "succeeded") return;
    if (typeof result.cost === "number") await jobs.noteCost(job.id, result.cost);
  }

  return {
    ask(job: Job): void {
      if (underWay.size >= MAX_WAITING) return;
      const asking = ask(job)
        .catch((err: unknown) => log.debug({ jobId: job.id, err }, "A run's cost stays unknown."))
        .finally(() => underWay.delete(asking));
      underWay.add(asking);
    },
    async close(): Promise<void> {
      closing.abort();
      await Promise.all(underWay);
    },
  };
}
