create table jobs (
      id text primary key,
      owner_id text not null,
      deployment_id text not null,
      request_id text,
      api_version text not null,
      status text not null,
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
      idempotency_key text,
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
      on jobs (owner_id, changed, id);
create table job_tags (
      job_id text not null references jobs (id) on delete cascade,
      tag text not null,
      owner_id text not null,
      created_at bigint not null,
      primary key (job_id, tag)
    );
create index job_tags_by_age on job_tags (tag, (created_at + 0), job_id);
create index job_tags_by_owner on job_tags (owner_id, tag, created_at, job_id);
create table job_documents (
      number integer primary key,
      job_id text not null unique references jobs (id) on delete cascade,
      input_bytes integer not null,
      output_bytes integer not null default 0,
      input text not null,
      output text,
      search text not null default ''
    );
create table job_events (
      job_id text not null references jobs (id) on delete cascade,
      status text not null,
      version integer not null,
      at bigint not null,
      primary key (job_id, status)
    );
create table runs (
      number integer primary key,
      deployment_id text not null,
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
      id text primary key,
      noted_at bigint not null,
      paused_until bigint not null
    );
create table spent_keys (
      owner_id text not null,
      key text not null,
      job_id text not null,
      until bigint not null,
      primary key (owner_id, key)
    );
create index spent_keys_by_end on spent_keys (until);
create table feed_eras (
          number integer primary key,
          era text not null,
          key text not null default (lower(hex(randomblob(32))))
        );
create table quotas (
      key text primary key,
      used integer not null,
      ends_at bigint not null
    );
create table file_places (
      number integer primary key,
      folder text not null default (lower(hex(randomblob(16)))),
      key text not null default (lower(hex(randomblob(32)))),
      marker text,
      swept_at bigint not null default 0
    );
insert into file_places (number) values (1);
create table uploads (
      id text primary key,
      owner_id text not null,
      file_name text not null,
      content_type text not null,
      bytes bigint not null,
      file text,
      created_at bigint not null
    );
create index uploads_by_age on uploads (created_at);
create index uploads_by_owner on uploads (owner_id) where file is null;
create index uploads_by_file on uploads (file) where file is not null;
create table upload_uses (
      upload_id text not null references uploads (id),
      job_id text not null references jobs (id) on delete cascade,
      primary key (upload_id, job_id)
    );
create index upload_uses_by_job on upload_uses (job_id);
create table kept_files (
      job_id text not null references jobs (id) on delete cascade,
      number integer not null,
      url text not null,
      state text not null,
      due_at bigint,
      attempts integer not null default 0,
      file text,
      content_type text,
      bytes bigint,
      width integer,
      height integer,
      reason text,
      primary key (job_id, number)
    );
create index kept_files_by_time on kept_files (due_at) where due_at is not null;
create index kept_files_by_file on kept_files (file) where file is not null;
create table doomed_files (file text primary key);
create trigger kept_files_doom after delete on kept_files for each row
    when (old.file is not null) begin insert into doomed_files (file) values (old.file) on conflict do nothing; end;
create trigger uploads_doom after delete on uploads for each row
    when (old.file is not null) begin insert into doomed_files (file) values (old.file) on conflict do nothing; end;
create table change_counter (id integer primary key, value integer not null);
insert into change_counter (id, value) values (1, 0);
create trigger jobs_number_insert after insert on jobs begin
    update change_counter set value = value + 1;
    update jobs set changed = (select value from change_counter) where id = new.id;
  insert into job_events (job_id, version, status, at)
    values (new.id, new.version, new.status, new.updated_at); end;
create trigger jobs_number_update after update of version on jobs
      when old.version is not new.version begin
    update change_counter set value = value + 1;
    update jobs set changed = (select value from change_counter) where id = new.id; end;
create trigger jobs_add_event after update of status on jobs
      when old.status is not new.status begin
  insert into job_events (job_id, version, status, at)
    values (new.id, new.version, new.status, new.updated_at); end;
create trigger jobs_add_run after update of status on jobs
      when new.finished_at is not null and new.request_id is not null begin

  insert into runs
    (deployment_id,  status, work, place, idle_ms, queue_ms, run_ms, ended_at)
    values (
      new.deployment_id,  new.status, new.work, new.place, new.idle_ms,
      case  when new.started_at is not null then new.started_at - new.created_at
        when new.status = 'SUCCEEDED' then 0 end,
      case  when new.finished_at > new.started_at then new.finished_at - new.started_at
        when new.started_at is not null then new.updated_at - new.started_at
        when new.status = 'SUCCEEDED' then new.finished_at - new.created_at end,
      cast(unixepoch('subsec') * 1000 as integer)
    );
  delete from runs where number in (
    select number from runs where deployment_id = new.deployment_id  and number <= (
      select number from runs where deployment_id = new.deployment_id
      order by number desc limit 1 offset 200
    )
  ); end;
create virtual table job_texts using fts5(
    owner, search, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');
create trigger job_documents_add_text after insert on job_documents begin
    insert into job_texts (rowid, owner, search) values (
      new.number,
      char(1) || (select owner_id from jobs where id = new.job_id) || char(1),
      new.search
    );
  end;
create trigger job_documents_delete_text after delete on job_documents begin
    delete from job_texts where rowid = old.number;
  end;
