import type { Pace } from "./pace.ts";
import type { RunComfy } from "./runcomfy.ts";

/** What another gateway found out may make a probe due earlier than it was. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * As long as an outage lasts, probes the upstream whenever the pace allows it, one probe at a time, so that its end is
 * found out also where there is no job to look at: a user's submit must not be what finds out.
 */
export function startOutageProbe({
  pace,
  runcomfy,
}: {
  readonly pace: Pick<Pace, "isOutage" | "claimProbe" | "onOutage">;
  readonly runcomfy: Pick<RunComfy, "probe">;
}): OutageProbe {
  const closing = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let underWay: Promise<void> | null = null;

  function step(): void {
    timer = null;
    underWay = null;
    if (closing.signal.aborted || !pace.isOutage()) return;
    const waitMs = pace.claimProbe();
    if (waitMs > 0) timer = setTimeout(step, Math.min(waitMs, LONGEST_SLEEP_MS));
    else underWay = runcomfy.probe(closing.signal).then(step);
  }

  pace.onOutage(() => {
    // What is left of the outage before goes on with this one.
    if (timer === null && underWay === null) step();
  });
  return {
    async close() {
      closing.abort();
      if (timer !== null) clearTimeout(timer);
      await underWay;
    },
  };
}

/** What probes the upstream in an outage. */
type OutageProbe = {
  /** Aborts the probe under way, and none follows. */
  close(): Promise<void>;
};
