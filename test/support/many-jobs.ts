/** Statements for both databases that write finished jobs, one for each second since 1970, all with the tag `all`. */
export function toManyJobs(ownerId: string, count: number): string {
  return `
    insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at,
      finished_at, work, submit_until, tags)
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
    select 'job_' || n, '${ownerId}', 'lora', 'd', 'sandbox', 'v1', 'SUCCEEDED', 1, n * 1000, n * 1000, n * 1000, 1, 0, '["all"]' from numbers;
    insert into job_tags (job_id, tag, owner_id, created_at)
    select id, 'all', owner_id, created_at from jobs where owner_id = '${ownerId}';`;
}

/** The text that searches find each of an owner's jobs by. */
export function toManyTexts(ownerId: string, text: string): string {
  return `
    insert into job_texts (owner_id, created_at, job_id, search)
    select owner_id, created_at, id, '${text}' from jobs where owner_id = '${ownerId}';`;
}
