import { type Generated, type RawBuilder, sql } from "kysely";

import type { Database, Trigger } from "../../engine/store/database.ts";
import { KINDS } from "../../engine/runcomfy/kinds/kinds.ts";
import type { Migration } from "../../engine/store/migrations.ts";

/** Of the part alone. Amounts are whole microdollars, times are as in the engine's. */
export type MoneyTables = {
  /** What is known of a job's cost. A row outlives its job for as long as its cost may still be reported. */
  readonly money_jobs: {
    readonly job_id: string;
    readonly owner_id: string;
    readonly deployment_id: string;
    /** A digest of what decides the price; null where that is not known. */
    readonly settings: string | null;
    readonly source: "ESTIMATED" | "UNKNOWN";
    /** One amount, or bounds; null where there is none. */
    readonly micros: number | null;
    readonly min_micros: number | null;
    readonly max_micros: number | null;
    readonly reason: string;
    readonly priced_at: number;
    /** Of an instance; null where what runs is not paid by the second. */
    readonly second_micros: number | null;
    /** Cold start and keep-warm. */
    readonly overhead_seconds: number;
    /** What a reservation takes; null where nothing says that. */
    readonly reserve_micros: number | null;
    /** The credential's budgets when the job was submitted. */
    readonly credential_id: string | null;
    readonly day_limit_micros: number | null;
    readonly month_limit_micros: number | null;
    /** Once it has ended: what RunComfy reported, or else an upper estimate; both null where nobody knows. */
    readonly exact_micros: Generated<number | null>;
    readonly estimated_micros: Generated<number | null>;
    /** What its reservation becomes; null where that stays. */
    readonly booked_micros: Generated<number | null>;
    /** When it ended; null until then, and where it was never sent. */
    readonly finished_at: Generated<number | null>;
    /** When the row goes; null while the job is there. */
    readonly ends_at: Generated<number | null>;
  };
  /** What a job takes of a budget. */
  readonly money_reservations: {
    readonly job_id: string;
    readonly budget: string;
    readonly micros: number;
    /** What it came to; null while it is reserved. */
    readonly spent_micros: Generated<number | null>;
    readonly ends_at: number;
  };
  /** What is taken of a budget in a period, which its id names: the sums of the reservations' rows. */
  readonly money_budgets: {
    readonly id: string;
    readonly reserved_micros: number;
    readonly spent_micros: Generated<number>;
    /** When the row goes, some time after the period. */
    readonly ends_at: number;
  };
  /** What was sent and has ended. */
  readonly money_days: {
    readonly day: number;
    readonly owner_id: string;
    readonly deployment_id: string;
    readonly jobs: number;
    readonly run_ms: number;
    readonly exact_micros: number;
    readonly estimated_micros: number;
    readonly unknown_jobs: number;
  };
};

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, isBreaking: false, statements: createMoneyTables },
];

/** Part of a migration, so never edited. */
function createMoneyTables({ nameType: name }: Database): readonly RawBuilder<unknown>[] {
  return [
    sql`create table money_jobs (
      job_id ${name} primary key, owner_id ${name} not null, deployment_id ${name} not null,
      settings ${name}, source ${name} not null,
      micros bigint, min_micros bigint, max_micros bigint,
      reason text not null, priced_at bigint not null,
      second_micros double precision, overhead_seconds double precision not null default 0,
      reserve_micros bigint,
      credential_id text, day_limit_micros bigint, month_limit_micros bigint,
      exact_micros bigint, estimated_micros bigint, booked_micros bigint,
      finished_at bigint, ends_at bigint
    )`,
    sql`create index money_jobs_learned on money_jobs (owner_id, deployment_id, settings, finished_at)
      where exact_micros is not null`,
    sql`create index money_jobs_by_end on money_jobs (ends_at) where ends_at is not null`,
    sql`create table money_reservations (
      job_id ${name} not null, budget ${name} not null,
      micros bigint not null, spent_micros bigint, ends_at bigint not null,
      primary key (job_id, budget)
    )`,
    sql`create index money_reservations_by_end on money_reservations (ends_at)`,
    sql`create table money_budgets (
      id ${name} primary key, reserved_micros bigint not null, spent_micros bigint not null default 0, ends_at bigint not null
    )`,
    sql`create index money_budgets_by_end on money_budgets (ends_at)`,
    sql`create table money_days (
      day integer not null, owner_id ${name} not null, deployment_id ${name} not null,
      jobs integer not null, run_ms bigint not null,
      exact_micros bigint not null, estimated_micros bigint not null, unknown_jobs integer not null,
      primary key (day, owner_id, deployment_id)
    )`,
    sql`create index money_days_by_owner on money_days (owner_id, day, deployment_id)`,
  ];
}

