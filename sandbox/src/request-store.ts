import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import {
  isCold,
  planStart,
  RUN_INPUT,
  type RunInput,
  RUNNERS,
  toColdStartMs,
  toQueueMs,
  toRunMs,
  toSlowPosition,
} from "./schedule.ts";
import type { Target } from "./target.ts";

/** How long requests and their files are kept after their end, as the vendor keeps files. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;
const MAX_WAITING = 20_000;

const SCHEMA = `
  create table if not exists runs (
    sequence integer primary key autoincrement,
    id text not null unique,
    deployment_id text not null,
    input text not null,
    accepted_at integer not null,
    start_at integer not null,
    finish_at integer not null,
    cancelled integer not null default 0
  ) strict;
  create table if not exists deployments (id text not null primary key, ready_at integer not null) strict;
  create index if not exists runs_by_start on runs (deployment_id, cancelled, start_at);
  create index if not exists runs_by_finish on runs (deployment_id, cancelled, finish_at);
  create index if not exists runs_by_end on runs (finish_at);
`;

/** An accepted request at some moment; times in milliseconds since 1970. */
export type StoredRequest = {
  /** Of a deployment or a model. */
  readonly targetId: string;
  readonly input: RunInput;
  readonly acceptedAt: number;
  readonly finishAt: number;
  readonly state: "in_queue" | "in_progress" | "finished" | "cancelled";
  /** How many requests wait in front of it; 0 unless it waits itself. */
  readonly queuePosition: number;
};

export type RequestStore = {
  /** On disk when it returns. False, and nothing stored, when too many are waiting already. */
  accept(request: {
    readonly id: string;
    readonly target: Pick<Target, "id" | "kind">;
    readonly input: RunInput;
    readonly now: number;
  }): boolean;
  read(id: string, now: number): StoredRequest | null;
  /** False, and nothing changed, unless the request still waits, or where it runs and `isRunningToo`. */
  cancel(id: string, now: number, isRunningToo: boolean): boolean;
  close(): void;
};

/** Opens `sandbox.db` in a folder, which is made where it is missing; null keeps it in memory. Throws a sentence. */
export function openRequestStore(dataFolder: string | null, speed: number): RequestStore {
  let database: DatabaseSync | undefined;
  try {
    if (dataFolder !== null) mkdirSync(dataFolder, { recursive: true });
    const path = dataFolder === null ? ":memory:" : join(dataFolder, "sandbox.db");
    database = new DatabaseSync(path, { timeout: 5_000 });
    database.exec("pragma journal_mode = wal; pragma synchronous = full;");
    database.exec(SCHEMA);
    return createRequestStore(database, speed);
  } catch (cause) {
    database?.close();
    throw new Error(
      `The sandbox can't keep its requests in ${String(dataFolder)}. Set SANDBOX_DATA to a folder that can be written to, or remove sandbox.db from this one.`,
      { cause },
    );
  }
}

function createRequestStore(database: DatabaseSync, speed: number): RequestStore {
  const sql = database.createTagStore();

  function countInFront(deploymentId: string, now: number, sequence: number): number {
    const row = sql.get`select count(*) as count from runs
      where deployment_id = ${deploymentId} and cancelled = 0 and start_at > ${now} and sequence < ${sequence}`;
    return COUNT.parse(row).count;
  }

  /** When a deployment is ready for a new request, which starts it if it is cold. */
  function makeReady(
    deploymentId: string,
    requestId: string,
    lastFinishes: readonly number[],
    now: number,
  ): number {
    const found = sql.get`select ready_at from deployments where id = ${deploymentId}`;
    const lastReadyAt = READY.optional().parse(found)?.ready_at ?? 0;
    if (!isCold(now - Math.max(lastReadyAt, ...lastFinishes), speed)) return lastReadyAt;
    const readyAt = now + toColdStartMs(requestId, speed);
    sql.run`insert or replace into deployments (id, ready_at) values (${deploymentId}, ${readyAt})`;
    return readyAt;
  }

  return {
    accept({ id, target, input, now }) {
      const deploymentId = target.id;
      sql.run`delete from runs where finish_at < ${now - KEPT_MS}`;
      if (countInFront(deploymentId, now, Number.MAX_SAFE_INTEGER) >= MAX_WAITING) return false;
      const finishes = sql.all`select finish_at from runs
        where deployment_id = ${deploymentId} and cancelled = 0
        order by finish_at desc limit ${RUNNERS}`;
      const lastFinishes = FINISHES.parse(finishes).map((row) => row.finish_at);
      // Nobody waits for a model's instances.
      const readyAt =
        target.kind === "model" ? now : makeReady(deploymentId, id, lastFinishes, now);
      const earliestAt = Math.max(readyAt, now + toQueueMs(input, speed));
      const startAt = planStart(earliestAt, lastFinishes);
      const finishAt = startAt + toRunMs(id, input, speed);
      sql.run`insert into runs
        (id, deployment_id, input, accepted_at, start_at, finish_at)
        values (${id}, ${deploymentId}, ${JSON.stringify(input)}, ${now}, ${startAt}, ${finishAt})`;
      return true;
    },

    read(id, now) {
      const since = now - KEPT_MS;
      const found = sql.get`select * from runs where id = ${id} and finish_at >= ${since}`;
      const row = ROW.nullable().parse(found ?? null);
      if (row === null) return null;
      const state = toState(row, now);
      const input = RUN_INPUT.parse(JSON.parse(row.input));
      const position = Math.max(
        countInFront(row.deployment_id, now, row.sequence),
        toSlowPosition(input, row.start_at - now, speed),
      );
      return {
        targetId: row.deployment_id,
        input,
        acceptedAt: row.accepted_at,
        finishAt: row.finish_at,
        state,
        queuePosition: state === "in_queue" ? position : 0,
      };
    },

    cancel(id, now, isRunningToo) {
      const { changes } = sql.run`update runs set cancelled = 1, finish_at = ${now}
        where id = ${id} and cancelled = 0
          and (start_at > ${now} or ${Number(isRunningToo)} = 1 and finish_at > ${now})`;
      return Number(changes) > 0;
    },

    close: () => database.close(),
  };
}

const ROW = z.object({
  sequence: z.number(),
  deployment_id: z.string(),
  input: z.string(),
  accepted_at: z.number(),
  start_at: z.number(),
  finish_at: z.number(),
  cancelled: z.number(),
});
const FINISHES = z.array(z.object({ finish_at: z.number() }));
const READY = z.object({ ready_at: z.number() });
const COUNT = z.object({ count: z.number() });

function toState(row: z.infer<typeof ROW>, now: number): StoredRequest["state"] {
  if (row.cancelled === 1) return "cancelled";
  if (now < row.start_at) return "in_queue";
  return now < row.finish_at ? "in_progress" : "finished";
}
