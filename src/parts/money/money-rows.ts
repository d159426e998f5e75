import { type Insertable, type Kysely, type Selectable, sql } from "kysely";

import { clock } from "../../runtime/environment.ts";
import { atMost } from "../../engine/store/database.ts";
import { deleteEnded } from "../../engine/store/delete-ended.ts";
import { inChunks } from "../../engine/store/job-rows.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import type { WalkBudget } from "../../engine/store/list-jobs.ts";
import type { Tables } from "../../engine/store/tables.ts";
import { type Budget, fits, type Taken } from "./budgets.ts";
import type { MoneyTables } from "./tables.ts";

export type MoneyRows = ReturnType<typeof createMoneyRows>;

export type MoneyRow = Selectable<MoneyTables["money_jobs"]>;

/** A budget into which something does not fit, and what is taken of it. */
export type Exceeded = { readonly budget: Budget; readonly taken: Taken };

/** What jobs of an owner and a deployment that ended on a day came to. */
export type UsageRow = Selectable<MoneyTables["money_days"]>;

/** Between two deletions of rows whose time is over. */
const BETWEEN_SWEEPS_MS = 5 * 60_000;
const MAX_SWEPT = 500;
/** Of a period that is over, for jobs that are still under way. */
const KEPT_MS = 40 * 86_400_000;
/** How many costs have to be alike. */
const LEARNED_FROM = 3;
/** Nobody else is served during a step. */
const ROWS_PER_STEP = 1_000;

