import { sql } from "kysely";
import { describe, expect, test } from "vitest";

import { usePostgres, useSqlite } from "../../store/store-context.ts";
import { ACCEPTED, FAILED, insertJob, see } from "../../store/store-jobs.ts";
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

  // Those of many owners are deleted together, and would lock their budgets in any order.
  test("a deletion of jobs that ended locks none of their budgets", async () => {
    const store = context.store();
    const { id } = await see(store, await insertJob(store), ACCEPTED, FAILED);
    await context.execute(
      `insert into money_budgets (id, reserved_micros, ends_at) values ('b', 1, 1);
      insert into money_reservations (job_id, budget, micros, ends_at) values ('${id}', 'b', 1, 1)`,
    );
    await store.database.queries.transaction().execute(async (transaction) => {
      await sql`select from money_budgets for update`.execute(transaction);
      expect(await store.jobs.delete(id)).toBe(true);
    });
  });
});
