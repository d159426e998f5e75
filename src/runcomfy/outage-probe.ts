import { sleepFor } from "../runtime/loop.ts";
import type { RunComfy } from "./runcomfy.ts";
import type { UpstreamHealth } from "./upstream-health.ts";

/** Probes RunComfy, and each deployment, from when an outage of it begins until it is over. */
export function startOutageProbe({
  health,
  runcomfy,
}: {
  readonly health: Pick<UpstreamHealth, "nextProbeMs" | "onOutage">;
  readonly runcomfy: Pick<RunComfy, "probe">;
}) {
  const closing = new AbortController();
  const { signal } = closing;
  /** By deployment, and of all by null: one at a time of each, also where an outage ends and another begins. */
  const underWay = new Map<string | null, Promise<void>>();

  async function probeUntilOver(deploymentId: string | null): Promise<void> {
    // The others may fail as well, but nobody has called them.
    let probing = deploymentId === null ? null : runcomfy.probe(null, signal);
    let waitMs = health.nextProbeMs(deploymentId);
    while (waitMs !== null && !signal.aborted) {
      // Counted from when the last one left: RunComfy may be back while that still waits for its answer.
      await Promise.all([sleepFor(waitMs, signal), probing]);
      waitMs = health.nextProbeMs(deploymentId);
      if (waitMs !== null) probing = runcomfy.probe(deploymentId, signal);
    }
    underWay.delete(deploymentId);
  }

  health.onOutage((deploymentId) => {
    if (underWay.has(deploymentId) || signal.aborted) return;
    underWay.set(deploymentId, probeUntilOver(deploymentId));
  });
  return {
    /** Aborts the probes under way and starts no more. */
    async close(): Promise<void> {
      closing.abort();
      await Promise.all(underWay.values());
    },
  };
}
