import type { Cluster } from "./cluster.ts";

/** Lets the database refuse writes from now on, to open connections as well, or take them again. */
export async function refuseWrites({ database }: Cluster, isRefusing: boolean): Promise<void> {
  const client = await database.connect();
  try {
    // This session has to write either way.
    await client.query("set default_transaction_read_only = off");
    const { rows } = await client.query<{ name: string }>("select current_database() as name");
    const name = client.escapeIdentifier(rows[0]?.name ?? "");
    const setting = isRefusing ? "set default_transaction_read_only = on" : "reset all";
    await client.query(`alter database ${name} ${setting}`);
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
  } finally {
    client.release(true);
  }
}
