create table jobs (
      id text collate "C" primary key,
      owner_id text collate "C" not null,
      deployment_id text collate "C" not null,
      request_id text,
      api_version text not null,
      status text collate "C" not null,
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
      idempotency_key text collate "C",
      fingerprint text,
      tags text not null default '[]',
      submit_until bigint not null,
      traceparent text,
      changed bigint not null default 0,
      unique (owner_id, idempotency_key)
    );
create index jobs_by_age on jobs (created_at, id);
create index jobs_by_status on jobs (status, (created_at + 0), id);
create index jobs_by_deployment on jobs (deployment_id, status, (0 + created_at), id);
create index jobs_by_owner_and_age on jobs (owner_id, created_at, id);
create index jobs_by_owner_and_status on jobs (owner_id, status, (created_at - 0), id);
create index jobs_by_owner_and_deployment
      on jobs (owner_id, deployment_id, status, (created_at * 1), id);
create index jobs_by_change on jobs (changed, id);
create index jobs_by_owner_and_change
      on jobs (owner_id, (changed + 0), id);
create table job_tags (
      job_id text collate "C" not null references jobs (id) on delete cascade,
      tag text collate "C" not null,
      owner_id text collate "C" not null,
      created_at bigint not null,
      primary key (job_id, tag)
    );
create index job_tags_by_age on job_tags (tag, (created_at + 0), job_id);
create index job_tags_by_owner on job_tags (owner_id, tag, created_at, job_id);
create table job_documents (

      job_id text collate "C" not null unique references jobs (id) on delete cascade,
      input_bytes integer not null,
      output_bytes integer not null default 0,
      input text not null,
      output text,
      search text not null default ''
    );
create table job_events (
      job_id text collate "C" not null references jobs (id) on delete cascade,
      status text collate "C" not null,
      version integer not null,
      at bigint not null,
      primary key (job_id, status)
    );
create table runs (
      number bigint generated always as identity primary key,
      deployment_id text collate "C" not null,
      status text not null,
      work double precision not null,
      place bigint,
      idle_ms bigint,
      queue_ms bigint,
      run_ms bigint,
      ended_at bigint not null
    );
create index runs_by_deployment on runs (deployment_id, number);
create table pauses (
      id text collate "C" primary key,
      noted_at bigint not null,
      paused_until bigint not null
    );
create table spent_keys (
      owner_id text collate "C" not null,
      key text collate "C" not null,
      job_id text not null,
      until bigint not null,
      primary key (owner_id, key)
    );
create index spent_keys_by_end on spent_keys (until);
create unlogged table feed_eras (
          number integer primary key,
          era text not null,
          key text not null default gen_random_uuid()::text || gen_random_uuid()::text
        );
create table quotas (
      key text collate "C" primary key,
      used integer not null,
      ends_at bigint not null
    );
create table file_places (
      number integer primary key,
      folder text not null default replace(gen_random_uuid()::text, '-', ''),
      key text not null default gen_random_uuid()::text || gen_random_uuid()::text,
      marker text,
      swept_at bigint not null default 0
    );
insert into file_places (number) values (1);
create table uploads (
      id text collate "C" primary key,
      owner_id text collate "C" not null,
      file_name text not null,
      content_type text not null,
      bytes bigint not null,
      file text collate "C",
      created_at bigint not null
    );
create index uploads_by_age on uploads (created_at);
create index uploads_by_owner on uploads (owner_id) where file is null;
create index uploads_by_file on uploads (file) where file is not null;
create table upload_uses (
      upload_id text collate "C" not null references uploads (id),
      job_id text collate "C" not null references jobs (id) on delete cascade,
      primary key (upload_id, job_id)
    );
create index upload_uses_by_job on upload_uses (job_id);
create table kept_files (
      job_id text collate "C" not null references jobs (id) on delete cascade,
      number integer not null,
      url text not null,
      state text collate "C" not null,
      due_at bigint,
      attempts integer not null default 0,
      file text collate "C",
      content_type text,
      bytes bigint,
      width integer,
      height integer,
      reason text,
      primary key (job_id, number)
    );
