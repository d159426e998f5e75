import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { JobKind } from "../job/kind.ts";
import { COMMANDS } from "../../config/commands.ts";
import { clock } from "../../runtime/environment.ts";
import { notifyOfFirst } from "../../runtime/loop.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { RunComfy } from "./create-runcomfy.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import { DEFAULT_KIND, findKind } from "./kinds/find-kind.ts";
import type { LiveDeployment } from "./read-deployments.ts";

/** How long an answer is kept, and how long nobody asks again after a failure. */
const KEPT_MS = 10_000;
const MAX_KEPT = 1_000;
/** How long a submit waits for a list, and for what it leaves open. */
const PATIENCE_MS = 1_000;

/** Where there are more, all are asked for, which keeps the request's URL short; where there are none, for the token's sake. */
const MAX_LISTED_IDS = 50;

export type LiveDeployments = ReturnType<typeof createLiveDeployments>;

/** By id, in the upstream's order; at most 1,000. */
export type UpstreamList = ReadonlyMap<string, LiveDeployment>;

/** Whether the upstream accepts the gateway's token. */
export type TokenState = "accepted" | "refused" | "unknown";

/**
 * What the upstream says about these deployments, or about all that it has. One call asks for them at most every ten
 * seconds, however many are read, and no other part of a process asks.
 */
export function createLiveDeployments({
  runcomfy,
  ids,
  findListedKind,
  log,
  now = clock.monotonic,
}: {
  readonly runcomfy: Pick<RunComfy, "listDeployments" | "readKind">;
  readonly ids: readonly string[] | "all";
  /** As what a deployment is listed here; null where it is not. */
  readonly findListedKind: (id: string) => JobKind | null;
  readonly log: Pick<BaseLogger, "warn">;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}) {
  const asked = ids.length === 0 || ids.length > MAX_LISTED_IDS ? "all" : ids;
  const attempt = notifyOfFirst((error) => {
    if (isTokenRefused(error)) log.warn({}, TOKEN_REFUSED);
    else log.warn({ err: error }, NOT_LISTED);
  });
  /** Those listed here as of another kind, which the log has named already. */
  const mistaken = new Set<string>();
  /** The kinds that payloads have shown, and the reads under way, one at a time because payloads are large. */
  const kinds = new LRUCache<string, JobKind>({ max: MAX_KEPT });
  const pending = new Map<string, Promise<void>>();
  const reads = new Semaphore({ atOnce: 1, maxWaiting: MAX_KEPT });
  let notShownAt = -Infinity;
  let token: TokenState = "unknown";
  let last = new Map<string, LiveDeployment>();
  let listing: Promise<void> | null = null;
  let askedAt = -Infinity;
  let listedAt = -Infinity;

  /** Asks anew where that is due. Never rejects. */
  async function renew(): Promise<void> {
    if (listing === null && now() - askedAt > KEPT_MS) {
      listing = ask().finally(() => (listing = null));
    }
    await listing;
  }

  async function ask(): Promise<void> {
    try {
      const answer = await attempt(() => runcomfy.listDeployments(asked));
      token = "accepted";
      listedAt = now();
      last = new Map(answer.slice(0, MAX_KEPT).map((deployment) => [deployment.id, deployment]));
      for (const [id, kind] of kinds) noteKind(id, kind);
      await withinPatience(warnOfMistaken());
    } catch (error) {
      if (isTokenRefused(error)) token = "refused";
    }
    askedAt = now();
  }

  /** Not the other way round: the list may leave out what marks a deployment. */
  async function warnOfMistaken(): Promise<void> {
    const seemingly = [...last.keys()].filter(
      (id) => isMarked(id) && findListedKind(id) === DEFAULT_KIND.name && !mistaken.has(id),
    );
    for (const id of seemingly) mistaken.add(id);
    await Promise.all(seemingly.map(resolveKind));
    const deploymentIds = seemingly.filter(isMarked);
    if (deploymentIds.length > 0) log.warn({ deploymentIds }, OF_ANOTHER_KIND);
  }

  /** Whether only its payload shows its kind. */
  function isMarked(id: string): boolean {
    const listed = last.get(id);
    return listed !== undefined && findKind(listed.kind).mark !== null;
  }

  function noteKind(id: string, kind: JobKind): void {
    const listed = last.get(id);
    if (listed !== undefined) last.set(id, { ...listed, kind });
  }

  /** Asks what a marked deployment runs, where its payload has not shown that yet. Never rejects. */
  async function resolveKind(id: string): Promise<void> {
    if (!isMarked(id) || kinds.has(id)) return;
    const asking = () => reads.run(() => askKind(id)).finally(() => pending.delete(id));
    const reading = pending.get(id) ?? asking();
    pending.set(id, reading);
    await reading;
  }

  async function askKind(id: string): Promise<void> {
    if (now() - notShownAt <= KEPT_MS) return;
    try {
      const kind = await runcomfy.readKind(id);
      kinds.set(id, kind);
      noteKind(id, kind);
    } catch (error) {
      // It stays what it seems, for good where the answer would be refused again.
      notShownAt = now();
      const seeming = last.get(id);
      if (error instanceof RunComfyError && error.isRefused && seeming !== undefined)
        kinds.set(id, seeming.kind);
    }
  }

  return {
    /** Null when the upstream does not list it, or said so too long ago; never rejects. */
    async read(id: string): Promise<LiveDeployment | null> {
      await renew();
      return now() - listedAt > KEPT_MS ? null : (last.get(id) ?? null);
    },
    /** All that the upstream lists, or its last list, which is empty at first. Never rejects. */
    async list(): Promise<UpstreamList> {
      await renew();
      return last;
    },
    /** The last list, however old, without a call. */
    lastList: (): UpstreamList => last,
    /**
     * The kind of a deployment on the upstream's list; null if it isn't there. Waits up to a second for a new list if one
     * is due, and for the payload that shows whether a seeming workflow is one. Never rejects.
     */
    async findKind(id: string): Promise<JobKind | null> {
      if (!last.has(id)) await withinPatience(renew().then(() => resolveKind(id)));
      else if (isMarked(id)) await withinPatience(resolveKind(id));
      return last.get(id)?.kind ?? null;
    },
    /** What calls have shown so far. */
    token: () => token,
  };
}

async function withinPatience(waiting: Promise<void>): Promise<void> {
  await Promise.race([waiting, clock.sleep(PATIENCE_MS, { ref: false })]);
}

const NOT_LISTED =
  "RunComfy does not list deployments, so names, hardware, instances and status may be missing, and `deployments` keeps its last list; it is asked again every 10 seconds at most. Check the gateway's token, RUNCOMFY_BASE_URL and RunComfy's status page if this stays, or name your deployments in DEPLOYMENTS_FILE.";
const OF_ANOTHER_KIND = `RunComfy lists deployments as of another kind than the deployments file does, so they are sent wrong inputs. Take each of \`deploymentIds\` out of the file, add it again with ${COMMANDS.add} <id>, which gives it its kind and inputs, and start again.`;
const TOKEN_REFUSED =
  "RunComfy does not accept the gateway's token, so it refuses every submit too. Set RUNCOMFY_API_TOKEN to the token of your RunComfy account and start again.";

function isTokenRefused(error: unknown): boolean {
  return error instanceof RunComfyError && error.code === "UNAUTHORIZED";
}