const DAY_MS = sql.lit(86_400_000);
/** After the deletion of its job; where RunComfy fails, a late cost comes within two days. */
const KEPT_AFTER_MS = sql.lit(3 * 86_400_000);

/** The kinds that are paid by the run. */
const MODELS = KINDS.flatMap(({ name, adapter }) => (adapter.service === "models" ? [name] : []));

/** The statement that writes what became of a job, or what it cost, also books it. */
export function createTriggers(database: Database): readonly Trigger[] {
  const { nowMs } = database;
  const now = sql`new`;
  const hasEnded = sql`new.finished_at is not null and old.finished_at is null`;
  const wasSent = sql`(new.request_id is not null or new.error_code is not distinct from 'SUBMISSION_UNKNOWN')`;
  // Mutant: a cost that is booked twice
  const estimated = sql`coalesce(told.estimated_micros, 0)`;
  return [
    {
      name: "money_job_ends",
      after: sql`update of status on jobs`,
      when: sql`${hasEnded} and ${wasSent}`,
      act: sql`
        insert into money_jobs (job_id, owner_id, deployment_id, source, reason, priced_at)
          values (new.id, new.owner_id, new.deployment_id, 'UNKNOWN', ${sql.lit(NO_PRICE)}, ${nowMs})
          on conflict (job_id) do nothing;
        ${end(now)};
        ${book(database, sql`new.id`)};
        insert into money_days (day, owner_id, deployment_id, jobs, run_ms, exact_micros, estimated_micros, unknown_jobs)
          select finished_at / ${DAY_MS}, owner_id, deployment_id, 1, coalesce(${runMs(now)}, 0),
              coalesce(exact_micros, 0), coalesce(estimated_micros, 0), ${isUnknown}
            from money_jobs where job_id = new.id
          on conflict (day, owner_id, deployment_id) do update set
            jobs = money_days.jobs + excluded.jobs, run_ms = money_days.run_ms + excluded.run_ms,
            exact_micros = money_days.exact_micros + excluded.exact_micros,
            estimated_micros = money_days.estimated_micros + excluded.estimated_micros,
            unknown_jobs = money_days.unknown_jobs + excluded.unknown_jobs`,
    },
    {
      name: "money_job_unsent",
      after: sql`update of status on jobs`,
      when: sql`(${hasEnded} and not ${wasSent}) or (new.status = 'HELD' and old.status = 'SUBMITTING')`,
      act: giveBack(database, sql`new.id`),
    },
    {
      name: "money_job_withdrawn",
      after: sql`delete on jobs`,
      // Mutant: a reservation that is not given back
      when: sql`old.status = 'SUBMITTING'`,
      act: giveBack(database, sql`old.id`),
    },
    // Many are deleted at once, in any order, so this locks no budget.
    {
      name: "money_job_deleted",
      after: sql`delete on jobs`,
      act: sql`update money_jobs set ends_at = ${nowMs} + ${KEPT_AFTER_MS} where job_id = old.id`,
    },
    {
      name: "money_late_cost",
      after: sql`update of cost on late_costs`,
      when: sql`new.cost is not null and old.cost is null`,
      act: sql`
        update money_jobs set booked_micros = ${toMicros(now)}
          where job_id = new.job_id and exact_micros is null and finished_at is not null;
        ${book(database, sql`new.job_id`)};
        update money_days set exact_micros = money_days.exact_micros + told.booked_micros,
            estimated_micros = money_days.estimated_micros - ${estimated},
            unknown_jobs = unknown_jobs - case when told.estimated_micros is null then 1 else 0 end
          from money_jobs as told
          where told.job_id = new.job_id and told.exact_micros is null and day = told.finished_at / ${DAY_MS}
            and money_days.owner_id = told.owner_id and money_days.deployment_id = told.deployment_id;
        update money_jobs set exact_micros = booked_micros, estimated_micros = null
          where job_id = new.job_id and exact_micros is null and finished_at is not null`,
    },
  ];
}

