import type { Cluster } from "./cluster.ts";

/** The unfinished jobs that have an owner: their ids upstream, and the ids that their gateways have in the database. */
export async function readOwned({
  database,
}: Cluster): Promise<readonly { readonly requestId: string; readonly owner: string }[]> {
  const { rows } = await database.query<{ requestId: string; owner: string }>(
    `select request_id as "requestId", gateway_id as owner from jobs
     where finished_at is null and request_id is not null and gateway_id is not null`,
  );
  return rows;
}

/** How many gateways live, by the database's clock. */
export async function countLiving({ database }: Cluster): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from gateways where lease_until > extract(epoch from clock_timestamp()) * 1000",
  );
  return rows[0]?.count ?? 0;
}

/** How many gateways have told that their calls to the upstream fail. */
export async function countFailing({ database }: Cluster): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from gateways where answered_at = 0",
  );
  return rows[0]?.count ?? 0;
}