/** What the part keeps in the gateway's database. */
export function createMoneyRows({ database, publish }: Pick<JobStore, "database" | "publish">) {
  const { nowMs, reads } = database;
  let sweptAt = -Infinity;

  return publish("money_jobs", {
    /** Deletes rows whose time is over, from time to time. */
    async sweep(): Promise<void> {
      if (clock.monotonic() - sweptAt < BETWEEN_SWEEPS_MS) return;
      sweptAt = clock.monotonic();
      for (const table of ["money_jobs", "money_reservations", "money_budgets"])
        if ((await deleteEnded(database, table, "ends_at", MAX_SWEPT)) === MAX_SWEPT)
          sweptAt = -Infinity;
    },

    /** Adds what is known of a job that is added in this transaction. */
    async insert(
      transaction: Kysely<Tables>,
      row: Insertable<MoneyTables["money_jobs"]>,
    ): Promise<void> {
      await transaction.withTables<MoneyTables>().insertInto("money_jobs").values(row).execute();
    },

    /** Milliseconds since 1970 by the database's clock, by which periods begin. */
    async readNow(transaction: Kysely<Tables> = reads): Promise<number> {
      const { rows } = await sql<{ readonly now: number }>`select ${nowMs} as now`.execute(
        transaction,
      );
      return rows[0]?.now ?? 0;
    },

    /** The row of a job in a transaction; null where there is none. */
    async find(transaction: Kysely<Tables>, jobId: string): Promise<MoneyRow | null> {
      const { rows } =
        await sql<MoneyRow>`select * from money_jobs where job_id = ${jobId}`.execute(transaction);
      return rows[0] ?? null;
    },

    /**
     * Reserves so much of each of these budgets, which come in the order of their ids. Resolves with the first into which it
     * does not fit, and then the transaction must be rolled back; with null otherwise. `onTaken` gets what is taken then.
     */
    async reserve(
      transaction: Kysely<Tables>,
      jobId: string,
      { budgets, micros }: { readonly budgets: readonly Budget[]; readonly micros: number },
      onTaken: (exceeded: Exceeded) => void,
    ): Promise<Exceeded | null> {
      for (const budget of budgets) {
        const { rows } = await sql<Selectable<MoneyTables["money_budgets"]>>`
          insert into money_budgets (id, reserved_micros, ends_at)
            values (${budget.id}, ${micros}, ${budget.renewsAt + KEPT_MS})
            on conflict (id) do update set reserved_micros = money_budgets.reserved_micros + excluded.reserved_micros
            returning *`.execute(transaction);
        const [row] = rows;
        if (row === undefined) throw new Error(`${budget.id} was not written`);
        const taken = {
          reservedMicros: row.reserved_micros - micros,
          spentMicros: row.spent_micros,
        };
        // Mutant: a budget that is exceeded
        if (!fits(budget, taken, micros)) return { budget, taken };
        onTaken({ budget, taken: { ...taken, reservedMicros: row.reserved_micros } });
      }
      await transaction
        .withTables<MoneyTables>()
        .insertInto("money_reservations")
        .values(
          budgets.map(({ id, renewsAt }) => ({
            ...{ job_id: jobId, budget: id, micros },
            ends_at: renewsAt + KEPT_MS,
          })),
        )
        .execute();
      return null;
    },

    /** The rows of these jobs, by their ids. */
    async readMany(jobIds: readonly string[]): Promise<ReadonlyMap<string, MoneyRow>> {
      const rows = await inChunks(jobIds, async (chunk) => {
        const { rows: found } = await sql<MoneyRow>`
          select * from money_jobs where job_id in (${sql.join(chunk)})`.execute(reads);
        return found;
      });
      return new Map(rows.map((row) => [row.job_id, row]));
    },

    /**
     * What the last three of an owner's jobs with these settings cost whose cost RunComfy reported, in microdollars; null where
     * they did not all cost the same, or there are not as many.
     */
    async readLearned(
      ownerId: string,
      deploymentId: string,
      settings: string,
    ): Promise<number | null> {
      const { rows } = await sql<{ readonly exact_micros: number }>`
        select exact_micros from money_jobs
          where owner_id = ${ownerId} and deployment_id = ${deploymentId} and settings = ${settings}
            and exact_micros is not null
          order by finished_at desc limit ${atMost(LEARNED_FROM)}`.execute(reads);
      const [first] = rows;
      const isAlike = rows.every(({ exact_micros: one }) => one === first?.exact_micros);
      return isAlike && rows.length === LEARNED_FROM ? (first?.exact_micros ?? null) : null;
    },

    /** What is taken of each of these budgets. */
    async readTaken(ids: readonly string[]): Promise<ReadonlyMap<string, Taken>> {
      const rows = await inChunks(ids, async (chunk) => {
        const { rows: found } = await sql<Selectable<MoneyTables["money_budgets"]>>`
          select * from money_budgets where id in (${sql.join(chunk)})`.execute(reads);
        return found;
      });
      return new Map(
        rows.map((row) => [
          row.id,
          { reservedMicros: row.reserved_micros, spentMicros: row.spent_micros },
        ]),
      );
    },

    /** Walks what an owner's jobs, or everybody's, came to from one day to another; false where the time was too short. */
    async walkDays(
      range: { readonly from: number; readonly to: number; readonly ownerId: string | undefined },
      budget: WalkBudget,
      onRow: (row: UsageRow) => void,
    ): Promise<boolean> {
      const { from, to, ownerId } = range;
      // Along the one index or the other.
      const [isOwners, order] =
        ownerId === undefined
          ? [sql``, sql`day, owner_id, deployment_id`]
          : [sql`owner_id = ${ownerId} and`, sql`day, deployment_id`];
      let start = sql`day >= ${from}`;
      for (;;) {
        const { value: rows } = await budget.step(async () => {
          const { rows: found } = await sql<UsageRow>`
            select * from money_days where ${isOwners} ${start} and day <= ${to}
              order by ${order} limit ${atMost(ROWS_PER_STEP)}`.execute(reads);
          return found;
        });
        for (const row of rows) onRow(row);
        const last = rows.at(-1);
        if (last === undefined || rows.length < ROWS_PER_STEP) return true;
        if (budget.isSpent()) return false;
        const { day, owner_id, deployment_id } = last;
        start = sql`(${order}) > (${sql.join(ownerId === undefined ? [day, owner_id, deployment_id] : [day, deployment_id])})`;
      }
    },
  });
}