/** Of a job that was submitted while nothing here looked at it. */
const NO_PRICE = "No price was known when it was submitted.";

const isUnknown = sql`case when exact_micros is null and estimated_micros is null then 1 else 0 end`;

function toMicros(row: RawBuilder<unknown>): RawBuilder<number> {
  return sql`cast(round(${row}.cost * 1000000) as bigint)`;
}

/** For how long the job of this row ran, as far as anybody saw, as `runs` have it; null where the end was not seen either. */
function runMs(row: RawBuilder<unknown>): RawBuilder<number | null> {
  return sql`case
    when ${row}.error_code in ('EXPIRED', 'LOST') then null
    when ${row}.finished_at > ${row}.started_at then ${row}.finished_at - ${row}.started_at
    when ${row}.started_at is not null then ${row}.updated_at - ${row}.started_at
    when ${row}.status = 'SUCCEEDED' then ${row}.finished_at - ${row}.sent_at
  end`;
}

/** Writes what the job of this row came to. */
function end(row: RawBuilder<unknown>): RawBuilder<unknown> {
  const isUnstarted = sql`${row}.status = 'CANCELLED' and ${row}.started_at is null`;
  // An instance may have started for it.
  const estimated = sql`case
    when ${row}.cost is not null then null
    when second_micros is not null then cast(round(second_micros *
      case when ${isUnstarted} then overhead_seconds else ${runMs(row)} / 1000.0 + overhead_seconds end) as bigint)
    when ${isUnstarted} and ${row}.kind in (${sql.join(MODELS.map((kind) => sql.lit(kind)))}) then 0
    when ${row}.status = 'SUCCEEDED' then micros
  end`;
  return sql`
    update money_jobs set
      exact_micros = case when ${row}.cost is not null then ${toMicros(row)} end,
      estimated_micros = ${estimated},
      booked_micros = case
        when ${row}.cost is not null then ${toMicros(row)}
        when ${row}.status = 'CANCELLED' or (second_micros is not null and ${row}.status = 'SUCCEEDED') then ${estimated}
      end,
      finished_at = ${row}.finished_at
    where job_id = ${row}.id`;
}

/** Turns a job's reservations into what it came to, where that is known. */
function book(database: Database, jobId: RawBuilder<unknown>): RawBuilder<unknown> {
  const booked = sql`(select booked_micros from money_jobs where job_id = ${jobId})`;
  return sql`
    ${lockBudgets(database, jobId)}
    update money_budgets set reserved_micros = reserved_micros - taken.micros,
        spent_micros = money_budgets.spent_micros + ${booked}
      from money_reservations as taken
      where taken.job_id = ${jobId} and taken.budget = money_budgets.id
        and taken.spent_micros is null and ${booked} is not null;
    update money_reservations set spent_micros = ${booked}
      where job_id = ${jobId} and spent_micros is null and ${booked} is not null`;
}

/** Takes a job's reservations back. */
function giveBack(database: Database, jobId: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    ${lockBudgets(database, jobId)}
    update money_budgets set reserved_micros = reserved_micros - taken.micros
      from money_reservations as taken
      where taken.job_id = ${jobId} and taken.budget = money_budgets.id
        and taken.spent_micros is null;
    delete from money_reservations where job_id = ${jobId} and spent_micros is null`;
}

/** In the order in which all transactions lock them. On SQLite they take turns anyway. */
function lockBudgets({ kind }: Database, jobId: RawBuilder<unknown>): RawBuilder<unknown> {
  return kind === "sqlite"
    ? sql``
    : sql`perform 1 from money_budgets where id in (
        select budget from money_reservations where job_id = ${jobId}) order by id for update;`;
}
