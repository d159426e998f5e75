import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import type { Cluster } from "./cluster.ts";

const ATTEMPTS = 300;
const PAUSE_MS = 100;

/** Kills a server process of Postgres, which then ends all others and recovers from its log; resolves when it has. */
export async function crashPostgres({ database }: Cluster): Promise<void> {
  const { rows } = await database.query<{ pid: number }>("select pg_backend_pid() as pid");
  for (const { pid } of rows) process.kill(pid, "SIGKILL");
  for (let attempt = 1; ; attempt++) {
    await sleep(PAUSE_MS);
    try {
      await database.query("select 1");
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * Lets a commit be answered only when it outlives a crash of Postgres, which the tests' server does not wait for. For the
 * role, because the database's settings are reset by `refuseWrites`, and the server's are in its command.
 */
export async function keepCommits(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query("alter role current_user set synchronous_commit = on");
  } finally {
    await client.end();
  }
}

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

/** How many polls are still to come or claimed, by the database's clock; the others are due. */
export async function countNotDue({ database }: Cluster): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count from polls
     where due_at > extract(epoch from clock_timestamp()) * 1000`,
  );
  return rows[0]?.count ?? 0;
}
