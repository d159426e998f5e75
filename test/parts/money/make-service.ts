import { BalanceReader } from "../../../src/parts/money/balance.ts";
import { createBudgetLimits } from "../../../src/parts/money/limits.ts";
import { createMoneyRows } from "../../../src/parts/money/money-rows.ts";
import { Money } from "../../../src/parts/money/usage.ts";
import type { MakeService } from "../../support/part-services.ts";

const NO_LIMITS = { day: null, month: null };

export const makeService: MakeService = ({ store, catalogue }) => {
  const settings = { everybody: NO_LIMITS, owner: NO_LIMITS, unknownMicros: null };
  const readBalance = () => Promise.reject(new Error("Nobody is asked."));
  return {
    service: new Money({
      rows: createMoneyRows(store),
      limits: createBudgetLimits(settings, catalogue),
      balance: new BalanceReader({ readBalance, warnBelow: null, log: { warn: () => undefined } }),
    }),
  };
};
