import { clock } from "../runtime/environment.ts";
import type { Reads } from "../schema/reads.ts";

/** How long a deployment usually takes, as a sentence; empty where nothing is known. */
export type TellDuration = (
  deploymentId: string,
  reads: Pick<Reads, "readStats">,
) => Promise<string>;

/** A list of tools asks for all of them, and a sentence need not be newer. */
const KEPT_MS = 60_000;
/** Without a file, clients name what they like. */
const MAX_KEPT = 500;

/** Makes what remembers each sentence for a minute. */
export function createTellDuration(): TellDuration {
  const told = new Map<string, { readonly text: string; readonly until: number }>();
  return async (deploymentId, reads) => {
    const known = told.get(deploymentId);
    if (known !== undefined && known.until > clock.monotonic()) return known.text;
    const { runs, runSeconds } = await reads.readStats(deploymentId);
    const round = (seconds: number): string => `${Math.max(1, Math.round(seconds))} s`;
    const text =
      runSeconds === null
        ? ""
        : `Runs for about ${round(runSeconds.p50)}, 9 of 10 for at most ${round(runSeconds.p90)} (of the last ${runs}), once it has started.`;
    if (told.size >= MAX_KEPT) told.clear();
    told.set(deploymentId, { text, until: clock.monotonic() + KEPT_MS });
    return text;
  };
}
