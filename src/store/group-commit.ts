import { setImmediate } from "node:timers/promises";

import type { Kysely } from "kysely";

import type { Database, Write } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Reads wait for a commit with all that it is of. */
const MOST_TOGETHER = 50;

type Waiting = {
  readonly isOne: boolean;
  /** Resolves with what tells the writer. */
  run(queries: Kysely<Tables>): Promise<() => void>;
  reject(error: unknown): void;
};

/**
 * Writes that come at once share a transaction, because SQLite waits for the disk at each commit. Where one fails, all are
 * rolled back, and each is done again by itself.
 */
export function createGroupCommit(queries: Kysely<Tables>): Pick<Database, "write" | "writeOne"> {
  const waiting: Waiting[] = [];
  let isCommitting = false;

  function toWrite(isOne: boolean): Write {
    return (statements) =>
      new Promise((resolve, reject) => {
        waiting.push({
          isOne,
          reject,
          async run(transaction) {
            const value = await statements(transaction);
            return () => resolve(value);
          },
        });
        if (!isCommitting) void commitAll();
      });
  }

  async function commitAll(): Promise<void> {
    isCommitting = true;
    // All that has come from the network by now has told what it writes.
    await setImmediate();
    while (waiting.length > 0) await commit(waiting.splice(0, MOST_TOGETHER));
    isCommitting = false;
  }

  async function commit(writes: readonly Waiting[]): Promise<void> {
    const [first, ...others] = writes;
    try {
      const tells =
        first?.isOne === true && others.length === 0
          ? [await first.run(queries)]
          : await queries.transaction().execute(async (transaction) => {
              const done: (() => void)[] = [];
              for (const write of writes) done.push(await write.run(transaction));
              return done;
            });
      for (const tell of tells) tell();
    } catch (error) {
      if (others.length === 0) first?.reject(error);
      else for (const write of writes) await commit([write]);
    }
  }

  return { write: toWrite(false), writeOne: toWrite(true) };
}