create index kept_files_by_time on kept_files (due_at) where due_at is not null;
create index kept_files_by_file on kept_files (file) where file is not null;
create table doomed_files (file text collate "C" primary key);
create function gateway_doom_file() returns trigger language plpgsql as $$
  begin
    insert into doomed_files (file) values (old.file) on conflict do nothing;
    return null;
  end $$;
create trigger kept_files_doom after delete on kept_files for each row
    when (old.file is not null) execute function gateway_doom_file();
create trigger uploads_doom after delete on uploads for each row
    when (old.file is not null) execute function gateway_doom_file();
create function gateway_number_change() returns trigger language plpgsql as $$
        begin
          new.changed := pg_current_xact_id()::text::bigint;
          return new;
        end $$;
create trigger jobs_number_insert before insert on jobs
        for each row execute function gateway_number_change();
create trigger jobs_number_update before update of version on jobs
        for each row when (old.version is distinct from new.version)
        execute function gateway_number_change();
create function gateway_add_event() returns trigger language plpgsql as $$
        begin

  insert into job_events (job_id, version, status, at)
    values (new.id, new.version, new.status, new.updated_at);
          return null;
        end $$;
create trigger jobs_add_first_event after insert on jobs
        for each row execute function gateway_add_event();
create trigger jobs_add_event after update of status on jobs
        for each row when (old.status is distinct from new.status)
        execute function gateway_add_event();
create function gateway_add_run() returns trigger language plpgsql as $$
        begin


  insert into runs
    (deployment_id,  status, work, place, idle_ms, queue_ms, run_ms, ended_at)
    values (
      new.deployment_id,  new.status, new.work, new.place, new.idle_ms,
      case  when new.started_at is not null then new.started_at - new.created_at
        when new.status = 'SUCCEEDED' then 0 end,
      case  when new.finished_at > new.started_at then new.finished_at - new.started_at
        when new.started_at is not null then new.updated_at - new.started_at
        when new.status = 'SUCCEEDED' then new.finished_at - new.created_at end,
      (extract(epoch from clock_timestamp()) * 1000)::bigint
    );
  delete from runs where number in (
    select number from runs where deployment_id = new.deployment_id  and number <= (
      select number from runs where deployment_id = new.deployment_id
      order by number desc limit 1 offset 200
    ) for update skip locked
  );
          return null;
        end $$;
create trigger jobs_add_run after update of status on jobs
        for each row when (new.finished_at is not null and new.request_id is not null)
        execute function gateway_add_run();
create function gateway_enable_text_search() returns void language plpgsql as $$
    begin
      create extension if not exists pg_trgm;
      create index if not exists job_documents_by_text on job_documents using gin (search gin_trgm_ops);
      create or replace function gateway_find_text(pattern text) returns setof text
        language sql stable set enable_bitmapscan = on
        as 'select job_id from job_documents where search like pattern';
    end $$;
do $$ begin
      perform gateway_enable_text_search();
    exception when others then raise warning 'texts can not be searched: %', sqlerrm;
    end $$;
create table looks (
    job_id text collate "C" primary key,
    deployment_id text collate "C" not null,
    due_at bigint not null,
    was_due_at bigint,
    failures integer not null default 0,
    not_found_since bigint,
    unread_since bigint
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
create index looks_by_due on looks (due_at, deployment_id);
create function gateway_keep_look() returns trigger language plpgsql as $$
      begin

    insert into looks (job_id, deployment_id, due_at)
      select new.id, new.deployment_id, (extract(epoch from statement_timestamp()) * 1000)::bigint + 500
      where new.status = 'IN_QUEUE';
    delete from looks where job_id = new.id and new.finished_at is not null;
    update looks set due_at = (extract(epoch from statement_timestamp()) * 1000)::bigint where job_id in (
      select job_id from looks
      where new.status in ('SUCCEEDED', 'FAILED') and was_due_at is null and due_at > (extract(epoch from statement_timestamp()) * 1000)::bigint and job_id = (
        select id from jobs where deployment_id = new.deployment_id and status = 'IN_QUEUE'
        order by (0 + created_at), id limit 1
      ) for update skip locked
    );
        return null;
      end $$;
create trigger jobs_keep_look after update of status on jobs
      for each row when (old.status is distinct from new.status)
      execute function gateway_keep_look();
