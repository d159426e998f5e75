import { BalanceReader } from "../../../src/parts/money/balance.ts";
import { createCosts } from "../../../src/parts/money/costs.ts";
import { createBudgetLimits } from "../../../src/parts/money/limits.ts";
import { createMoneyRows } from "../../../src/parts/money/money-rows.ts";
import { Money } from "../../../src/parts/money/usage.ts";
import type { MakeService } from "../../support/part-services.ts";
import { makeQuotes } from "./make-quotes.ts";

const NO_LIMITS = { day: null, month: null };

export const makeService: MakeService = ({ store, catalogue }) => {
  const settings = { everybody: NO_LIMITS, owner: NO_LIMITS, unknownMicros: null };
  const readBalance = () => Promise.reject(new Error("Nobody is asked."));
  const rows = createMoneyRows(store);
  return {
    service: new Money({
      rows,
      limits: createBudgetLimits(settings, catalogue),
      balance: new BalanceReader({ readBalance, warnBelow: null, log: { warn: () => undefined } }),
    }),
    costs: createCosts(rows, makeQuotes([]).quotes),
  };
};
