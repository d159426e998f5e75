import { type RawBuilder, sql } from "kysely";

import { SANDBOX } from "../job/upstream.ts";
import type { Database, DatabaseKind } from "./database.ts";
import { createPollTriggers } from "./polls.ts";
import { createUnfinishedJobs } from "./unfinished-jobs.ts";
import { MAX_RUNS } from "./upstream-rows.ts";
import { createWebhookTables } from "./webhook-tables.ts";

/** What brings the tables to a version. */
type Migration = {
  readonly version: number;
  /** Whether a program that does not know it may no longer use the tables. */
  readonly isBreaking: boolean;
  /** `from` is the version that the tables have; 0 where there are none. */
  statements(database: Database, from: number): readonly RawBuilder<unknown>[];
};

/**
 * In their order. Only ever added to: a migration is never edited, which a test holds by their hashes. What they take from
 * elsewhere is a part of them, such as the triggers of polls: whoever changes that leaves them a copy. Gateways of the
 * version before run beside a migration that is not breaking, so the next one follows these rules:
 *
 * - It adds tables, and columns that are null or have a constant default, which Postgres does not write into the rows.
 *   What is renamed or dropped is still used by the version before: stop using it in one version, drop it in the next.
 * - What must be true of every row is the work of a trigger or a default, because the version before writes rows too.
 * - It sets `lock_timeout` to 5 s before it changes a table: behind an `alter table` that waits, everybody else waits too.
 *   It locks `jobs` before `polls`, as the triggers do.
 * - On Postgres it makes an index of `jobs` with `create index concurrently`, outside the transaction. Under the lock of
 *   any other, every change would wait until it is built.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 2,
    isBreaking: true,
    statements: (database, from) => [
      ...(from === 0 ? createTables(database.kind) : alterFirstTables(database.kind)),
      ...addTables(database.kind),
      ...(from === 0 ? [] : moveTexts(database.kind)),
      ...createTriggers(database),
    ],
  },
  {
    version: 3,
    isBreaking: false,
    statements: ({ kind }) => [
      ...(kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      sql`alter table jobs add column kind ${toNameType(kind)} not null default 'lora'`,
      sql`alter table jobs add column cost double precision`,
      sql`alter table jobs add column cost_version integer`,
    ],
  },
  {
    version: 4,
    isBreaking: false,
    statements: (database) => [
      ...(database.kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      ...createWebhookTables(database, toNameType(database.kind)),
      sql`create table repeatable_submits (
        owner_id ${toNameType(database.kind)} not null, fingerprint ${toNameType(database.kind)} not null,
        job_id ${toNameType(database.kind)} not null, until bigint not null,
        primary key (owner_id, fingerprint)
      )`,
      sql`create index repeatable_submits_by_end on repeatable_submits (until)`,
    ],
  },
  {
    version: 5,
    isBreaking: false,
    statements: ({ kind }) => [
      sql`create table hint_trust (
        upstream ${toNameType(kind)} not null, deployment_id ${toNameType(kind)} not null,
        trust integer not null, primary key (upstream, deployment_id)
      )`,
      ...(kind === "postgres"
        ? [sql`set local lock_timeout = '5s'`, sql`alter table polls add column hint_at bigint`]
        : []),
    ],
  },
  {
    version: 6,
    isBreaking: false,
    statements: ({ kind }) => [
      ...(kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      sql`alter table uploads add column width integer`,
      sql`alter table uploads add column height integer`,
    ],
  },
  {
    version: 7,
    isBreaking: false,
    statements: ({ kind }) => [
      sql`create table sign_ins (
        id_hash ${toNameType(kind)} primary key, owner_id ${toNameType(kind)} not null,
        scopes text not null, signed_by text not null, created_at bigint not null, ends_at bigint not null
      )`,
      sql`create index sign_ins_by_owner on sign_ins (owner_id, created_at)`,
      sql`create index sign_ins_by_end on sign_ins (ends_at)`,
    ],
  },
  {
    version: 8,
    isBreaking: false,
    statements: ({ kind }) => [
      ...(kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      sql`alter table jobs add column starred integer not null default 0`,
      sql`alter table jobs add column labels_version integer`,
    ],
  },
  {
    version: 9,
    isBreaking: false,
    statements: ({ kind }) => [
      sql`create table downloads (
        id ${toNameType(kind)} primary key, owner_id ${toNameType(kind)} not null,
        job_ids text not null, expires_at bigint not null, claimed_until bigint not null default 0
      )`,
      sql`create index downloads_by_owner on downloads (owner_id, expires_at)`,
      sql`create index downloads_by_end on downloads (expires_at)`,
    ],
  },
  {
    version: 10,
    isBreaking: false,
    statements: ({ kind }) => [
      ...(kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      sql`create table first_assets (
        job_id ${toNameType(kind)} primary key references jobs (id) on delete cascade,
        count integer not null, assets text not null
      )`,
      ...(kind === "sqlite" ? MOVE_ASSETS_ON_SQLITE : []),
    ],
  },
  {
    version: 11,
    isBreaking: false,
    statements: ({ kind }) => [
      ...(kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      sql`alter table downloads add column reads_all integer not null default 0`,
    ],
  },
  {
    version: 12,
    isBreaking: false,
    statements: (database) => [
      ...(database.kind === "postgres" ? [sql`set local lock_timeout = '5s'`] : []),
      ...createUnfinishedJobs(database, toNameType(database.kind)),
    ],
  },
];

/** Byte order on both databases; Postgres would sort by the language of the machine. */
function toNameType(kind: DatabaseKind): RawBuilder<unknown> {
  return kind === "postgres" ? sql`text collate "C"` : sql`text`;
}

