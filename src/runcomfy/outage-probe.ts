import type { Pace } from "./pace.ts";
import type { RunComfy } from "./runcomfy.ts";

/** What another gateway found out may make a probe due earlier than it was. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * As long as an outage lasts, of the upstream or of a deployment, probes it whenever the pace allows it, one probe at a
 * time, so that its end is found out also where there is no job to look at: a user's submit must not be what finds out.
 */
export function startOutageProbe({
  pace,
  runcomfy,
}: {
  readonly pace: Pick<Pace, "claimProbe" | "onDoubt">;
  readonly runcomfy: Pick<RunComfy, "probe">;
}): OutageProbe {
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
    async close() {
      closing.abort();
      clearTimeout(timer);
      await underWay;
    },
  };
}

/** What probes the upstream in an outage. */
type OutageProbe = {
  /** Aborts the probe under way, and none follows. */
  close(): Promise<void>;
};
