import type { BaseLogger } from "pino";

import type { Files, Uploads } from "../store/job-store.ts";
import { sleepFor } from "../store/sleep.ts";
import type { FileStore } from "./file-store.ts";
import { originalOf, THUMBNAIL_WIDTHS, toThumbnailName } from "./thumbnail.ts";

const BETWEEN_ROUNDS_MS = 60_000;
const BETWEEN_SWEEPS_MS = 24 * 60 * 60_000;
/** A file is stored a moment before its row, so that a young one without a row is no orphan. */
const YOUNGEST_ORPHAN_MS = 60 * 60_000;
const PER_BATCH = 500;
const AT_ONCE = 8;

/**
 * Deletes what nobody needs any more: each minute the uploads that no job names and the files of deleted rows, and each
 * day, on one gateway, files that no row has. What was kept and is gone is marked then.
 */
export function startFileUpkeep(dependencies: {
  readonly files: Files;
  readonly uploads: Uploads;
  readonly store: FileStore;
  readonly now: () => number;
  readonly log: BaseLogger;
}) {
  const { files, uploads, store, now, log } = dependencies;
  const closing = new AbortController();
  const { signal } = closing;
  let hasFailed = false;

  async function deleteDoomed(): Promise<void> {
    while (!signal.aborted && (await uploads.deleteUnused(PER_BATCH)) === PER_BATCH);
    while (!signal.aborted) {
      const names = await files.listDoomed(PER_BATCH);
      const deleted: string[] = [];
      // One that can't be deleted keeps no other.
      await inBatches(names, async (name) => {
        await deleteFile(name);
        deleted.push(name);
      }).finally(() => files.forgetDoomed(deleted));
      if (names.length < PER_BATCH) return;
    }
  }

  async function deleteFile(name: string): Promise<void> {
    const smaller = THUMBNAIL_WIDTHS.map((width) => toThumbnailName(name, width));
    for (const one of [name, ...smaller]) await store.delete(one);
  }

  async function sweep(): Promise<void> {
    let batch: string[] = [];
    for await (const { name, modifiedAt } of store.list()) {
      if (signal.aborted) return;
      const isOld = now() - modifiedAt.getTime() > YOUNGEST_ORPHAN_MS;
      if (isOld && !name.endsWith(".place")) batch.push(name);
      if (batch.length < PER_BATCH) continue;
      await deleteOrphans(batch);
      batch = [];
    }
    await deleteOrphans(batch);
    await markLost();
  }

  async function deleteOrphans(names: readonly string[]): Promise<void> {
    const unknown = new Set(await files.findUnknown([...new Set(names.map(originalOf))]));
    await inBatches(
      names.filter((name) => unknown.has(originalOf(name))),
      (name) => store.delete(name),
    );
  }

  async function markLost(): Promise<void> {
    let last = "";
    while (!signal.aborted) {
      const names = await files.listKept(last, PER_BATCH);
      await inBatches(names, async (name) => {
        if ((await store.size(name)) === null) await files.noteLost(name);
      });
      last = names.at(-1) ?? "";
      if (names.length < PER_BATCH) return;
    }
  }

  async function sweepDaily(): Promise<void> {
    if (await files.claimSweep(BETWEEN_SWEEPS_MS)) await sweep();
  }

  /** False when that failed, which is logged once. */
  async function settle(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      if (!hasFailed && !signal.aborted)
        log.warn(
          { err: error },
          "Files that nobody needs can't be deleted; the gateway tries again. Check the database, and where files are.",
        );
      hasFailed = true;
      return false;
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const outcomes = [await settle(deleteDoomed), await settle(sweepDaily)];
      hasFailed = outcomes.includes(false);
      await sleepFor(BETWEEN_ROUNDS_MS, signal);
    }
  }

  const running = run();
  return {
    async close(): Promise<void> {
      closing.abort();
      await running;
    },
  };
}

/** Does all, and then rejects with the first failure. */
async function inBatches(
  names: readonly string[],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const rest = names.values();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const name of rest) await act(name).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failures.length > 0) throw failures[0];
}
