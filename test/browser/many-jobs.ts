import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";

import { openStore } from "../../src/store/open-store.ts";

/** Writes so many jobs that succeeded, one a second, into a SQLite file that no gateway has open. */
export async function writeManyJobs(
  path: string,
  { count, deploymentId }: { readonly count: number; readonly deploymentId: string },
): Promise<void> {
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: `file:${path}`,
    log: pino({ level: "silent" }),
  });
  await store.close();
  using file = new DatabaseSync(path);
  file.exec(`
    insert into jobs (id, owner_id, deployment_id, request_id, api_version, status, version, created_at,
      started_at, finished_at, updated_at, work, submit_until)
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
    select printf('job_%032d', n), 'local', '${deploymentId}', 'r' || n, 'v1', 'SUCCEEDED', 4,
      1750000000000 + n * 1000, 1750000001000 + n * 1000, 1750000008000 + n * 1000,
      1750000008000 + n * 1000, 1, 0 from numbers;
    insert into job_documents (job_id, input_bytes, output_bytes, input, output)
    select id, 40, 15, json_object('prompt', 'Boat ' || rowid), '{"images":[]}' from jobs;
    insert into job_texts (owner_id, created_at, job_id, search)
    select owner_id, created_at, id, 'boat ' || rowid from jobs`);
}
