import type { Cluster } from "./cluster.ts";

/** How many unfinished jobs each gateway owns that owns any, the most first. */
export async function readOwners({ database }: Cluster): Promise<readonly number[]> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from jobs where finished_at is null and owner is not null group by owner order by 1 desc",
  );
  return rows.map(({ count }) => count);
}

/** How many gateways live, by the database's clock. */
export async function countLiving({ database }: Cluster): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from gateways where lease_until > extract(epoch from clock_timestamp()) * 1000",
  );
  return rows[0]?.count ?? 0;
}
