import { describe } from "vitest";

import { usePostgres, useSqlite } from "../../store/store-context.ts";
import { describeBudgets } from "./budgets.contract.ts";

const EMPTY =
  "delete from money_jobs; delete from money_reservations; delete from money_budgets; delete from money_days; delete from late_costs";

describe("money on SQLite", () => {
  describeBudgets(useSqlite(EMPTY));
});
describe("money on Postgres", () => {
  describeBudgets(usePostgres(EMPTY));
});
