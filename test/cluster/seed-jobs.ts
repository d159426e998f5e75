import { randomUUID } from "node:crypto";

import type { Cluster } from "./cluster.ts";

const AGE_MS = 3_600_000;

/**
 * Puts so many jobs into the database and upstream as if a gateway that is gone had submitted them an hour ago, so that
 * they are seldom looked at; returns their ids.
 */
export async function seedJobs(
  { database, upstream }: Pick<Cluster, "database" | "upstream">,
  deploymentId: string,
  count: number,
): Promise<readonly string[]> {
  const createdAt = Date.now() - AGE_MS;
  const ids = Array.from({ length: count }, () => `job_${randomUUID().replaceAll("-", "")}`);
  const requestIds = ids.map(() => upstream.accept(deploymentId));
  await database.query(
    `with seeded as (
       insert into jobs (id, owner_id, deployment_id, request_id, api_version, status, version, created_at, started_at, updated_at, submit_until)
       select id, 'local', $3, request_id, 'v1', 'IN_PROGRESS', 3, $4, $4, $4, 0
       from unnest($1::text[], $2::text[]) as given (id, request_id) returning id
     ), documents as (
       insert into job_documents (job_id, input_bytes, input) select id, 2, '{}' from seeded
     )
     insert into job_events (job_id, version, status, at)
     select id, version, status, $4::bigint from seeded,
       (values (1, 'SUBMITTING'), (2, 'IN_QUEUE'), (3, 'IN_PROGRESS')) as told (version, status)`,
    [ids, requestIds, deploymentId, createdAt],
  );
  return ids;
}
