import { type RawBuilder, sql } from "kysely";

import { SANDBOX } from "../job/upstream.ts";
import type { Database } from "./database.ts";
import type { DatabaseKind } from "./dialect.ts";
import { DELETE_POLL, keepPoll, MOVE_POLL } from "./polls.ts";
import { MAX_RUNS } from "./read-runs.ts";

/** What brings the tables from one form to the next; its number is its place in the list. */
type Migration = {
  /** Whether a program that does not know it may no longer use the tables. */
  readonly isBreaking: boolean;
  statements(database: Database): readonly RawBuilder<unknown>[];
};

/**
 * In their order. Only ever added to: a migration is never edited, which a test holds by their hashes. What they take from
 * elsewhere is a part of them, such as the table of polls: whoever changes that leaves them a copy. Gateways of the version
 * before run beside a migration that is not breaking, so the next one follows these rules:
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
    isBreaking: true,
    statements: ({ kind, nowMs, pollMs }) => [
      ...createTables(kind),
      ...createFileTables(kind),
      ...createTriggers(kind, nowMs),
      ...(kind === "sqlite" ? SQLITE_TEXT_SEARCH : POSTGRES_TEXT_SEARCH),
      ...(kind === "postgres" ? createFirstLooks(pollMs) : []),
    ],
  },
  {
    isBreaking: true,
    statements: (database) => [
      ...addUpstreams(database),
      ...numberStatuses(database.kind),
      ADD_WRITE_PROBES,
      ...moveTexts(database.kind),
      addAssets(database.kind),
      ...renameDeletions(database.kind),
    ],
  },
];

/** Byte order on both databases; Postgres would sort by the language of the machine. */
function toNameType(kind: DatabaseKind): RawBuilder<unknown> {
  return kind === "postgres" ? sql`text collate "C"` : sql`text`;
}

/** A function that triggers on Postgres run after a change. */
function createTriggered(name: string, statements: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`create or replace function ${sql.raw(name)}() returns trigger language plpgsql as $$
    begin
      ${statements}
      return null;
    end $$`;
}

const ADD_WRITE_PROBES = sql`create table write_probes (bytes text not null)`;

/** Files whose rows are gone, or are to come. Triggers of SQLite follow the name of a table, functions of Postgres do not. */
function renameDeletions(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const rename = sql`alter table doomed_files rename to pending_deletions`;
  const add = sql`insert into pending_deletions (file) values (old.file) on conflict do nothing`;
  return [
    rename,
    sql`alter table pending_deletions add column due_at bigint not null default 0`,
    sql`alter table file_places drop column swept_at`,
    ...(kind === "postgres" ? [createTriggered("gateway_add_deletion", sql`${add};`)] : []),
    ...["kept_files", "uploads"].flatMap((table) => {
      const onTable = kind === "postgres" ? ` on ${table}` : "";
      const trigger = sql.raw(`create trigger ${table}_add_deletion after delete on ${table}
        for each row when (old.file is not null)`);
      return [
        sql.raw(`drop trigger ${table}_doom${onTable}`),
        kind === "postgres"
          ? sql`${trigger} execute function gateway_add_deletion()`
          : sql`${trigger} begin ${add}; end`,
      ];
    }),
    ...(kind === "postgres" ? [sql`drop function gateway_doom_file()`] : []),
  ];
}

/** What files an output names. In the rows of documents, SQLite would come to it only through all of the output. */
function addAssets(kind: DatabaseKind): RawBuilder<unknown> {
  return sql`create table job_assets (
    job_id ${toNameType(kind)} primary key references jobs (id) on delete cascade,
    bytes integer not null,
    assets text not null
  ) ${sql.raw(kind === "sqlite" ? "without rowid" : "")}`;
}

/** Jobs, polls to come and runs belong to the upstream that they were sent to. */
function addUpstreams(database: Database): readonly RawBuilder<unknown>[] {
  const isPostgres = database.kind === "postgres";
  const name = toNameType(database.kind);
  return [
    ...(isPostgres ? [sql`set local lock_timeout = '5s'`] : []),
    sql`alter table jobs add column upstream ${name}`,
    sql`alter table jobs add column away_since bigint`,
    sql`alter table jobs add column away_ms bigint not null default 0`,
    // What is followed, past all that is paused, however much that is.
    sql`create index jobs_followed on jobs (upstream, deployment_id, status, created_at, id)
      where finished_at is null and away_since is null`,
    sql`delete from pauses`,
    sql`alter table runs add column upstream ${name}`,
    sql`drop index runs_by_deployment`,
    sql`create index runs_by_deployment on runs (deployment_id, upstream, number)`,
    ...(isPostgres ? addToPostgres(database) : addToSqlite(database)),
  ];
}

