import { type Kysely, sql } from "kysely";

import { ageOf } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

/** See `Jobs.listDeploymentIds`. */
export async function listDeploymentIds(
  queries: Kysely<Tables>,
  ownerId: string | undefined,
): Promise<string[]> {
  const isOwn = ownerId === undefined ? sql`1 = 1` : sql`owner_id = ${ownerId}`;
  // From one id straight to the next in the index, past all jobs between them.
  const { rows } = await sql<{ readonly id: string }>`
    with recursive deployments (id) as (
      select min(deployment_id) from jobs where ${isOwn}
      union all
      select (select min(deployment_id) from jobs where ${isOwn} and deployment_id > deployments.id)
      from deployments where deployments.id is not null
    )
    select id from deployments where id is not null order by id`.execute(queries);
  return rows.map((row) => row.id);
}

/** See `Jobs.hasDeployment`. */
export async function hasDeployment(
  queries: Kysely<Tables>,
  deploymentId: string,
  ownerId: string | undefined,
): Promise<boolean> {
  const row = await queries
    .selectFrom("jobs")
    .select("id")
    .where("deployment_id", "=", deploymentId)
    .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", ownerId ?? ""))
    // In the order of an index: without one Postgres may read through everybody's jobs instead.
    .orderBy("status")
    .orderBy(ageOf({ deploymentId, ...(ownerId !== undefined && { ownerId }) }))
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
