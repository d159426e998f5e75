import type { JobStore } from "../../../src/engine/store/job-store.ts";
import type { WalkBudget } from "../../../src/engine/store/list-jobs.ts";
import { createMoneyRows } from "../../../src/parts/money/money-rows.ts";
import type { IndexCases } from "../../store/index-cases.ts";

export const indexCases: IndexCases = {
  // Each of 20 owners has 500 runs whose cost was told, ten with the same settings.
  seed: (numbers, nowMs) => `
    insert into money_jobs (job_id, owner_id, deployment_id, settings, source, reason, priced_at, overhead_seconds,
        exact_micros, finished_at, ends_at)
      select 'job_' || n, 'o' || (n % 20), 'a/b', 's' || (n % 1000), 'ESTIMATED', 'r', n, 0, case when n % 2 = 0 then n end, n,
        case when n <= 50 then n when n > 10000 then ${nowMs} + 3600000 end
      from ${numbers(1, 20_000)};
    insert into money_reservations (job_id, budget, micros, ends_at)
      select 'job_' || n, 'b' || n, 1, case when n <= 50 then n else ${nowMs} + 3600000 end from ${numbers(1, 20_000)};
    insert into money_budgets (id, reserved_micros, ends_at)
      select 'b' || n, 1, case when n <= 50 then n else ${nowMs} + 3600000 end from ${numbers(1, 20_000)};
    insert into money_days (day, owner_id, deployment_id, jobs, run_ms, exact_micros, estimated_micros, unknown_jobs)
      select n % 400, 'o' || (n / 400), 'a/b', 1, 1, 1, 1, 0 from ${numbers(1, 19_999)};`,
  tables: "money_(?:jobs|reservations|budgets|days)",
  reads: [
    ["what runs have taught", (store) => rowsOf(store).readLearned("o2", "a/b", "s2")],
    ["what is kept of jobs' costs", (store) => rowsOf(store).readMany(["job_1", "job_2"])],
    ["what is taken of budgets", (store) => rowsOf(store).readTaken(["b1", "b2"])],
    ["costs whose time is over", (store) => rowsOf(store).sweep()],
    ["an owner's days", (store) => walkDays(store, "o7")],
    ["everybody's days", (store) => walkDays(store, undefined)],
  ],
};

const rowsOf = (store: JobStore) => createMoneyRows(store);

const ONE_STEP: WalkBudget = {
  step: async (run) => ({ value: await run(), ms: 0 }),
  isSpent: () => true,
};

async function walkDays(store: JobStore, ownerId: string | undefined): Promise<void> {
  await rowsOf(store).walkDays({ from: 5, to: 8, ownerId }, ONE_STEP, () => undefined);
}
