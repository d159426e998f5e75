import DataLoader from "dataloader";
import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { isIdentifier } from "../job/identifier.ts";
import type { LiveDeployment } from "./live-deployment.ts";
import { MOST_LISTED_IDS } from "./request-path.ts";
import type { RunComfy } from "./runcomfy.ts";

/** How long an answer is good for, and how long nobody asks again after a failure. */
const KEPT_MS = 10_000;
const MOST_KEPT = 1_000;

/** What the upstream says of deployments at the moment, or said up to ten seconds ago. */
export type LiveDeployments = {
  /** Null when the upstream does not list it, or can't be asked; never rejects. */
  read(id: string): Promise<LiveDeployment | null>;
};

/**
 * Makes the one place of a process that asks for deployments: what is read at the same moment, by whomever, is one call
 * for up to 50. `now` gives milliseconds of a clock that never goes back (`performance.now`).
 */
export function createLiveDeployments(options: {
  readonly runcomfy: Pick<RunComfy, "listDeployments">;
  readonly log: Pick<BaseLogger, "warn">;
  readonly now?: () => number;
}): LiveDeployments {
  const { runcomfy, log, now = () => performance.now() } = options;
  const loader = new DataLoader<string, LiveDeployment | null>(readBatch, {
    maxBatchSize: MOST_LISTED_IDS,
    cacheMap: new LRUCache<string, Promise<LiveDeployment | null>>({
      max: MOST_KEPT,
      ttl: KEPT_MS,
      // Otherwise it keeps the time for a moment, by a timer of its own.
      ttlResolution: 0,
      perf: { now },
    }),
  });
  let leading: Promise<Batch> | null = null;
  /** Null while calls succeed. */
  let quietUntil: number | null = null;
  let failedAt = -Infinity;

  /** One call leads and others wait for its end, so that a failure costs one call however many deployments are read. */
  async function readBatch(ids: readonly string[]): Promise<Batch> {
    const leader = leading;
    if (leader !== null) await leader;
    if (quietUntil !== null && now() < quietUntil) {
      // Nobody asked about these, so their nulls are not kept beyond the silence.
      for (const id of ids) loader.clear(id);
      return ids.map(() => null);
    }
    const asked = ask(ids);
    if (leader === null) {
      leading = asked.finally(() => {
        leading = null;
      });
    }
    return asked;
  }

  async function ask(ids: readonly string[]): Promise<Batch> {
    try {
      const listed = await runcomfy.listDeployments(ids);
      quietUntil = null;
      const byId = new Map(listed.map((deployment) => [deployment.id, deployment]));
      return ids.map((id) => byId.get(id) ?? null);
    } catch (error) {
      // Some calls may fail each time while others succeed.
      if (now() - failedAt > 2 * KEPT_MS) {
        log.warn(
          { err: error },
          "RunComfy does not list deployments, so their hardware, instances and status are null; it is asked again every 10 seconds at most. Check the gateway's token and RunComfy's status page if this stays.",
        );
      }
      failedAt = now();
      quietUntil = failedAt + KEPT_MS;
      return ids.map(() => null);
    }
  }

  return {
    async read(id) {
      return isIdentifier(id) ? loader.load(id) : null;
    },
  };
}

type Batch = readonly (LiveDeployment | null)[];
