import type { Pace } from "./pace.ts";
import type { RunComfy } from "./runcomfy.ts";

/** Sends the pace's probes, one at a time. */
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
      timer = setTimeout(step, claimed);
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
