import { Queue } from "../runtime/queue.ts";
import type { Dialect } from "./dialect.ts";

/**
 * For transactions that wait for a lock of their owner's. On Postgres they wait here, and not with a connection each; on
 * SQLite one transaction follows the other anyway.
 */
export function createOwnerQueue({ isShared }: Pick<Dialect, "isShared">): Queue {
  return new Queue(isShared ? { perKey: 1 } : {});
}

/** While one has the lock no other gateway counts what the owner has. */
export function toOwnerLock(ownerId: string): string {
  return `owner:${ownerId}`;
}
