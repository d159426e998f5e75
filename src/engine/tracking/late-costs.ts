import type { RunComfy } from "../runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import { type Loop, notifyOfFirst, startLoop } from "../../runtime/loop.ts";
import { type ClaimedCost, FIRST_ASK_MS, type LateCostRows } from "../store/late-costs.ts";
import { attempt } from "./poll-job.ts";
import type { Services } from "./services.ts";

/** A cost that RunComfy does not report so long after the end stays unknown. */
const LAST_ASK_MS = 60_000;
/** For so long after the end RunComfy is asked again where it fails, each time after twice as long. */
const GIVE_UP_MS = 86_400_000;
/** A claim lasts longer. */
const PATIENCE_MS = 8_000;
const AT_ONCE = 4;
/** How soon a gateway sees what another one has left. */
const MAX_REST_MS = 10_000;

type Dependencies = Pick<Services, "log" | "monotonic" | "sleep"> & {
  readonly runcomfy: Pick<RunComfy, "readResult">;
  readonly health: Pick<UpstreamHealth, "pollDelayMs" | "failingDeployments">;
  readonly rows: Pick<LateCostRows, "claimDue" | "putBack" | "giveUp" | "settle">;
};

/**
 * Asks again for costs of runs that did not come with their results: 2 s and 60 s after the end, whether or not the job is
 * still there. In a pause or an outage nobody is asked until it is over.
 */
export class LateCosts {
  readonly #given: Dependencies;
  readonly #underWay = new Set<Promise<void>>();
  readonly #tryToAsk;
  readonly #closing = new AbortController();
  /** When one may be due, by `monotonic`. */
  #dueAt = 0;
  #loop: Loop | null = null;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    this.#tryToAsk = notifyOfFirst(
      (err) => dependencies.log.warn({ err }, FAILS),
      () => this.#closing.signal.aborted,
    );
  }

  start(): void {
    const { log, sleep } = this.#given;
    this.#loop = startLoop({
      act: () => this.tick(),
      retryMs: MAX_REST_MS,
      onFailure: (err) => log.warn({ err }, FAILS),
      sleep,
    });
  }

  /** The end of a run was stored without its cost. */
  noteNew(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#given.monotonic() + FIRST_ASK_MS);
    this.#loop?.wake();
  }

  /** Cuts off what is under way: it comes due again when its claim ends. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop?.close();
    await Promise.all(this.#underWay);
  }

  /** Claims what there is room for; resolves with how long to rest. */
  async tick(): Promise<number> {
    const { health, rows, monotonic } = this.#given;
    const limit = AT_ONCE - this.#underWay.size;
    // The end of one under way wakes the loop.
    if (limit === 0) return MAX_REST_MS;
    const delayMs = health.pollDelayMs();
    if (delayMs > 0) return Math.min(delayMs, MAX_REST_MS);
    if (monotonic() < this.#dueAt) return this.#dueAt - monotonic();
    this.#dueAt = monotonic() + MAX_REST_MS;
    const exceptDeployments = health.failingDeployments();
    const { costs, nextInMs } = await rows.claimDue({ limit, exceptDeployments });
    for (const claimed of costs) this.#start(claimed);
    const restMs = costs.length === limit ? 0 : (nextInMs ?? MAX_REST_MS);
    this.#dueAt = Math.min(this.#dueAt, monotonic() + Math.max(0, restMs));
    return this.#dueAt - monotonic();
  }

  /** Never rejects: what fails here comes due again when its claim ends. */
  #start(claimed: ClaimedCost): void {
    const asking = this.#tryToAsk(() => this.#ask(claimed))
      .catch(() => undefined)
      .finally(() => {
        this.#underWay.delete(asking);
        this.#loop?.wake();
      });
    this.#underWay.add(asking);
  }

  async #ask(claimed: ClaimedCost): Promise<void> {
    const { runcomfy, rows } = this.#given;
    const limits = { signal: this.#closing.signal, timeoutMs: PATIENCE_MS };
    const result = await attempt(() => runcomfy.readResult(claimed, limits));
    const isFailure = result instanceof RunComfyError && result.code !== "NOT_FOUND";
    const cost = "kind" in result && result.kind === "succeeded" ? result.cost : "not-yet";
    // A clock that was set back must not make it come later.
    const sinceEndMs = Math.max(0, claimed.sinceEndMs);
    if (typeof cost === "number") await rows.settle(claimed, cost);
    else if (sinceEndMs >= (isFailure ? GIVE_UP_MS : LAST_ASK_MS)) await rows.giveUp(claimed);
    else
      await rows.putBack(
        claimed,
        isFailure ? Math.max(LAST_ASK_MS, sinceEndMs) : LAST_ASK_MS - sinceEndMs,
      );
  }
}

const FAILS = "Late costs can't be read or stored; the gateway tries again. Check the database.";
