import type { Pace } from "./pace.ts";
import type { RunComfy } from "./runcomfy.ts";

/** News from another gateway may make a probe due earlier. */
const LONGEST_SLEEP_MS = 1_000;

/** Probes the upstream or a deployment in an outage, one probe at a time, so that no user's submit has to find out its end. */
export function startOutageProbe({
  pace,
  runcomfy,
}: {
  readonly pace: Pick<Pace, "claimProbe" | "onDoubt">;
  readonly runcomfy: Pick<RunComfy, "probe">;
}) {
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | null = null;

  function step(): void {
    clearTimeout(timer);
    underWay = null;
    if (closing.signal.aborted) return;
    const claimed = pace.claimProbe();
    if (typeof claimed === "object") {
      underWay = runcomfy.probe(claimed, closing.signal).then(step);
    } else if (claimed < Infinity) {
      timer = setTimeout(step, Math.min(claimed, LONGEST_SLEEP_MS));
    }
  }

  pace.onDoubt(() => {
    if (underWay === null) step();
  });
  return {
    /** Aborts the probe under way and starts no more. */
    async close(): Promise<void> {
      closing.abort();
      clearTimeout(timer);
      await underWay;
    },
  };
}