function addToSqlite({ kind, nowMs }: Database): readonly RawBuilder<unknown>[] {
  return [
    sql`drop trigger jobs_add_run`,
    sql`create trigger jobs_add_run after update of status on jobs
      when new.finished_at is not null and new.request_id is not null
      begin ${addRun(kind, nowMs, OF_UPSTREAM)} end`,
    sql`create trigger jobs_move_runs after update of upstream on jobs
      when old.upstream is not new.upstream begin ${MOVE_RUNS}; end`,
  ];
}

function addToPostgres(database: Database): readonly RawBuilder<unknown>[] {
  const { kind, nowMs } = database;
  return [
    sql`alter table looks rename to polls`,
    sql`alter table polls add column upstream text collate "C" not null default ''`,
    sql`alter table polls alter column due_at drop not null`,
    sql`drop index looks_by_due`,
    sql`create index polls_by_due on polls (upstream, due_at, deployment_id)`,
    createTriggered("gateway_add_run", addRun(kind, nowMs, OF_UPSTREAM)),
    sql`drop trigger jobs_keep_look on jobs`,
    sql`drop function gateway_keep_look()`,
    createTriggered("gateway_keep_poll", keepPoll(database)),
    sql`create trigger jobs_keep_poll after update of status on jobs
      for each row when (old.status is distinct from new.status)
      execute function gateway_keep_poll()`,
    createTriggered("gateway_move", sql`${MOVE_RUNS}; ${MOVE_POLL};`),
    createTriggered("gateway_delete_poll", sql`${DELETE_POLL};`),
    sql`create trigger jobs_move after update of upstream on jobs
      for each row when (old.upstream is distinct from new.upstream)
      execute function gateway_move()`,
    sql`create trigger jobs_delete_poll after delete on jobs
      for each row when (old.finished_at is null) execute function gateway_delete_poll()`,
  ];
}

/** An account has found a job of its origin to be its own, and takes what its deployment has taught. */
const MOVE_RUNS = sql`
  update runs set upstream = new.upstream
    where deployment_id = new.deployment_id and upstream = old.upstream`;

/** The texts that jobs are found by get a table of their own, in the order of lists. Nothing but the gateway is needed. */
function moveTexts(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const isPostgres = kind === "postgres";
  const name = toNameType(kind);
  const drops = isPostgres
    ? [
        sql`drop function gateway_enable_text_search()`,
        // Where a superuser made it, it is theirs; nobody calls it any more.
        sql`do $$ begin
            drop function if exists gateway_find_text(text);
          exception when insufficient_privilege then null;
          end $$`,
      ]
    : [
        sql`drop trigger job_documents_add_text`,
        sql`drop trigger job_documents_delete_text`,
        sql`drop table job_texts`,
      ];
  const remove = sql`delete from job_texts
    where owner_id = old.owner_id and created_at = old.created_at and job_id = old.id`;
  return [
    ...drops,
    sql`create table job_texts (
      owner_id ${name} not null,
      created_at bigint not null,
      job_id ${name} not null,
      search text not null,
      primary key (owner_id, created_at, job_id)
    ) ${sql.raw(isPostgres ? "" : "without rowid")}`,
    sql`insert into job_texts (owner_id, created_at, job_id, search)
      select jobs.owner_id, jobs.created_at, jobs.id, job_documents.search
      from jobs cross join job_documents
      where job_documents.job_id = jobs.id and job_documents.search <> ''
      order by jobs.owner_id, jobs.created_at, jobs.id`,
    ...(isPostgres
      ? [
          // With its index. SQLite would write each output anew for that.
          sql`alter table job_documents drop column search`,
          createTriggered("gateway_delete_text", sql`${remove};`),
          sql`create trigger jobs_delete_text after delete on jobs
            for each row execute function gateway_delete_text()`,
        ]
      : [sql`create trigger jobs_delete_text after delete on jobs begin ${remove}; end`]),
  ];
}

