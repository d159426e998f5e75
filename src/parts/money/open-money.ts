import type { OpenEngine, OpenPart } from "../../part.ts";
import { clock } from "../../runtime/environment.ts";
import { BudgetAdmission } from "./admission.ts";
import { createCosts } from "./costs.ts";
import { createBudgetLimits, type MoneySettings } from "./limits.ts";
import { createMoneyRows } from "./money-rows.ts";
import type { Plan } from "./prices.ts";
import { createQuotes } from "./quote.ts";
import { Money } from "./usage.ts";

/** Opens what estimates and counts costs, and holds budgets. */
export function openMoney(
  { store, catalogue, live, learning, log }: OpenEngine,
  { plan, ...settings }: MoneySettings & { readonly plan: Plan },
): OpenPart {
  const rows = createMoneyRows(store);
  const quotes = createQuotes({
    upstream: store.upstream,
    ...{ catalogue, live, plan, now: clock.now },
    readTimes: learning.readTimes,
    learned: rows.readLearned,
  });
  const limits = createBudgetLimits(settings, catalogue);
  const admission = new BudgetAdmission({ rows, quotes, limits, log });
  return {
    service: new Money(rows, limits),
    admission,
    costs: createCosts(rows, quotes),
    figures: admission.figures,
    close: async () => undefined,
  };
}
