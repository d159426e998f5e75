import type { OpenEngine, OpenPart } from "../../part.ts";
import { clock } from "../../runtime/environment.ts";
import { BudgetAdmission } from "./admission.ts";
import { BalanceReader } from "./balance.ts";
import { createCosts } from "./costs.ts";
import { createBudgetLimits, type MoneySettings } from "./limits.ts";
import { createMoneyRows } from "./money-rows.ts";
import type { Plan } from "./prices.ts";
import { createQuotes } from "./quote.ts";
import { Money } from "./usage.ts";

/** Opens what estimates and counts costs, and holds budgets. */
export function openMoney(
  { store, catalogue, live, learning, readBalance, log }: OpenEngine,
  {
    plan,
    warnBelow,
    ...settings
  }: MoneySettings & {
    readonly plan: Plan;
    /** A balance below it is logged; null for none. */
    readonly warnBelow: number | null;
  },
): OpenPart {
  const rows = createMoneyRows(store);
  // It says on what hardware deployments run, which the first quote of each waits for no more than a later one.
  void live.list();
  const quotes = createQuotes({
    upstream: store.upstream,
    ...{ catalogue, live, plan, now: clock.now },
    readTimes: learning.readTimes,
    learned: rows.readLearned,
  });
  const limits = createBudgetLimits(settings, catalogue);
  const admission = new BudgetAdmission({ rows, quotes, limits, log });
  const balance = new BalanceReader({ readBalance, warnBelow, log });
  balance.start();
  return {
    service: new Money({ rows, limits, balance }),
    admission,
    costs: createCosts(rows, quotes),
    figures: [...admission.figures, ...balance.figures],
    close: () => balance.close(),
  };
}
