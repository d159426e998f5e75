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

/** Lets a commit be answered only when it outlives a crash of Postgres, which the tests' server does not wait for. */
export async function keepCommits(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // For the role, because the database's settings are reset by `refuseWrites`, and the server's are in its command.
    await client.query("alter role current_user set synchronous_commit = on");
  } finally {
    await client.end();
  }
}
