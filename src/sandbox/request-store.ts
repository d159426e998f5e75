import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { RUN_INPUT, type RunInput } from "./run-input.ts";
import { planReady, planSlot, RUNNERS, toQueueMs, toRunMs, toSlowPosition } from "./schedule.ts";

/** Requests and their files are gone this long after their end, as the vendor's files are. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;
const MAX_WAITING = 20_000;

const SCHEMA = `
  create table if not exists requests (
    sequence integer primary key autoincrement,
    id text not null unique,
    deployment_id text not null,
    input text not null,
    accepted_at integer not null,
    ready_at integer not null,
    start_at integer not null,
    finish_at integer not null,
    cancelled integer not null default 0
  ) strict;
  create index if not exists requests_by_start on requests (deployment_id, cancelled, start_at);
  create index if not exists requests_by_finish on requests (deployment_id, cancelled, finish_at);
  create index if not exists requests_by_end on requests (finish_at);
`;

/** An accepted request as it stands at some moment; times in milliseconds since 1970. */
export type StoredRequest = {
  readonly deploymentId: string;
  readonly input: RunInput;
  readonly acceptedAt: number;
  readonly finishAt: number;
  readonly state: "in_queue" | "in_progress" | "finished" | "cancelled";
  /** How many requests wait in front of it; 0 unless it waits itself. */
  readonly queuePosition: number;
};

export type RequestStore = {
  /** On disk when it returns. False, and nothing stored, when too many are waiting already. */
  accept(id: string, deploymentId: string, input: RunInput, now: number): boolean;
  read(id: string, now: number): StoredRequest | null;
  /** False, and nothing changed, unless the request still waits. */
  cancel(id: string, now: number): boolean;
  close(): void;
};

/** Opens `sandbox.db` in a folder, which is made where it is missing; null keeps it in memory. Throws when it can't. */
export function openRequestStore(dataFolder: string | null, speed: number): RequestStore {
  if (dataFolder !== null) mkdirSync(dataFolder, { recursive: true });
  const database = new DatabaseSync(
    dataFolder === null ? ":memory:" : join(dataFolder, "sandbox.db"),
    { timeout: 5_000 },
  );
  try {
    database.exec("pragma journal_mode = wal; pragma synchronous = full;");
    database.exec(SCHEMA);
    return createRequestStore(database, speed);
  } catch (error) {
    database.close();
    throw error;
  }
}

function createRequestStore(database: DatabaseSync, speed: number): RequestStore {
  const deleteOld = database.prepare("delete from requests where finish_at < ?");
  const insert = database.prepare(
    `insert into requests (id, deployment_id, input, accepted_at, ready_at, start_at, finish_at)
     values (?, ?, ?, ?, ?, ?, ?)`,
  );
  const selectOne = database.prepare("select * from requests where id = ? and finish_at >= ?");
  const selectNewest = database.prepare(
    "select * from requests where deployment_id = ? order by sequence desc limit 1",
  );
  const selectLastFinishes = database.prepare(
    `select finish_at from requests where deployment_id = ? and cancelled = 0 and start_at <= ?
     order by finish_at desc limit ${RUNNERS}`,
  );
  const selectWaiting = database.prepare(
    `select * from requests where deployment_id = ? and cancelled = 0 and start_at > ? order by sequence`,
  );
  const countWaiting = database.prepare(
    `select count(*) as count from requests
     where deployment_id = ? and cancelled = 0 and start_at > ? and sequence < ?`,
  );
  const markCancelled = database.prepare(
    "update requests set cancelled = 1, finish_at = ? where sequence = ?",
  );
  const move = database.prepare(
    "update requests set start_at = ?, finish_at = ? where sequence = ?",
  );

  function inTransaction<Result>(work: () => Result): Result {
    database.exec("begin immediate");
    try {
      const result = work();
      database.exec("commit");
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("rollback");
      throw error;
    }
  }

  function find(id: string, now: number): Row | null {
    return ROW.nullable().parse(selectOne.get(id, now - KEPT_MS) ?? null);
  }

  function readLastFinishes(deploymentId: string, startedBy: number): number[] {
    const rows = selectLastFinishes.all(deploymentId, startedBy);
    return FINISHES.parse(rows).map((row) => row.finish_at);
  }

  function countInFront(deploymentId: string, now: number, sequence: number): number {
    return COUNT.parse(countWaiting.get(deploymentId, now, sequence)).count;
  }

  return {
    accept: (id, deploymentId, input, now) =>
      inTransaction(() => {
        deleteOld.run(now - KEPT_MS);
        if (countInFront(deploymentId, now, Number.MAX_SAFE_INTEGER) >= MAX_WAITING) return false;
        const newest = ROW.nullable().parse(selectNewest.get(deploymentId) ?? null);
        const finishes = readLastFinishes(deploymentId, Number.MAX_SAFE_INTEGER);
        const before = newest && {
          readyAt: newest.ready_at,
          idleSince: Math.max(newest.ready_at, ...finishes),
        };
        const readyAt = planReady(before, now, speed);
        const earliestAt = readyAt + toQueueMs(input, speed);
        const { startAt, finishAt } = planSlot(earliestAt, toRunMs(input, speed), finishes);
        const json = JSON.stringify(input);
        insert.run(id, deploymentId, json, now, readyAt, startAt, finishAt);
        return true;
      }),

    read(id, now) {
      const row = find(id, now);
      if (row === null) return null;
      const state = toState(row, now);
      const { deployment_id: deploymentId, sequence } = row;
      const input = readInput(row);
      return {
        deploymentId,
        input,
        acceptedAt: row.accepted_at,
        finishAt: row.finish_at,
        state,
        queuePosition:
          state === "in_queue"
            ? Math.max(
                countInFront(deploymentId, now, sequence),
                toSlowPosition(input, row.start_at - now, speed),
              )
            : 0,
      };
    },

    cancel: (id, now) =>
      inTransaction(() => {
        const cancelled = find(id, now);
        if (cancelled === null || toState(cancelled, now) !== "in_queue") return false;
        markCancelled.run(now, cancelled.sequence);
        let finishes = readLastFinishes(cancelled.deployment_id, now);
        const waiting = ROW.array().parse(selectWaiting.all(cancelled.deployment_id, now));
        for (const row of waiting) {
          const earliestAt = row.ready_at + toQueueMs(readInput(row), speed);
          const slot = planSlot(earliestAt, row.finish_at - row.start_at, finishes);
          move.run(slot.startAt, slot.finishAt, row.sequence);
          finishes = [...finishes, slot.finishAt].toSorted((a, b) => b - a).slice(0, RUNNERS);
        }
        return true;
      }),

    close: () => database.close(),
  };
}

type Row = z.infer<typeof ROW>;

const ROW = z.object({
  sequence: z.number(),
  deployment_id: z.string(),
  input: z.string(),
  accepted_at: z.number(),
  ready_at: z.number(),
  start_at: z.number(),
  finish_at: z.number(),
  cancelled: z.number(),
});
const FINISHES = z.array(z.object({ finish_at: z.number() }));
const COUNT = z.object({ count: z.number() });

function readInput(row: Row): RunInput {
  return RUN_INPUT.parse(JSON.parse(row.input));
}

function toState(row: Row, now: number): StoredRequest["state"] {
  if (row.cancelled === 1) return "cancelled";
  if (now < row.start_at) return "in_queue";
  return now < row.finish_at ? "in_progress" : "finished";
}
