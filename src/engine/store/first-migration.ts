import { type RawBuilder, sql } from "kysely";

import type { Database } from "./database.ts";
import { createPollTriggers } from "./polls.ts";
import { createUnfinishedJobs } from "./unfinished-jobs.ts";
import { MAX_RUNS } from "./upstream-rows.ts";

/** The engine's tables in an empty database. A part of a migration, so it is frozen as that is. */
export function createFirstTables(database: Database): readonly RawBuilder<unknown>[] {
  return [
    ...createTables(database),
    ...createTriggers(database),
    ...createUnfinishedJobs(database),
  ];
}

function createTables({ kind, nameType: name }: Database): readonly RawBuilder<unknown>[] {
  const isPostgres = kind === "postgres";
  const byKey = sql.raw(isPostgres ? "" : "without rowid");
  const random = isPostgres
    ? sql`gen_random_uuid()::text || gen_random_uuid()::text`
    : sql`(lower(hex(randomblob(32))))`;
  return [
    sql`create table part_triggers (name ${name} primary key, part ${name} not null)`,
    sql`create table jobs (
      id ${name} primary key, owner_id ${name} not null, kind ${name} not null, deployment_id ${name} not null,
      upstream ${name} not null, detached_since bigint, detached_ms bigint not null default 0,
      request_id text, api_version text not null,
      status ${name} not null, claim integer not null default 0, queue_position bigint,
      error_code text, error_message text, error_retryable integer,
      cost double precision, cost_version integer,
      version integer not null,
      created_at bigint not null, sent_at bigint, started_at bigint, finished_at bigint, updated_at bigint not null,
      work double precision not null, place bigint, idle_ms bigint,
      idempotency_key ${name}, fingerprint text,
      tags text not null default '[]', starred integer not null default 0, labels_version integer,
      submit_until bigint not null, traceparent text,
      changed bigint not null default 0, status_changed bigint not null default 0,
      unique (owner_id, idempotency_key)
    )`,
    // One index for each way of listing, so that a page or a count skips no row; see
    // `sortKeyOf` in `list-jobs.ts`.
    sql`create index jobs_by_age on jobs (created_at, id)`,
    sql`create index jobs_by_status on jobs (status, (created_at + 0), id)`,
    sql`create index jobs_by_deployment on jobs (deployment_id, status, (0 + created_at), id)`,
    sql`create index jobs_by_owner_and_age on jobs (owner_id, created_at, id)`,
    sql`create index jobs_by_owner_and_status on jobs (owner_id, status, (created_at - 0), id)`,
    sql`create index jobs_by_owner_and_deployment
      on jobs (owner_id, deployment_id, status, (created_at * 1), id)`,
    sql`create index jobs_by_change on jobs (changed, id)`,
    // See `changedOf` in `feed.ts`.
    sql`create index jobs_by_owner_and_change
      on jobs (owner_id, ${isPostgres ? sql`(changed + 0)` : sql`changed`}, id)`,
    // What is followed, past all that is paused, however much that is.
    sql`create index jobs_followed on jobs (upstream, deployment_id, status, sent_at, id)
      where finished_at is null and detached_since is null`,
    // What is overdue, past all that was sent later, however long ago that was created.
    sql`create index jobs_by_deadline on jobs (detached_since, sent_at)
      where status in ('IN_QUEUE', 'IN_PROGRESS')`,
    sql`create table job_tags (
      job_id ${name} not null references jobs (id) on delete cascade,
      tag ${name} not null, owner_id ${name} not null, created_at bigint not null,
      primary key (job_id, tag)
    )`,
    sql`create index job_tags_by_age on job_tags (tag, (created_at + 0), job_id)`,
    sql`create index job_tags_by_owner on job_tags (owner_id, tag, created_at, job_id)`,
    sql`create table job_documents (
      job_id ${name} not null unique references jobs (id) on delete cascade,
      input_bytes integer not null, output_bytes integer not null default 0,
      input text not null, output text
    )`,
    // In the rows of documents, SQLite would come to it only through all of the output; where rows are kept by their key, it
    // would read all of each that it passes.
    sql`create table job_assets (
      job_id ${name} primary key references jobs (id) on delete cascade,
      bytes integer not null, assets text not null
    )`,
    sql`create table first_assets (
      job_id ${name} primary key references jobs (id) on delete cascade,
      count integer not null, assets text not null
    )`,
    sql`create table job_texts (
      owner_id ${name} not null, created_at bigint not null, job_id ${name} not null, search text not null,
      primary key (owner_id, created_at, job_id)
    ) ${byKey}`,
    sql`create table job_events (
      job_id ${name} not null references jobs (id) on delete cascade,
      status ${name} not null, version integer not null, at bigint not null,
      primary key (job_id, status)
    )`,
    sql`create table runs (
      number ${isPostgres ? sql`bigint generated always as identity` : sql`integer`} primary key,
      deployment_id ${name} not null, upstream ${name} not null,
      status text not null, work double precision not null, place bigint,
      idle_ms bigint, queue_ms bigint, run_ms bigint, ended_at bigint not null
    )`,
    sql`create index runs_by_deployment on runs (deployment_id, upstream, number)`,
    // Each poll moves its row in the index. SQLite has the table in memory; see `createSqlitePolls`.
    ...(isPostgres
      ? [
          sql`create table polls (
            job_id ${name} primary key, deployment_id ${name} not null, upstream ${name} not null,
            due_at bigint, was_due_at bigint,
            failures integer not null default 0,
            not_found_since bigint, unread_since bigint, notified_at bigint
          ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
          sql`create index polls_by_due on polls (upstream, due_at, deployment_id)`,
        ]
      : [
          sql`create table change_counter (id integer primary key, value integer not null)`,
          sql`insert into change_counter (id, value) values (1, 0)`,
        ]),
    sql`create table holds (
      job_id ${name} primary key references jobs (id) on delete cascade,
      owner_id ${name} not null, upstream ${name} not null, deployment_id ${name} not null,
      created_at bigint not null, since bigint not null,
      priority integer not null, send_after bigint,
      by_hand integer not null, needs_approval integer not null,
      submitted_by text, approval_added_by text, sent_for text, signed_by text not null,
      limits text not null,
      counted_for text, counted_until bigint,
      due_at bigint, ends_at bigint, is_cancelled integer not null default 0
    )`,
    // What may be sent now, in the order in which its owner's goes; see `createHolds`.
    sql`create index holds_ready on holds (upstream, owner_id, (-priority), created_at, job_id, deployment_id)
      where due_at = 0`,
    sql`create index holds_by_time on holds (due_at) where due_at > 0`,
    sql`create index holds_by_end on holds (ends_at) where ends_at is not null`,
    sql`create index holds_by_owner on holds (owner_id, (-priority), created_at, job_id)`,
    sql`create index holds_by_deployment
      on holds (owner_id, deployment_id, (-priority), created_at, job_id)`,
    sql`create index holds_to_approve on holds (created_at, job_id) where needs_approval = 1`,
    sql`create index holds_to_approve_by_owner on holds (owner_id, created_at, job_id) where needs_approval = 1`,
    sql`create table upstream_webhook_trust (
      upstream ${name} not null, deployment_id ${name} not null,
      trust integer not null, primary key (upstream, deployment_id)
    )`,
    sql`create table pauses (
      id ${name} primary key, noted_at bigint not null, paused_until bigint not null
    )`,
    sql`create table paused_deployments (
      upstream ${name} not null, deployment_id ${name} not null,
      reason text not null, paused_at bigint not null, primary key (upstream, deployment_id)
    )`,
    ...(isPostgres ? [READ_PAUSE_ON_POSTGRES] : []),
    sql`create table repeatable_submits (
      owner_id ${name} not null, fingerprint ${name} not null, job_id ${name} not null, until bigint not null,
      primary key (owner_id, fingerprint)
    )`,
    sql`create index repeatable_submits_by_end on repeatable_submits (until)`,
    sql`create table spent_keys (
      owner_id ${name} not null, key ${name} not null, job_id text not null, until bigint not null,
      primary key (owner_id, key)
    )`,
    sql`create index spent_keys_by_end on spent_keys (until)`,
    // Unlogged on Postgres on purpose: the table has to be empty after a crash.
    sql`create ${isPostgres ? sql`unlogged` : sql``} table feed_eras (
      number integer primary key, era text not null, key text not null default ${random}
    )`,
    sql`create table quotas (
      key ${name} primary key, used integer not null, ends_at bigint not null
    )`,
    sql`create table sign_ins (
      id_hash ${name} primary key, owner_id ${name} not null,
      scopes text not null, credential_id text, signed_by text not null, needs_approval integer not null,
      created_at bigint not null, ends_at bigint not null
    )`,
    sql`create index sign_ins_by_owner on sign_ins (owner_id, created_at)`,
    sql`create index sign_ins_by_end on sign_ins (ends_at)`,
    sql`create table write_probes (bytes text not null)`,
    sql`create table file_places (
      number integer primary key,
      folder text not null default ${isPostgres ? sql`replace(gen_random_uuid()::text, '-', '')` : sql`(lower(hex(randomblob(16))))`},
      key text not null default ${random},
      marker text
    )`,
    sql`insert into file_places (number) values (1)`,
    sql`create table uploads (
      id ${name} primary key, owner_id ${name} not null,
      file_name text not null, content_type text not null, bytes bigint not null,
      file ${name}, width integer, height integer, created_at bigint not null
    )`,
    sql`create index uploads_by_age on uploads (created_at)`,
    sql`create index uploads_by_owner on uploads (owner_id) where file is null`,
    sql`create index uploads_by_file on uploads (file) where file is not null`,
    sql`create table upload_uses (
      upload_id ${name} not null references uploads (id),
      job_id ${name} not null references jobs (id) on delete cascade,
      primary key (upload_id, job_id)
    )`,
    sql`create index upload_uses_by_job on upload_uses (job_id)`,
    sql`create table kept_files (
      job_id ${name} not null references jobs (id) on delete cascade, number integer not null,
      url text not null,
      state ${name} not null, due_at bigint, attempts integer not null default 0,
      file ${name}, content_type text, bytes bigint,
      width integer, height integer, reason text,
      primary key (job_id, number)
    )`,
    sql`create index kept_files_by_time on kept_files (due_at) where due_at is not null`,
    sql`create index kept_files_by_file on kept_files (file) where file is not null`,
    sql`create table pending_deletions (
      file ${name} primary key, due_at bigint not null default 0
    )`,
    // Outlives its job: RunComfy bills a run whose job is deleted.
    sql`create table late_costs (
      job_id ${name} primary key, owner_id ${name} not null,
      upstream ${name} not null, kind ${name} not null, deployment_id ${name} not null,
      api_version text not null, request_id text not null,
      ended_at bigint not null, due_at bigint not null, cost double precision
    )`,
    sql`create index late_costs_by_due on late_costs (upstream, due_at, deployment_id)`,
  ];
}

/**
 * Why a deployment is paused, read for a row that the same transaction writes. No pause commits between this and the end of
 * the transaction, since a pause holds the lock alone. Each statement here sees what was committed before it, as the
 * statement that calls it does not.
 */
const READ_PAUSE_ON_POSTGRES = sql`
  create function gateway_read_pause(upstreams text[], id text) returns text language plpgsql as $$
    declare
      found_reason text;
    begin
      perform pg_advisory_xact_lock_shared(hashtextextended('runcomfy-graphql:pause:' || id, 0));
      select reason into found_reason from paused_deployments
        where upstream = any(upstreams) and deployment_id = id limit 1;
      return found_reason;
    end $$`;

/**
 * Whatever writes a row: every new version gets a number for the feed, every new status an event in the job's history, and
 * every end of an accepted job a run to learn from. Thousands that wait behind each other move millions of times, which is
 * a change but no history.
 */
function createTriggers(database: Database): readonly RawBuilder<unknown>[] {
  const { kind, createTrigger } = database;
  const isPostgres = kind === "postgres";
  return [
    ...(isPostgres ? NUMBER_ON_POSTGRES : NUMBER_ON_SQLITE),
    ...createTrigger({
      name: "jobs_add_first_event",
      after: sql`insert on jobs`,
      act: ADD_EVENT,
    }),
    ...createTrigger({
      name: "jobs_add_event",
      after: sql`update of status on jobs`,
      when: sql`old.status is distinct from new.status`,
      act: ADD_EVENT,
    }),
    ...createTrigger({
      name: "jobs_add_run",
      after: sql`update of status on jobs`,
      when: sql`new.finished_at is not null and new.request_id is not null`,
      act: addRun(database),
    }),
    // Put back, the job has a history as if it had not been claimed.
    ...createTrigger({
      name: "jobs_put_back",
      after: sql`update of status on jobs`,
      when: sql`old.status <> 'HELD' and new.status = 'HELD'`,
      act: sql`delete from job_events where job_id = new.id and status = 'SUBMITTING'`,
    }),
    // A job that came to nothing no longer counts among those of its day.
    ...createTrigger({
      name: "jobs_end_hold",
      after: sql`update of status on jobs`,
      when: sql`new.claim > 0 or old.status = 'HELD'`,
      act: END_HOLD,
    }),
    // An account has found a job of its origin to be its own, and takes what its deployment has taught.
    ...createTrigger({
      name: "jobs_move_runs",
      after: sql`update of upstream on jobs`,
      when: sql`old.upstream is distinct from new.upstream`,
      act: sql`update runs set upstream = new.upstream
        where deployment_id = new.deployment_id and upstream = old.upstream`,
    }),
    ...createTrigger({
      name: "jobs_delete_text",
      after: sql`delete on jobs`,
      act: sql`delete from job_texts
        where owner_id = old.owner_id and created_at = old.created_at and job_id = old.id`,
    }),
    // A file's row goes with its job, and then the file has to go, too.
    ...["kept_files", "uploads"].flatMap((table) =>
      createTrigger({
        name: `${table}_add_deletion`,
        after: sql`delete on ${sql.table(table)}`,
        when: sql`old.file is not null`,
        act: sql`insert into pending_deletions (file) values (old.file) on conflict do nothing`,
      }),
    ),
    ...(isPostgres ? createPollTriggers(database) : []),
  ];
}

const ADD_EVENT = sql`
  insert into job_events (job_id, version, status, at)
    values (new.id, new.version, new.status, new.updated_at) on conflict do nothing`;

const END_HOLD = sql`
  update quotas set used = used - 1
    where new.finished_at is not null and new.request_id is null
      and new.error_code is distinct from 'SUBMISSION_UNKNOWN'
      and (key, ends_at) = (select counted_for, counted_until from holds where job_id = new.id);
  delete from holds where job_id = new.id and new.status not in ('HELD', 'SUBMITTING')`;

/**
 * The run ends when the upstream says, where that can be true; the idle time after it begins now, by the database's clock.
 * Where nobody saw the start, the job was so short that its time in the queue is taken for none; of a job that was detached
 * nobody saw how long it took.
 */
function addRun({ nowMs, skipLocked }: Database): RawBuilder<unknown> {
  const isOfSame = sql`deployment_id = new.deployment_id and upstream = new.upstream`;
  return sql`
  insert into runs
    (deployment_id, upstream, status, work, place, idle_ms, queue_ms, run_ms, ended_at)
    values (
      new.deployment_id, new.upstream, new.status, new.work, new.place, new.idle_ms,
      case when new.detached_ms > 0 then null
        when new.started_at is not null then new.started_at - new.sent_at
        when new.status = 'SUCCEEDED' then 0 end,
      case when new.detached_ms > 0 then null
        when new.finished_at > new.started_at then new.finished_at - new.started_at
        when new.started_at is not null then new.updated_at - new.started_at
        when new.status = 'SUCCEEDED' then new.finished_at - new.sent_at end,
      ${nowMs}
    );
  delete from runs where number in (
    select number from runs where ${isOfSame} and number <= (
      select number from runs where ${isOfSame}
      order by number desc limit 1 offset ${sql.lit(MAX_RUNS)}
    ) ${skipLocked}
  )`;
}

const NUMBER_ON_POSTGRES: readonly RawBuilder<unknown>[] = [
  sql`create function gateway_number_change() returns trigger language plpgsql as $$
    begin
      new.changed := pg_current_xact_id()::text::bigint;
      -- At an insert nothing is old.
      if old.status is distinct from new.status then
        new.status_changed := new.changed;
      end if;
      return new;
    end $$`,
  sql`create trigger jobs_number_insert before insert on jobs
    for each row execute function gateway_number_change()`,
  sql`create trigger jobs_number_update before update of version on jobs
    for each row when (old.version is distinct from new.version)
    execute function gateway_number_change()`,
];

const NUMBER_ON_SQLITE: readonly RawBuilder<unknown>[] = [
  sql`create trigger jobs_number_insert after insert on jobs begin
    update change_counter set value = value + 1;
    update jobs set (changed, status_changed) = (select value, value from change_counter)
      where id = new.id;
  end`,
  sql`create trigger jobs_number_update after update of version on jobs
    when old.version is not new.version begin
      update change_counter set value = value + 1;
      update jobs set (changed, status_changed) = (
        select value, iif(old.status is new.status, new.status_changed, value) from change_counter
      ) where id = new.id;
    end`,
];
