/** The ends of HELD jobs come within this time after their `sendBefore`. */
export const LATE_MS = 2_000;

const NOW_MS = "cast(unixepoch('subsec') * 1000 as integer)";
const DAY_MS = 86_400_000;

/** By its first name: services have one, followed by others. */
const originOf = (upstream: string) => `substr(${upstream}, 1, instr(${upstream} || ' ', ' ') - 1)`;

const RANK = (status: string) =>
  `case ${status} when 'HELD' then 0 when 'SUBMITTING' then 1 when 'IN_QUEUE' then 2
    when 'IN_PROGRESS' then 3 else 4 end`;

/** What the simulation keeps of jobs that wait before they are sent: claims, what is put back, and what must not happen. */
export const HELD_CHECKS = `
  create table simulated_claims (
    job_id text not null, claim integer not null, at real not null,
    early_ms integer, left_ms integer, primary key (job_id, claim)
  );
  create table simulated_put_backs (job_id text not null, claim integer not null, at real not null);
  create table simulated_unsent (job_id text primary key, late_ms integer, at real not null);
  create table simulated_wrongs (sentence text not null);
  create table simulated_most (deployment_id text primary key, at_once integer not null);
  create trigger simulated_day after insert on holds when new.priority % 2 <> 0 begin
    update holds set created_at = created_at - ${DAY_MS} where job_id = new.job_id;
    update jobs set created_at = created_at - ${DAY_MS} where id = new.job_id;
  end;
  create trigger simulated_claim after update of status on jobs
    when old.status = 'HELD' and new.status = 'SUBMITTING' begin
      insert into simulated_wrongs select 'Claim ' || new.claim || ' of ' || new.id || ' is made twice.'
        from simulated_claims where job_id = new.id and claim = new.claim;
      insert or ignore into simulated_claims
        select new.id, new.claim, world_ms(), send_after - ${NOW_MS}, ends_at - ${NOW_MS}
          from holds where job_id = new.id;
      insert into simulated_wrongs
        select new.id || ' was claimed while it was held.' from holds
        where job_id = new.id
          and (by_hand = 1 or needs_approval = 1 or is_cancelled = 1);
      insert into simulated_wrongs
        select new.id || ' was claimed while its deployment was paused.' from paused_deployments as paused
        where paused.deployment_id = new.deployment_id
          and ${originOf("paused.upstream")} = ${originOf("new.upstream")};
      insert into simulated_wrongs
        select new.id || ' was claimed as the ' || count(*) || 'th of its deployment.' from jobs
        where deployment_id = new.deployment_id and upstream = new.upstream
          and status in ('SUBMITTING', 'IN_QUEUE', 'IN_PROGRESS') and detached_since is null
        having count(*) > (select at_once from simulated_most where deployment_id = new.deployment_id);
    end;
  create trigger simulated_direct after insert on jobs when new.status = 'SUBMITTING' begin
    insert into simulated_wrongs
      select new.id || ' was submitted while its deployment was paused.' from paused_deployments as paused
      where paused.deployment_id = new.deployment_id
        and ${originOf("paused.upstream")} = ${originOf("new.upstream")};
  end;
  create trigger simulated_put_back after update of status on jobs
    when old.status = 'SUBMITTING' and new.status = 'HELD' begin
      insert into simulated_put_backs values (new.id, new.claim, world_ms());
      insert into simulated_wrongs select new.id || ' was put back after it had been given up.'
        where old.submit_until = 0;
      insert into simulated_wrongs select new.id || ' was put back, and was never held.'
        where old.claim = 0;
    end;
  create trigger simulated_step_back after update of status on jobs
    when ${RANK("new.status")} < ${RANK("old.status")}
      and not (old.status = 'SUBMITTING' and new.status = 'HELD' and old.request_id is null) begin
      insert into simulated_wrongs
        values (new.id || ' went back from ' || old.status || ' to ' || new.status || '.');
    end;
  create trigger simulated_unsent before update of status on jobs
    when new.finished_at is not null and old.finished_at is null and new.request_id is null
      and new.error_code is not 'SUBMISSION_UNKNOWN' begin
      insert or ignore into simulated_unsent
        select new.id, case new.error_code when 'NOT_SENT_IN_TIME' then ${NOW_MS} - ends_at end, world_ms()
        from holds where job_id = new.id;
    end`;
