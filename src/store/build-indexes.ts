import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";
import type { Logger } from "pino";

import { codeOf } from "./database-error.ts";
import { StoreError } from "./store-error.ts";

/**
 * The indexes of `jobs` that came after its first version. One for each way of listing: an owner's page must not walk past
 * the jobs of others, and tell by its time how many those are. What is in flight is counted along
 * `jobs_by_owner_and_status`.
 */
const INDEXES: Readonly<Record<string, string>> = {
  jobs_by_change: "(changed, id) where changed > 0",
  jobs_by_owner_and_age: "(job_owner, created_at, id)",
  jobs_by_owner_and_deployment: "(job_owner, deployment_id, created_at, id)",
  jobs_by_owner_and_status: "(job_owner, status, created_at, id)",
  // See `changedOf` in `feed.ts`.
  jobs_by_owner_and_change: "(job_owner, (changed + 0), id) where changed > 0",
};

/** For all of them together. */
const MOST_MINUTES = 60;
const MOST_MS = MOST_MINUTES * 60_000;

const BETWEEN_TRIES_MS = 500;
const SILENT_FOR_MS = 1_000;

/** Postgres' codes for a statement that took too long, a deadlock, and a lock that was not to be had. */
const HELD_UP: ReadonlySet<unknown> = new Set(["57014", "40P01", "55P03"]);

/** Only the owner of a table may make its indexes, whatever else is granted. */
const NOT_OWNER = "42501";

/**
 * Builds on Postgres the indexes of `jobs` that are missing, while all others go on reading and writing, and resolves
 * once they are there. A migration could not: it keeps everybody out until it is over. One gateway builds at a time, and
 * those that start meanwhile wait for it. Rejects with a `StoreError` when it is held up for an hour.
 */
export async function buildIndexes(options: {
  readonly databaseUrl: string;
  readonly log: Logger;
}): Promise<void> {
  const { databaseUrl, log } = options;
  // Not from the pool, where a statement may take 10 s.
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: "runcomfy-graphql indexes",
    connectionTimeoutMillis: 5_000,
    statement_timeout: MOST_MS,
    query_timeout: MOST_MS + 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // What is asked then rejects as well.
  client.on("error", (error) => log.debug({ reason: error.message }, "a connection was lost"));
  const startedAt = performance.now();
  let isLong = false;
  const notice = setTimeout(() => {
    isLong = true;
    log.info(
      "The indexes of the jobs are being built, by this gateway or another one; with millions of jobs that takes minutes. This gateway starts once they are there, and those that run go on meanwhile. A transaction that stays open for long holds it up (select pid, query from pg_stat_activity order by xact_start).",
    );
  }, SILENT_FOR_MS);
  try {
    await client.connect();
    await buildInTurn(client, startedAt + MOST_MS);
    if (isLong) log.info("The indexes of the jobs are built.");
  } catch (error) {
    const code = codeOf(error);
    if (code === NOT_OWNER) throw notOwner(error);
    if (HELD_UP.has(code)) throw heldUp(error);
    throw error;
  } finally {
    clearTimeout(notice);
    await client.end();
  }
}

async function buildInTurn(client: pg.Client, deadline: number): Promise<void> {
  while ((await listMissing(client)).length > 0) {
    if (performance.now() > deadline) throw heldUp();
    // Waiting for the lock in a statement would be a transaction that the one who builds waits for.
    const { rowCount } = await client.query(
      "select 1 where pg_try_advisory_lock(hashtextextended('runcomfy-graphql:indexes', 0))",
    );
    // It is held until the connection ends, also when a gateway is killed whose statement Postgres still works on.
    if (rowCount === 1) return await buildMissing(client, deadline);
    await delay(BETWEEN_TRIES_MS);
  }
}

async function buildMissing(client: pg.Client, deadline: number): Promise<void> {
  for (const name of await listMissing(client)) {
    const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
    // What the role or the database sets would end a build that waits for a transaction.
    await client.query(`set lock_timeout = 0; set statement_timeout = ${leftMs}`);
    // One that is there all the same is what a build that was cut off left behind, and of no use.
    await client.query(`drop index concurrently if exists ${name}`);
    await client.query(`create index concurrently if not exists ${name} on jobs ${INDEXES[name]}`);
  }
}

async function listMissing(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ readonly name: string }>(
    `select relname as name from pg_index join pg_class on pg_class.oid = indexrelid
      where indrelid = 'jobs'::regclass and indisvalid`,
  );
  const valid = new Set(rows.map(({ name }) => name));
  return Object.keys(INDEXES).filter((name) => !valid.has(name));
}

function notOwner(cause: unknown): StoreError {
  return new StoreError(
    "The indexes of `jobs` have to be built by its owner: start this version once as the user who made the tables, or make this one the owner (alter table jobs owner to …).",
    { cause },
  );
}

function heldUp(cause?: unknown): StoreError {
  return new StoreError(
    `The indexes of the jobs could not be built, because other transactions stood in the way or it took more than ${MOST_MINUTES} minutes. The gateways that run go on. End transactions that stay open for long (select pid, query from pg_stat_activity order by xact_start), then start the gateway again: what is built stays.`,
    { cause },
  );
}
