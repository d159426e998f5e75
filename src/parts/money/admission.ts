import type { Kysely } from "kysely";
import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { Viewer } from "../../auth/viewer.ts";
import type { Admission } from "../../engine/store/admission.ts";
import type { Job } from "../../engine/job/job.ts";
import type { Figure } from "../../engine/diagnostics/figure.ts";
import type { Tables } from "../../engine/store/tables.ts";
import { clock } from "../../runtime/environment.ts";
import {
  type Budget,
  budgetExceeded,
  costUnknown,
  fits,
  hasBudget,
  listBudgets,
  NOTHING,
  type SubjectLimits,
  toUsdText,
} from "./budgets.ts";
import { type BudgetLimits, ofCredential, type Payer, toPayer } from "./limits.ts";
import { toMicros } from "./micros.ts";
import type { Exceeded, MoneyRows } from "./money-rows.ts";
import type { Quote, Quotes } from "./quote.ts";

/** What was logged; of more, some may be logged again. */
const MAX_LOGGED = 1_000;
const WARNING_PERCENT = 80;

/**
 * Lets a job be sent only where what it may cost fits into each budget that it counts against: a reservation is written in
 * the transaction that makes it SUBMITTING. Where there is no budget, nothing is reserved or locked.
 */
export class BudgetAdmission implements Admission {
  readonly #given;
  readonly #logged = new LRUCache<string, true>({ max: MAX_LOGGED });
  /** The part of everybody's budgets that is taken, by their periods. */
  readonly #used = new Map<string, number>();
  #refusals = 0;

  readonly figures: readonly Figure[] = [
    {
      name: "budget_refusals_total",
      help: "Submits refused as they did not fit into a budget.",
      read: () => this.#refusals,
    },
    {
      name: "budget_used_ratio",
      help: "The part of everybody's budget that was spent or reserved at this gateway's last submit.",
      label: "period",
      read: () => this.#used,
    },
  ];

  constructor(dependencies: {
    readonly rows: MoneyRows;
    readonly quotes: Quotes;
    readonly limits: BudgetLimits;
    readonly log: Pick<BaseLogger, "warn">;
  }) {
    this.#given = dependencies;
  }

  async prepare({
    viewer,
    deploymentId,
    input,
  }: Parameters<Admission["prepare"]>[0]): ReturnType<Admission["prepare"]> {
    const { rows, quotes, limits } = this.#given;
    const { ownerId, credential } = viewer;
    await rows.sweep();
    const quote = await quotes.quote({ viewer, deploymentId, input });
    const payer = {
      ...{ ownerId, deploymentId, credentialId: credential.id },
      credential: ofCredential(credential),
    };
    const ofPayer = limits.of(payer);
    const isLimited = hasBudget(ofPayer);
    const micros = limits.toReserved(deploymentId, quote.reserveMicros);
    // A HELD job that can never be sent is refused now, whatever the period.
    if (isLimited) this.#check(deploymentId, listBudgets(ofPayer, clock.now()), micros);
    const isKept =
      isLimited ||
      quote.settings !== null ||
      quote.source === "ESTIMATED" ||
      // Its end will tell.
      quote.perSecondMicros !== null;
    return {
      needsApproval: isAbove(viewer, limits.toMost(deploymentId, quote.maxMicros ?? quote.micros)),
      alsoWrite: async (transaction, job) => {
        if (isKept) await rows.insert(transaction, toRow(job.id, payer, quote, micros));
        if (!isLimited || job.status === "HELD") return;
        const exceeded = await this.#reserve(transaction, job, ofPayer, micros);
        if (exceeded !== null) throw this.#refuse(exceeded, micros ?? 0);
      },
    };
  }

  async claim(
    ...[transaction, job]: Parameters<Admission["claim"]>
  ): ReturnType<Admission["claim"]> {
    const { rows, limits } = this.#given;
    const row = await rows.find(transaction, job.id);
    const { ownerId, deploymentId } = job;
    const payer = row === null ? { ownerId, deploymentId, ...NO_CREDENTIAL } : toPayer(row);
    const micros = row?.reserve_micros ?? limits.toReserved(deploymentId, null);
    // Mutant: a claim that reserves nothing
    const exceeded = await this.#reserve(transaction, job, limits.of(payer), micros);
    return exceeded === null ? "admitted" : OUTCOMES[exceeded.budget.subject];
  }

  async readLimited(jobIds: readonly string[]): ReturnType<Admission["readLimited"]> {
    const { rows, limits } = this.#given;
    const held = [...(await rows.readMany(jobIds)).values()].flatMap((row) => {
      const ofPayer = limits.of(toPayer(row));
      return hasBudget(ofPayer) ? [{ row, ofPayer }] : [];
    });
    if (held.length === 0) return new Map();
    const nowMs = await rows.readNow();
    const listed = held.map(({ row, ofPayer }) => ({ row, budgets: listBudgets(ofPayer, nowMs) }));
    const ids = listed.flatMap(({ budgets }) => budgets.map(({ id }) => id));
    const taken = await rows.readTaken(ids);
    return new Map(
      listed.flatMap(({ row, budgets }) => {
        const micros = row.reserve_micros ?? limits.toReserved(row.deployment_id, null);
        const full = budgets.filter(
          (one) => micros === null || !fits(one, taken.get(one.id) ?? NOTHING, micros),
        );
        if (full.length === 0) return [];
        const neverFits = micros === null || full.some((one) => !fits(one, NOTHING, micros));
        const until = Math.max(...full.map(({ renewsAt }) => renewsAt));
        return [[row.job_id, neverFits ? null : new Date(until)] as const];
      }),
    );
  }

