import type { BaseLogger } from "pino";

import { requireScopes, type Viewer } from "../../auth/viewer.ts";
import type { Figure } from "../../engine/diagnostics/figure.ts";
import type { Engine } from "../../engine/engine.ts";
import { clock } from "../../runtime/environment.ts";
import { type Loop, notifyOfFirst, startLoop } from "../../runtime/loop.ts";

/** What the RunComfy account has left, in USD. */
export type Balance = { readonly usd: number; readonly readAt: Date };

/** How long an answer is kept, and how long nobody asks again after a failure. */
const KEPT_MS = 60_000;

/** What RunComfy says that the account has left; it is asked at most once a minute, however many read it. */
export class BalanceReader {
  readonly figures: readonly Figure[] = [
    {
      name: "account_balance",
      help: "What the RunComfy account has left, while RunComfy says so; at most two minutes old where it is read each minute.",
      label: "currency",
      read: () => {
        void this.#renew();
        return new Map(this.#last === null ? [] : [["USD", this.#last.usd]]);
      },
    },
  ];
  readonly #given;
  readonly #attempt;
  #last: Balance | null = null;
  #asking: Promise<void> | null = null;
  #askedAt = -Infinity;
  #isLow = false;
  #loop: Loop | null = null;

  constructor(dependencies: {
    readonly readBalance: Engine["readBalance"];
    /** In USD; null for no warning, and then it is asked only when somebody reads it. */
    readonly warnBelow: number | null;
    readonly log: Pick<BaseLogger, "warn">;
    /** Milliseconds since 1970. */
    readonly now?: () => number;
    /** Milliseconds of a clock that never goes back. */
    readonly monotonic?: () => number;
  }) {
    this.#given = { now: clock.now, monotonic: clock.monotonic, ...dependencies };
    this.#attempt = notifyOfFirst((err) => dependencies.log.warn({ err }, UNREAD));
  }

  /** Asks once a minute from now on, where a low balance is to be warned of. */
  start(): void {
    if (this.#given.warnBelow === null) return;
    this.#loop = startLoop({
      act: () => this.#renew().then(() => KEPT_MS),
      retryMs: KEPT_MS,
      onFailure: () => undefined,
    });
  }

  /** Null while RunComfy doesn't say. Needs the scope `operate`. */
  async read(viewer: Viewer): Promise<Balance | null> {
    requireScopes(viewer, "operate");
    await this.#renew();
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#loop?.close();
  }

  /** Asks anew where that is due. Never rejects. */
  async #renew(): Promise<void> {
    if (this.#asking === null && this.#given.monotonic() - this.#askedAt >= KEPT_MS)
      this.#asking = this.#ask().finally(() => (this.#asking = null));
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { readBalance, warnBelow, now, monotonic, log } = this.#given;
    this.#askedAt = monotonic();
    const usd = await this.#attempt(readBalance).catch(() => null);
    this.#last = usd === null ? null : { usd, readAt: new Date(now()) };
    if (usd === null || warnBelow === null) return;
    const isLow = usd < warnBelow;
    if (isLow && !this.#isLow) log.warn({ usd }, LOW);
    this.#isLow = isLow;
  }
}

const LOW =
  "The balance at RunComfy is below BALANCE_WARNING_USD. Top the account up: once it is spent, RunComfy refuses every submit.";
const UNREAD =
  "RunComfy does not say what the account has left; it is asked again at most once a minute. Look the balance up on RunComfy's dashboard.";
