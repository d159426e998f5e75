import { type Kysely, sql } from "kysely";

import type { DatabaseKind } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Runs an act when it is its turn among those of the same name. */
export type InTurn = <Value>(name: string, act: () => Promise<Value>) => Promise<Value>;

/** Where as many wait already, `refuse` makes what the next call rejects with. */
type Waiting = { readonly most: number; readonly refuse: () => Error };

/**
 * Lets at most `most` acts of one name run at once, in the order of the calls, and `inAll` of all names, which take turns.
 * The next act begins in a later turn of the event loop, so that everybody else's work goes first.
 */
export function createTurns(most: number, waiting?: Waiting, inAll = Infinity): InTurn {
  /** Whose turn is next comes first. */
  const lines = new Map<string, Line>();
  let running = 0;

  function begin(line: Line): void {
    line.running += 1;
    running += 1;
  }

  function leave(name: string, line: Line): void {
    line.running -= 1;
    running -= 1;
    // Behind the others.
    lines.delete(name);
    if (line.running + line.waiting.length > 0) lines.set(name, line);
    // Without a limit in all, nobody else waits for this.
    for (const one of inAll === Infinity ? [line] : lines.values()) {
      const next = one.running < most ? one.waiting.shift() : undefined;
      if (next === undefined) continue;
      begin(one);
      return next();
    }
  }

  return async (name, act) => {
    const line = lines.get(name) ?? { running: 0, waiting: [] };
    lines.set(name, line);
    if (line.running < most && running < inAll) {
      begin(line);
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
