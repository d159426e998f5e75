import type { Cluster } from "./cluster.ts";

/** How many polls these jobs, or at all, are still to come or claimed, by the database's clock; the others are due. */
export async function countNotDue(
  { database }: Cluster,
  requestIds: readonly string[] | null = null,
): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count from polls join jobs on jobs.id = job_id
     where due_at > extract(epoch from clock_timestamp()) * 1000
       and ($1::text[] is null or request_id = any($1))`,
    [requestIds],
  );
  return rows[0]?.count ?? 0;
}
