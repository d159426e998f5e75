import DataLoader from "dataloader";
import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { isIdentifier } from "../job/job.ts";
import type { LiveDeployment } from "./live-deployment.ts";
import type { RunComfy } from "./runcomfy.ts";
import { MAX_LISTED_IDS } from "./runcomfy.ts";
import { RunComfyError } from "./runcomfy-error.ts";

/** How long an answer is kept, and how long nobody asks again after a failure. */
const KEPT_MS = 10_000;
const MAX_KEPT = 1_000;

export type LiveDeployments = ReturnType<typeof createLiveDeployments>;

/** By id, in the upstream's order; at most 1,000. */
export type UpstreamList = ReadonlyMap<string, LiveDeployment>;

/** Whether the upstream accepts the gateway's token. */
export type TokenSight = "accepted" | "refused" | "unknown";

/**
 * What the upstream says about deployments, at most ten seconds old. It is the only part of a process that asks for them:
 * what several ask for at the same moment is one call for up to 50, and one for the list of all.
 */
export function createLiveDeployments(options: {
  readonly runcomfy: Pick<RunComfy, "listDeployments">;
  readonly log: Pick<BaseLogger, "warn">;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}) {
  const { runcomfy, log, now = () => performance.now() } = options;
  const loader = new DataLoader<string, LiveDeployment | null>(readBatch, {
    maxBatchSize: MAX_LISTED_IDS,
    cacheMap: new LRUCache<string, Promise<LiveDeployment | null>>({
      max: MAX_KEPT,
      ttl: KEPT_MS,
      // Otherwise it caches the time with a timer of its own.
      ttlResolution: 0,
      perf: { now },
    }),
  });
  let leading: Promise<unknown> | null = null;
  let failedAt = -Infinity;
  let token: TokenSight = "unknown";
  let last: UpstreamList = new Map();
  let listing: Promise<void> | null = null;
  let listedAt = -Infinity;
  let isListMissing = false;

  async function readBatch(ids: readonly string[]): Promise<(LiveDeployment | null)[]> {
    const answer = await ask(ids);
    // These nulls say nothing, so they are not kept.
    if (answer === null) for (const id of ids) loader.clear(id);
    const byId = new Map(answer?.map((deployment) => [deployment.id, deployment]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  async function renewList(): Promise<void> {
    const answer = await ask("all");
    if (answer === null) return;
    listedAt = now();
    isListMissing = false;
    last = new Map(answer.slice(0, MAX_KEPT).map((deployment) => [deployment.id, deployment]));
  }

  /**
   * Null after a failure, and for ten seconds more without a call. One call leads and others wait for its end, so that a
   * failure costs one call however many deployments are read.
   */
  async function ask(ids: readonly string[] | "all"): Promise<Answer> {
    const leader = leading;
    if (leader !== null) await leader;
    if (now() - failedAt < KEPT_MS) return null;
    const asked = call(ids);
    if (leader === null) {
      leading = asked.finally(() => (leading = null));
    }
    return await asked;
  }

  async function call(ids: readonly string[] | "all"): Promise<Answer> {
    try {
      const listed = await runcomfy.listDeployments(ids);
      token = "accepted";
      return listed;
    } catch (error) {
      const isRefused = error instanceof RunComfyError && error.code === "UNAUTHORIZED";
      if (isRefused) token = "refused";
      if (ids === "all" && isOfTheCallAlone(error)) noteMissingList(error);
      else if (isRefused) noteFailure({}, TOKEN_REFUSED);
      else noteFailure({ err: error }, NOT_LISTED);
      return null;
    }
  }

  /** An upstream that has no list of all may answer other calls well. */
  function noteMissingList(error: unknown): void {
    if (!isListMissing) log.warn({ err: error }, LIST_MISSING);
    isListMissing = true;
    listedAt = now();
  }

  function noteFailure(fields: object, message: string): void {
    // Some calls may fail each time while others succeed.
    if (now() - failedAt > 2 * KEPT_MS) log.warn(fields, message);
    failedAt = now();
  }

  return {
    /** Null when the upstream does not list it, or can't be asked; never rejects. */
    async read(id: string): Promise<LiveDeployment | null> {
      return isIdentifier(id) ? loader.load(id) : null;
    },
    /** All that the upstream lists, or its last list, which is empty at first. Never rejects. */
    async list(): Promise<UpstreamList> {
      if (listing === null && now() - listedAt > KEPT_MS) {
        listing = renewList().finally(() => (listing = null));
      }
      await listing;
      return last;
    },
    /** The last list, however old, without a call. */
    lastList: () => last,
    /** What calls have shown so far. */
    token: () => token,
  };
}

type Answer = readonly LiveDeployment[] | null;

const NOT_LISTED =
  "RunComfy does not list deployments, so their names, hardware, instances and status may be missing; it is asked again every 10 seconds at most. Check the gateway's token, RUNCOMFY_BASE_URL and RunComfy's status page if this stays.";
const TOKEN_REFUSED =
  "RunComfy does not accept the gateway's token, so it refuses every submit too. Set RUNCOMFY_API_TOKEN to the token of your RunComfy account and start again.";
const LIST_MISSING =
  "RunComfy gives no list of all deployments, so `deployments` shows only those that it listed before or that jobs name. If this stays, check RUNCOMFY_BASE_URL and RUNCOMFY_API_TOKEN, or name your deployments in DEPLOYMENTS_FILE.";

/** Whether other calls may get a better answer. */
function isOfTheCallAlone(error: unknown): boolean {
  if (!(error instanceof RunComfyError) || error.httpStatus === null) return false;
  return error.code !== "UNAUTHORIZED" && error.code !== "RATE_LIMITED";
}