function createFirstLooks(pollMs: Database["pollMs"]): readonly RawBuilder<unknown>[] {
  return [
    // Each poll moves its row in the index.
    sql`create table looks (
    job_id text collate "C" primary key,
    deployment_id text collate "C" not null,
    due_at bigint not null,
    was_due_at bigint,
    failures integer not null default 0,
    not_found_since bigint,
    unread_since bigint
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
    sql`create index looks_by_due on looks (due_at, deployment_id)`,
    sql`create function gateway_keep_look() returns trigger language plpgsql as $$
      begin
        
    insert into looks (job_id, deployment_id, due_at)
      select new.id, new.deployment_id, ${pollMs} + 500
      where new.status = 'IN_QUEUE';
    delete from looks where job_id = new.id and new.finished_at is not null;
    update looks set due_at = ${pollMs} where job_id in (
      select job_id from looks
      where new.status in ('SUCCEEDED', 'FAILED') and was_due_at is null and due_at > ${pollMs} and job_id = (
        select id from jobs where deployment_id = new.deployment_id and status = 'IN_QUEUE'
        order by (0 + created_at), id limit 1
      ) for update skip locked
    );
        return null;
      end $$`,
    sql`create trigger jobs_keep_look after update of status on jobs
      for each row when (old.status is distinct from new.status)
      execute function gateway_keep_look()`,
  ];
}

function createTables(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const isPostgres = kind === "postgres";
  const name = toNameType(kind);
  return [
    sql`create table jobs (
      id ${name} primary key,
      owner_id ${name} not null,
      deployment_id ${name} not null,
      request_id text,
      api_version text not null,
      status ${name} not null,
      queue_position bigint,
      error_code text,
      error_message text,
      error_retryable integer,
      version integer not null,
      created_at bigint not null,
      started_at bigint,
      finished_at bigint,
      updated_at bigint not null,
      work double precision not null,
      place bigint,
      idle_ms bigint,
      idempotency_key ${name},
      fingerprint text,
      tags text not null default '[]',
      submit_until bigint not null,
      traceparent text,
      changed bigint not null default 0,
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
      tag ${name} not null,
      owner_id ${name} not null,
      created_at bigint not null,
      primary key (job_id, tag)
    )`,
    sql`create index job_tags_by_age on job_tags (tag, (created_at + 0), job_id)`,
    sql`create index job_tags_by_owner on job_tags (owner_id, tag, created_at, job_id)`,
    // The number is what `job_texts` knows the job by. Without a column for it, a vacuum would give out others.
    sql`create table job_documents (
      ${isPostgres ? sql`` : sql`number integer primary key,`}
      job_id ${name} not null unique references jobs (id) on delete cascade,
      input_bytes integer not null,
      output_bytes integer not null default 0,
      input text not null,
      output text,
      search text not null default ''
    )`,
    sql`create table job_events (
      job_id ${name} not null references jobs (id) on delete cascade,
      status ${name} not null,
      version integer not null,
      at bigint not null,
      primary key (job_id, status)
    )`,
    sql`create table runs (
      number ${isPostgres ? sql`bigint generated always as identity` : sql`integer`} primary key,
      deployment_id ${name} not null,
      status text not null,
      work double precision not null,
      place bigint,
      idle_ms bigint,
      queue_ms bigint,
      run_ms bigint,
      ended_at bigint not null
    )`,
    sql`create index runs_by_deployment on runs (deployment_id, number)`,
    sql`create table pauses (
      id ${name} primary key,
      noted_at bigint not null,
      paused_until bigint not null
    )`,
    sql`create table spent_keys (
      owner_id ${name} not null,
      key ${name} not null,
      job_id text not null,
      until bigint not null,
      primary key (owner_id, key)
    )`,
    sql`create index spent_keys_by_end on spent_keys (until)`,
    // The database makes the key up. Unlogged on Postgres on purpose: the table has to be empty after a crash.
    isPostgres
      ? sql`create unlogged table feed_eras (
          number integer primary key,
          era text not null,
          key text not null default gen_random_uuid()::text || gen_random_uuid()::text
        )`
      : sql`create table feed_eras (
          number integer primary key,
          era text not null,
          key text not null default (lower(hex(randomblob(32))))
        )`,
    sql`create table quotas (
      key ${name} primary key,
      used integer not null,
      ends_at bigint not null
    )`,
  ];
}

/** Trigrams alone, of texts that are folded already. The owner is marked at both ends, to be found as a whole. */
const SQLITE_TEXT_SEARCH: readonly RawBuilder<unknown>[] = [
  sql`create virtual table job_texts using fts5(
    owner, search, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1')`,
  sql`create trigger job_documents_add_text after insert on job_documents begin
    insert into job_texts (rowid, owner, search) values (
      new.number,
      char(1) || (select owner_id from jobs where id = new.job_id) || char(1),
      new.search
    );
  end`,
  sql`create trigger job_documents_delete_text after delete on job_documents begin
    delete from job_texts where rowid = old.number;
  end`,
];

/**
 * Not every user of a database may create an extension, so whoever may can do it later. The function that finds is
 * planned with bitmaps, the only way along such an index, which other reads do without.
 */
const POSTGRES_TEXT_SEARCH: readonly RawBuilder<unknown>[] = [
  sql`create function gateway_enable_text_search() returns void language plpgsql as $$
    begin
      create extension if not exists pg_trgm;
      create index if not exists job_documents_by_text on job_documents using gin (search gin_trgm_ops);
      create or replace function gateway_find_text(pattern text) returns setof text
        language sql stable set enable_bitmapscan = on
        as 'select job_id from job_documents where search like pattern';
    end $$`,
  sql`do $$ begin
      perform gateway_enable_text_search();
    exception when others then raise warning 'texts can not be searched: %', sqlerrm;
    end $$`,
];

/** A file's row goes with its job; the trigger remembers that the file has to go, too. */
function createFileTables(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  const isPostgres = kind === "postgres";
  const name = toNameType(kind);
  const [folder, key] = isPostgres
    ? [
        sql`replace(gen_random_uuid()::text, '-', '')`,
        sql`gen_random_uuid()::text || gen_random_uuid()::text`,
      ]
    : [sql`(lower(hex(randomblob(16))))`, sql`(lower(hex(randomblob(32))))`];
  return [
    sql`create table file_places (
      number integer primary key,
      folder text not null default ${folder},
      key text not null default ${key},
      marker text,
      swept_at bigint not null default 0
    )`,
    sql`insert into file_places (number) values (1)`,
    sql`create table uploads (
      id ${name} primary key,
      owner_id ${name} not null,
      file_name text not null,
      content_type text not null,
      bytes bigint not null,
      file ${name},
      created_at bigint not null
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
      job_id ${name} not null references jobs (id) on delete cascade,
      number integer not null,
      url text not null,
      state ${name} not null,
      due_at bigint,
      attempts integer not null default 0,
      file ${name},
      content_type text,
      bytes bigint,
      width integer,
      height integer,
      reason text,
      primary key (job_id, number)
    )`,
    sql`create index kept_files_by_time on kept_files (due_at) where due_at is not null`,
    sql`create index kept_files_by_file on kept_files (file) where file is not null`,
    sql`create table doomed_files (file ${name} primary key)`,
    ...(isPostgres ? [CREATE_DOOM] : []),
    ...["kept_files", "uploads"].map((table) => createDoom(kind, table)),
  ];
}

function createDoom(kind: DatabaseKind, table: string): RawBuilder<unknown> {
  const trigger = sql.raw(`create trigger ${table}_doom after delete on ${table} for each row
    when (old.file is not null)`);
  return kind === "sqlite"
    ? sql`${trigger} begin ${DOOM}; end`
    : sql`${trigger} execute function gateway_doom_file()`;
}

const DOOM = sql`insert into doomed_files (file) values (old.file) on conflict do nothing`;
const CREATE_DOOM = sql`create function gateway_doom_file() returns trigger language plpgsql as $$
  begin
    ${DOOM};
    return null;
  end $$`;

/**
 * Whoever writes a row: every new version gets a number for the feed, every new status an event in the job's history, and
 * every end of an accepted job a run to learn from. Thousands that wait behind each other move millions of times, which is
 * a change and no history.
 */
function createTriggers(
  kind: DatabaseKind,
  nowMs: Database["nowMs"],
): readonly RawBuilder<unknown>[] {
  if (kind === "postgres") {
    return [
      sql`create function gateway_number_change() returns trigger language plpgsql as $$
        begin
          new.changed := pg_current_xact_id()::text::bigint;
          return new;
        end $$`,
      sql`create trigger jobs_number_insert before insert on jobs
        for each row execute function gateway_number_change()`,
      sql`create trigger jobs_number_update before update of version on jobs
        for each row when (old.version is distinct from new.version)
        execute function gateway_number_change()`,
      sql`create function gateway_add_event() returns trigger language plpgsql as $$
        begin
          ${ADD_EVENT};
          return null;
        end $$`,
      sql`create trigger jobs_add_first_event after insert on jobs
        for each row execute function gateway_add_event()`,
      sql`create trigger jobs_add_event after update of status on jobs
        for each row when (old.status is distinct from new.status)
        execute function gateway_add_event()`,
      sql`create function gateway_add_run() returns trigger language plpgsql as $$
        begin
          ${addRun("postgres", nowMs)}
          return null;
        end $$`,
      sql`create trigger jobs_add_run after update of status on jobs
        for each row when (new.finished_at is not null and new.request_id is not null)
        execute function gateway_add_run()`,
    ];
  }
  const number = sql`
    update change_counter set value = value + 1;
    update jobs set changed = (select value from change_counter) where id = new.id`;
  return [
    sql`create table change_counter (id integer primary key, value integer not null)`,
    sql`insert into change_counter (id, value) values (1, 0)`,
    sql`create trigger jobs_number_insert after insert on jobs begin ${number}; ${ADD_EVENT}; end`,
    sql`create trigger jobs_number_update after update of version on jobs
      when old.version is not new.version begin ${number}; end`,
    sql`create trigger jobs_add_event after update of status on jobs
      when old.status is not new.status begin ${ADD_EVENT}; end`,
    sql`create trigger jobs_add_run after update of status on jobs
      when new.finished_at is not null and new.request_id is not null begin ${addRun("sqlite", nowMs)} end`,
  ];
}

const ADD_EVENT = sql`
  insert into job_events (job_id, version, status, at)
    values (new.id, new.version, new.status, new.updated_at)`;

const OF_ANY = { first: sql``, column: sql``, value: sql``, isSame: sql``, isUnseen: sql`` };

/**
 * With so many runs for each upstream of a deployment. Those from before upstreams were stored are the first one's but the
 * sandbox's, which may have a deployment of the same id. Of a job that was away nobody saw how long it took.
 */
const OF_UPSTREAM = {
  first: sql`update runs set upstream = new.upstream where deployment_id = new.deployment_id
    and upstream is null and new.upstream <> ${sql.lit(SANDBOX)};`,
  column: sql`upstream,`,
  value: sql`new.upstream,`,
  isSame: sql`and upstream = new.upstream`,
  isUnseen: sql`when new.away_ms > 0 then null`,
};

/**
 * The run ends when the upstream says, where that can be true; the idle time after it begins now, by the database's clock.
 * Where nobody saw the start, the job was so short that its time in the queue is taken for none.
 */
const addRun = (
  kind: DatabaseKind,
  nowMs: Database["nowMs"],
  { first, column, value, isSame, isUnseen } = OF_ANY,
) => sql`
  ${first}
  insert into runs
    (deployment_id, ${column} status, work, place, idle_ms, queue_ms, run_ms, ended_at)
    values (
      new.deployment_id, ${value} new.status, new.work, new.place, new.idle_ms,
      case ${isUnseen} when new.started_at is not null then new.started_at - new.created_at
        when new.status = 'SUCCEEDED' then 0 end,
      case ${isUnseen} when new.finished_at > new.started_at then new.finished_at - new.started_at
        when new.started_at is not null then new.updated_at - new.started_at
        when new.status = 'SUCCEEDED' then new.finished_at - new.created_at end,
      ${nowMs}
    );
  delete from runs where number in (
    select number from runs where deployment_id = new.deployment_id ${isSame} and number <= (
      select number from runs where deployment_id = new.deployment_id ${isSame}
      order by number desc limit 1 offset ${sql.lit(MAX_RUNS)}
    ) ${sql.raw(kind === "postgres" ? "for update skip locked" : "")}
  );`;

/** The trigger that numbers changes notes the number of the last one of the status, too. */
function numberStatuses(kind: DatabaseKind): readonly RawBuilder<unknown>[] {
  return [
    sql`alter table jobs add column status_changed bigint not null default 0`,
    // Whichever change was the last one: a status that is told again does less harm than one that is not told.
    sql`update jobs set status_changed = changed`,
    ...(kind === "postgres" ? [NUMBER_ON_POSTGRES] : NUMBER_ON_SQLITE),
  ];
}

const NUMBER_ON_POSTGRES = sql`
  create or replace function gateway_number_change() returns trigger language plpgsql as $$
    begin
      new.changed := pg_current_xact_id()::text::bigint;
      -- At an insert nothing is old.
      if old.status is distinct from new.status then
        new.status_changed := new.changed;
      end if;
      return new;
    end $$`;

const NUMBER_ON_SQLITE = [
  sql`drop trigger jobs_number_insert`,
  sql`create trigger jobs_number_insert after insert on jobs begin
    update change_counter set value = value + 1;
    update jobs set (changed, status_changed) = (select value, value from change_counter)
      where id = new.id;
    ${ADD_EVENT};
  end`,
  sql`drop trigger jobs_number_update`,
  sql`create trigger jobs_number_update after update of version on jobs
    when old.version is not new.version begin
      update change_counter set value = value + 1;
      update jobs set (changed, status_changed) = (
        select value, iif(old.status is new.status, new.status_changed, value) from change_counter
      ) where id = new.id;
    end`,
];
