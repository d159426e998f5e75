import { type Kysely, sql } from "kysely";

import { clock } from "../../runtime/environment.ts";
import type { Database, Write } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Reads wait for a commit with all that it is of, and everybody for the disk. */
const MAX_TOGETHER = 50;
const MAX_BYTES_TOGETHER = 262_144;

type Waiting = {
  readonly isOne: boolean;
  readonly bytes: number;
  /** Resolves with what answers the writer. */
  run(queries: Kysely<Tables>): Promise<() => void>;
  reject(error: unknown): void;
};

/**
 * Writes that come at once share a transaction, because SQLite waits for the disk at each commit. One that fails is undone
 * by itself; where the commit fails, each is done again by itself.
 */
export function createGroupCommit(queries: Kysely<Tables>): Pick<Database, "write" | "writeOne"> {
  const waiting: Waiting[] = [];
  let isCommitting = false;

  function toWrite(isOne: boolean): Write {
    return (statements, bytes = 0) =>
      new Promise((resolve, reject) => {
        waiting.push({
          isOne,
          bytes,
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
    while (waiting.length > 0) {
      // By then, all that has come from the network has queued its writes, and others' reads go first.
      await clock.nextTurn();
      await commit(waiting.splice(0, countTogether()));
    }
    isCommitting = false;
  }

  function countTogether(): number {
    let bytes = 0;
    const tooMany = waiting.findIndex((write) => (bytes += write.bytes) > MAX_BYTES_TOGETHER);
    return Math.min(MAX_TOGETHER, tooMany === -1 ? waiting.length : Math.max(1, tooMany));
  }

  async function commit(writes: readonly Waiting[]): Promise<void> {
    const [first, ...others] = writes;
    if (first !== undefined && others.length === 0) return await commitOne(first);
    try {
      const answers = await queries.transaction().execute(async (transaction) => {
        const done: (() => void)[] = [];
        for (const write of writes) done.push(await runUndoably(transaction, write));
        return done;
      });
      for (const answer of answers) answer();
    } catch {
      for (const write of writes) await commitOne(write);
    }
  }

  async function commitOne({ isOne, run, reject }: Waiting): Promise<void> {
    try {
      const answer = await (isOne ? run(queries) : queries.transaction().execute(run));
      answer();
    } catch (error) {
      reject(error);
    }
  }

  return { write: toWrite(false), writeOne: toWrite(true) };
}

async function runUndoably(
  transaction: Kysely<Tables>,
  { run, reject }: Waiting,
): Promise<() => void> {
  await sql`savepoint own`.execute(transaction);
  try {
    return await run(transaction);
  } catch (error) {
    await sql`rollback to own`.execute(transaction);
    return () => reject(error);
  }
}