function createTables(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const isPostgres = kind === "postgres";
  const name = toNameType(kind);
  const random = isPostgres
    ? sql`gen_random_uuid()::text || gen_random_uuid()::text`
    : sql`(lower(hex(randomblob(32))))`;
  return [
    sql`create table jobs (
      id ${name} primary key, owner_id ${name} not null, deployment_id ${name} not null,
      upstream ${name}, away_since bigint, away_ms bigint not null default 0,
      request_id text, api_version text not null,
      status ${name} not null, queue_position bigint,
      error_code text, error_message text, error_retryable integer,
      version integer not null,
      created_at bigint not null, started_at bigint, finished_at bigint, updated_at bigint not null,
      work double precision not null, place bigint, idle_ms bigint,
      idempotency_key ${name}, fingerprint text,
      tags text not null default '[]',
      submit_until bigint not null, traceparent text,
      changed bigint not null default 0, status_changed bigint not null default 0,
      unique (owner_id, idempotency_key)
    )`,
    // One index for each way of listing, so that a page or a count passes over no row that it does not tell of; see
    // `ageOf` in `list-jobs.ts`.
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
    sql`create table job_events (
      job_id ${name} not null references jobs (id) on delete cascade,
      status ${name} not null, version integer not null, at bigint not null,
      primary key (job_id, status)
    )`,
    sql`create table runs (
      number ${isPostgres ? sql`bigint generated always as identity` : sql`integer`} primary key,
      deployment_id ${name} not null, upstream ${name},
      status text not null, work double precision not null, place bigint,
      idle_ms bigint, queue_ms bigint, run_ms bigint, ended_at bigint not null
    )`,
    // Each poll moves its row in the index. SQLite has the table in memory; see `createSqlitePolls`.
    ...(isPostgres
      ? [
          sql`create table polls (
            job_id ${name} primary key, deployment_id ${name} not null, upstream ${name} not null default '',
            due_at bigint, was_due_at bigint,
            failures integer not null default 0,
            not_found_since bigint, unread_since bigint
          ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
        ]
      : [
          sql`create table change_counter (id integer primary key, value integer not null)`,
          sql`insert into change_counter (id, value) values (1, 0)`,
        ]),
    sql`create table pauses (
      id ${name} primary key, noted_at bigint not null, paused_until bigint not null
    )`,
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
      file ${name}, created_at bigint not null
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
  ];
}

/** What the first version had no table or index for. */
function addTables(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const name = toNameType(kind);
  const byKey = sql.raw(kind === "sqlite" ? "without rowid" : "");
  return [
    // What is followed, past all that is paused, however much that is.
    sql`create index jobs_followed on jobs (upstream, deployment_id, status, created_at, id)
      where finished_at is null and away_since is null`,
    sql`create index runs_by_deployment on runs (deployment_id, upstream, number)`,
    ...(kind === "postgres"
      ? [sql`create index polls_by_due on polls (upstream, due_at, deployment_id)`]
      : []),
    // In the rows of documents, SQLite would come to it only through all of the output.
    sql`create table job_assets (
      job_id ${name} primary key references jobs (id) on delete cascade,
      bytes integer not null,
      assets text not null
    ) ${byKey}`,
    sql`create table job_texts (
      owner_id ${name} not null, created_at bigint not null, job_id ${name} not null, search text not null,
      primary key (owner_id, created_at, job_id)
    ) ${byKey}`,
    sql`create table write_probes (bytes text not null)`,
  ];
}

/** Makes the tables of the first version what those of the second are, without the triggers. */
function alterFirstTables(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const name = toNameType(kind);
  return [
    ...(kind === "postgres" ? ALTER_ON_POSTGRES : ALTER_ON_SQLITE),
    sql`alter table jobs add column upstream ${name}`,
    sql`alter table jobs add column away_since bigint`,
    sql`alter table jobs add column away_ms bigint not null default 0`,
    sql`alter table jobs add column status_changed bigint not null default 0`,
    // Whichever change was the last one: a status that is told again does less harm than one that is not told.
    sql`update jobs set status_changed = changed`,
    sql`alter table runs add column upstream ${name}`,
    sql`drop index runs_by_deployment`,
    sql`delete from pauses`,
    sql`alter table file_places drop column swept_at`,
    sql`alter table doomed_files rename to pending_deletions`,
    sql`alter table pending_deletions add column due_at bigint not null default 0`,
  ];
}

const ALTER_ON_SQLITE: readonly RawBuilder<unknown>[] = [
  ...["number_insert", "number_update", "add_event", "add_run"].map((trigger) =>
    sql.raw(`drop trigger jobs_${trigger}`),
  ),
  sql`drop trigger job_documents_add_text`,
  sql`drop trigger job_documents_delete_text`,
  sql`drop trigger kept_files_doom`,
  sql`drop trigger uploads_doom`,
  sql`drop table job_texts`,
];

const ALTER_ON_POSTGRES: readonly RawBuilder<unknown>[] = [
  sql`set local lock_timeout = '5s'`,
  // With their triggers.
  ...["number_change", "add_event", "add_run", "keep_look", "doom_file"].map((trigger) =>
    sql.raw(`drop function gateway_${trigger}() cascade`),
  ),
  sql`drop function gateway_enable_text_search()`,
  // Where a superuser made it, it is theirs; nobody calls it any more.
  sql`do $$ begin
      drop function if exists gateway_find_text(text);
    exception when insufficient_privilege then null;
    end $$`,
  sql`alter table looks rename to polls`,
  sql`alter table polls add column upstream text collate "C" not null default ''`,
  sql`alter table polls alter column due_at drop not null`,
  sql`drop index looks_by_due`,
];

/** To find a row by its key, SQLite read all of each row that it passed, where rows are kept by their key. */
const MOVE_ASSETS_ON_SQLITE: readonly RawBuilder<unknown>[] = [
  sql`alter table job_assets rename to job_assets_by_key`,
  sql`create table job_assets (
    job_id text primary key references jobs (id) on delete cascade,
    bytes integer not null, assets text not null
  )`,
  sql`insert into job_assets select job_id, bytes, assets from job_assets_by_key`,
  sql`drop table job_assets_by_key`,
];

/** The texts by which jobs are found stood beside their documents, where SQLite keeps an empty column for them. */
function moveTexts(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  return [
    sql`insert into job_texts (owner_id, created_at, job_id, search)
      select jobs.owner_id, jobs.created_at, jobs.id, job_documents.search
      from jobs cross join job_documents
      where job_documents.job_id = jobs.id and job_documents.search <> ''
      order by jobs.owner_id, jobs.created_at, jobs.id`,
    // SQLite would write each output anew for that.
    ...(kind === "postgres" ? [sql`alter table job_documents drop column search`] : []),
  ];
}

/**
 * Whoever writes a row: every new version gets a number for the feed, every new status an event in the job's history, and
 * every end of an accepted job a run to learn from. Thousands that wait behind each other move millions of times, which is
 * a change and no history.
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
    values (new.id, new.version, new.status, new.updated_at)`;

/**
 * The run ends when the upstream says, where that can be true; the idle time after it begins now, by the database's clock.
 * Where nobody saw the start, the job was so short that its time in the queue is taken for none; of a job that was away
 * nobody saw how long it took. Runs from before upstreams were stored are the first one's but the sandbox's, which may have
 * a deployment of the same id.
 */
function addRun({ nowMs, skipLocked }: Database): RawBuilder<unknown> {
  const isOfSame = sql`deployment_id = new.deployment_id and upstream = new.upstream`;
  return sql`
  update runs set upstream = new.upstream where deployment_id = new.deployment_id
    and upstream is null and new.upstream <> ${sql.lit(SANDBOX)};
  insert into runs
    (deployment_id, upstream, status, work, place, idle_ms, queue_ms, run_ms, ended_at)
    values (
      new.deployment_id, new.upstream, new.status, new.work, new.place, new.idle_ms,
      case when new.away_ms > 0 then null
        when new.started_at is not null then new.started_at - new.created_at
        when new.status = 'SUCCEEDED' then 0 end,
      case when new.away_ms > 0 then null
        when new.finished_at > new.started_at then new.finished_at - new.started_at
        when new.started_at is not null then new.updated_at - new.started_at
        when new.status = 'SUCCEEDED' then new.finished_at - new.created_at end,
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
