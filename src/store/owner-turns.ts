import type { InTurn } from "../runtime/turns.ts";
import { createTurns } from "../runtime/turns.ts";
import type { Dialect } from "./dialect.ts";

/**
 * Turns for transactions that wait for a lock of their owner's. On Postgres they wait here, and not with a connection
 * each; on SQLite transactions take turns anyway.
 */
export function createOwnerTurns({ isShared }: Pick<Dialect, "isShared">): InTurn {
  return createTurns(isShared ? 1 : Infinity);
}

/** While one has the lock no other gateway counts what the owner has. */
export function toOwnerLock(ownerId: string): string {
  return `owner:${ownerId}`;
}
