import { type RawBuilder, sql } from "kysely";

import type { Database } from "./database.ts";

/** On Postgres, how many changes there are between two merges, and how many of the oldest rows each takes in at least. */
const BETWEEN_MERGES = 128;
const MERGED = 200;

/** In the place of an upstream, for jobs that are HELD, which are in flight nowhere. No origin has this name. */
export const HELD_HERE = " held";

/**
 * How many unfinished jobs that are not detached each owner has at each upstream, and HELD here: a submit adds up a few rows, and need not
 * read all of the owner's jobs. Triggers count, as gateways of another version write jobs too. A part of a migration, so it
 * is frozen as that is.
 *
 * On SQLite there is one row for each owner and upstream. On Postgres each change adds a row and locks none: at a shared
 * row an owner's jobs would wait for each other, and deadlock with a statement that changes many of them.
 */
export function createUnfinishedJobs(database: Database): readonly RawBuilder<unknown>[] {
  const { kind, nameType: name, createTrigger } = database;
  const add = kind === "postgres" ? addRow : addToRow;
  return [
    ...(kind === "postgres"
      ? [
          sql`create table unfinished_jobs (
            number bigint generated always as identity primary key,
            owner_id ${name} not null, upstream ${name} not null, amount integer not null
          )`,
          sql`create index unfinished_jobs_by_owner on unfinished_jobs (owner_id, upstream)`,
          ...createMerge(database),
        ]
      : [
          sql`create table unfinished_jobs (
            owner_id ${name} not null, upstream ${name} not null, amount integer not null,
            primary key (owner_id, upstream)
          ) without rowid`,
        ]),
    ...createTrigger({
      name: "jobs_count_insert",
      after: sql`insert on jobs`,
      when: isCounted(sql`new`),
      act: add(sql`new`, 1),
    }),
    ...createTrigger({
      name: "jobs_count_update",
      after: sql`update of status, finished_at, detached_since, upstream on jobs`,
      when: sql`${isCounted(sql`old`)} is distinct from ${isCounted(sql`new`)}
        or ${placeOf(sql`old`)} <> ${placeOf(sql`new`)}`,
      act: sql`${add(sql`old`, -1)}; ${add(sql`new`, 1)}`,
    }),
    ...createTrigger({
      name: "jobs_count_delete",
      after: sql`delete on jobs`,
      when: isCounted(sql`old`),
      // Mutant: a withdrawn row that still counts as in flight
      act: add(sql`old`, -1),
    }),
  ];
}

function isCounted(row: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(${row}.finished_at is null and ${row}.detached_since is null)`;
}

function placeOf(row: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case ${row}.status when 'HELD' then ${sql.lit(HELD_HERE)} else ${row}.upstream end`;
}

function addRow(row: RawBuilder<unknown>, amount: number): RawBuilder<unknown> {
  return sql`insert into unfinished_jobs (owner_id, upstream, amount)
    select ${row}.owner_id, ${placeOf(row)}, ${sql.lit(amount)} where ${isCounted(row)}`;
}

function addToRow(row: RawBuilder<unknown>, amount: number): RawBuilder<unknown> {
  return sql`${addRow(row, amount)}
    on conflict (owner_id, upstream) do update set amount = amount + excluded.amount;
  delete from unfinished_jobs
    where owner_id = ${row}.owner_id and upstream = ${placeOf(row)} and amount = 0`;
}

/** Makes one row of all that an owner has at an upstream, but for those in another merge; none where they add up to 0. */
function createMerge({ createTrigger, skipLocked }: Database): readonly RawBuilder<unknown>[] {
  return createTrigger({
    name: "unfinished_jobs_merge",
    after: sql`insert on unfinished_jobs`,
    // A merge must not begin another.
    when: sql`new.number % ${sql.lit(BETWEEN_MERGES)} = 0 and pg_trigger_depth() < 2`,
    // The oldest rows as well, for owners who change nothing any more.
    act: sql`
      with owners as (
        select new.owner_id, new.upstream
        union (select owner_id, upstream from unfinished_jobs order by number limit ${sql.lit(MERGED)})
      ), taken as (
        select number from unfinished_jobs
          where (owner_id, upstream) in (select owner_id, upstream from owners) ${skipLocked}
      ), merged as (
        delete from unfinished_jobs where number in (select number from taken)
          returning owner_id, upstream, amount
      )
      insert into unfinished_jobs (owner_id, upstream, amount)
        select owner_id, upstream, sum(amount) from merged
          group by owner_id, upstream having sum(amount) <> 0`,
  });
}
