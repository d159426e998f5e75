import type { Pace } from "./pace.ts";
import type { RunComfy } from "./runcomfy.ts";

/** Of deployments that hang, none holds up another one's. */
const MAX_AT_ONCE = 16;

/** Sends the pace's probes. */
export function startOutageProbe({
  pace,
  runcomfy,
}: {
  readonly pace: Pick<Pace, "claimProbe" | "onDoubt">;
  readonly runcomfy: Pick<RunComfy, "probe">;
}) {
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const underWay = new Set<Promise<void>>();
  /** Of RunComfy as a whole there is one at a time. */
  let isAllAsked = false;

  function step(): void {
    clearTimeout(timer);
    while (!closing.signal.aborted && !isAllAsked && underWay.size < MAX_AT_ONCE) {
      const claimed = pace.claimProbe();
      if (typeof claimed === "number") {
        if (claimed < Infinity) timer = setTimeout(step, claimed);
        return;
      }
      const probing = runcomfy.probe(claimed, closing.signal).then(() => {
        underWay.delete(probing);
        if (claimed.deploymentId === null) isAllAsked = false;
        step();
      });
      underWay.add(probing);
      isAllAsked = claimed.deploymentId === null;
    }
  }

  pace.onDoubt(step);
  return {
    /** Aborts the probes under way and starts no more. */
    async close(): Promise<void> {
      closing.abort();
      clearTimeout(timer);
      await Promise.all(underWay);
    },
  };
}
