import { describe } from "vitest";

import { usePostgres, useSqlite } from "../../store/store-context.ts";
import { describeBudgets } from "./budgets.contract.ts";
import { describeLearned } from "./learned.contract.ts";

const EMPTY =
  "delete from money_jobs; delete from money_reservations; delete from money_budgets; delete from money_days; delete from late_costs";

describe("money on SQLite", () => {
  const context = useSqlite(EMPTY);
  describeBudgets(context);
  describeLearned(context);
});
describe("money on Postgres", () => {
  const context = usePostgres(EMPTY);
  describeBudgets(context);
  describeLearned(context);
});
