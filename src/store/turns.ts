import { type Kysely, sql } from "kysely";

import type { DatabaseKind } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Runs an act when it is its turn among those of the same name. */
export type InTurn = <Value>(name: string, act: () => Promise<Value>) => Promise<Value>;

/** Where as many wait already, `refuse` makes what the next call rejects with. */
type Waiting = { readonly most: number; readonly refuse: () => Error };

/**
 * Lets at most `most` acts of one name run at once, in the order of the calls; other names wait for none of them. The next
 * act begins in a later turn of the event loop, so that everybody else's work goes first.
 */
export function createTurns(most: number, waiting?: Waiting): InTurn {
  const lines = new Map<string, Line>();

  function leave(name: string, line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) return next();
    line.running -= 1;
    if (line.running === 0) lines.delete(name);
  }

  return async (name, act) => {
    const line = lines.get(name) ?? { running: 0, waiting: [] };
    lines.set(name, line);
    if (line.running < most) {
      line.running += 1;
    } else {
      if (waiting !== undefined && line.waiting.length >= waiting.most) throw waiting.refuse();
      await new Promise<void>((resolve) => void line.waiting.push(resolve));
    }
    try {
      return await act();
    } finally {
      setImmediate(leave, name, line);
    }
  };
}

/**
 * Turns for transactions that wait for a lock of their owner's. On Postgres they wait here, and not with a connection
 * each; on SQLite transactions take turns anyway.
 */
export function createOwnerTurns(kind: DatabaseKind): InTurn {
  return createTurns(kind === "postgres" ? 1 : Infinity);
}

type Line = { running: number; readonly waiting: (() => void)[] };

/** Until the transaction ends no other gateway counts what the owner has. On SQLite transactions take turns anyway. */
export async function lockOwner(
  transaction: Kysely<Tables>,
  kind: DatabaseKind,
  ownerId: string,
): Promise<void> {
  if (kind !== "postgres") return;
  const name = `runcomfy-graphql:owner:${ownerId}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction);
}