  async needsApproval(viewer: Viewer, jobId: string): Promise<boolean> {
    if (viewer.credential.limits?.["approvalAboveUsd"] === undefined) return false;
    const { rows, limits } = this.#given;
    const row = (await rows.readMany([jobId])).get(jobId);
    const most = row && limits.toMost(row.deployment_id, row.max_micros ?? row.micros);
    return isAbove(viewer, most ?? null);
  }

  /**
   * Resolves with the budget into which so much does not fit, of a transaction that must then be rolled back. Rejects with a
   * `LimitError` where it never fits.
   */
  async #reserve(
    transaction: Kysely<Tables>,
    { id: jobId, deploymentId }: Pick<Job, "id" | "deploymentId">,
    limits: SubjectLimits,
    micros: number | null,
  ): Promise<Exceeded | null> {
    if (!hasBudget(limits)) return null;
    const { rows } = this.#given;
    // By the clock of the database, in whose transaction it is.
    const budgets = listBudgets(limits, await rows.readNow(transaction));
    const reserved = { budgets, micros: this.#check(deploymentId, budgets, micros) };
    const exceeded = await rows.reserve(transaction, jobId, reserved, (reached) =>
      this.#note(reached),
    );
    if (exceeded !== null) this.#warn(exceeded.budget, 100);
    return exceeded;
  }

  #note({ budget, taken }: Exceeded): void {
    const share = (taken.reservedMicros + taken.spentMicros) / budget.limitMicros;
    if (budget.subject === "everybody") this.#used.set(budget.period, share);
    if (share * 100 >= WARNING_PERCENT) this.#warn(budget, WARNING_PERCENT);
  }

  #warn({ id, name, limitMicros, renewsAt }: Budget, percent: number): void {
    const fields = { budget: name, limit: toUsdText(limitMicros), renewsAt: new Date(renewsAt) };
    this.#logOnce(`${percent} ${id}`, fields, percent === 100 ? USED_UP : NEARLY_USED_UP);
  }

  #logOnce(what: string, fields: object, message: string): void {
    if (this.#logged.has(what)) return;
    this.#logged.set(what, true);
    this.#given.log.warn(fields, message);
  }

  /** What a job may cost; throws a `LimitError` where it would wait for ever. */
  #check(deploymentId: string, budgets: readonly Budget[], micros: number | null): number {
    const [first] = budgets;
    if (micros === null && first !== undefined) {
      // Callers may name any number of others.
      const isListed = this.#given.limits.isListed(deploymentId);
      this.#logOnce(isListed ? deploymentId : NO_AMOUNT, { deploymentId }, NO_AMOUNT);
      throw costUnknown(first);
    }
    const amount = micros ?? 0;
    const small = budgets.find((budget) => !fits(budget, NOTHING, amount));
    if (small !== undefined) throw this.#refuse({ budget: small, taken: NOTHING }, amount);
    return amount;
  }

  #refuse({ budget, taken }: Exceeded, micros: number): Error {
    this.#refusals += 1;
    return budgetExceeded(budget, taken, micros);
  }
}

/** Who waits for a budget of whom. */
const OUTCOMES = {
  everybody: "limited",
  owner: "limited",
  key: "key-limited",
  deployment: "closed",
} as const;

const NO_CREDENTIAL: Pick<Payer, "credentialId" | "credential"> = {
  credentialId: null,
  credential: { day: null, month: null },
};

const NEARLY_USED_UP =
  "A budget is used up to 80 % or more. Jobs that don't fit are refused or wait; raise the budget if that is not meant.";
const USED_UP =
  "A budget is used up for a job, so jobs are refused or wait until it renews. Raise the budget if that is not meant.";

const NO_AMOUNT =
  "Submits to a deployment are refused, because a budget counts what jobs may cost and nobody knows that of its jobs. Set maxUsd in its entry of the deployments file, or BUDGET_UNKNOWN_USD.";

/** Whether the viewer's submits need an approval at this price; null is not known. */
function isAbove({ credential }: Viewer, micros: number | null): boolean {
  const above = credential.limits?.["approvalAboveUsd"];
  return above !== undefined && (micros === null || micros > toMicros(above));
}

function toRow(job_id: string, payer: Payer, quote: Quote, reserve_micros: number | null) {
  return {
    ...{ job_id, owner_id: payer.ownerId, deployment_id: payer.deploymentId },
    ...{ settings: quote.settings, source: quote.source, micros: quote.micros },
    ...{ min_micros: quote.minMicros, max_micros: quote.maxMicros, reason: quote.reason },
    ...{ priced_at: quote.pricedAt, second_micros: quote.perSecondMicros },
    ...{ overhead_seconds: quote.overheadSeconds, reserve_micros },
    credential_id: payer.credentialId,
    ...{ day_limit_micros: payer.credential.day, month_limit_micros: payer.credential.month },
  };
}
