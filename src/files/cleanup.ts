import type { BaseLogger } from "pino";

import type { Loop } from "../runtime/loop.ts";
import { startLoop } from "../runtime/loop.ts";
import type { sleepFor } from "../runtime/sleep.ts";
import type { Files, Uploads } from "../store/job-store.ts";
import type { FileStore } from "./file-store.ts";
import { originalOf, THUMBNAIL_WIDTHS, toThumbnailName } from "./thumbnail.ts";

const BETWEEN_ROUNDS_MS = 60_000;
/** What is deleted within a second goes together. */
const MIN_REST_MS = 1_000;
/** While the database, or the place of files, is away. */
const RETRY_MS = 10_000;
const BETWEEN_SWEEPS_MS = 24 * 60 * 60_000;
/** A file is stored a moment before its row, so that a young one without a row is no orphan. */
const YOUNGEST_ORPHAN_MS = 60 * 60_000;
const PER_BATCH = 500;
const AT_ONCE = 8;

/**
 * Deletes what nobody needs any more: each minute, and when it is woken, the uploads that no job names and the files of
 * deleted rows, and each day, on one gateway, files that no row has. What was kept and is gone is marked then.
 */
export function startCleanup(dependencies: {
  readonly files: Files;
  readonly uploads: Uploads;
  readonly store: FileStore;
  readonly now: () => number;
  readonly sleep?: typeof sleepFor;
  readonly log: BaseLogger;
}) {
  const { files, uploads, store, now, sleep, log } = dependencies;
  const closing = new AbortController();
  const { signal } = closing;

  async function deletePending(): Promise<void> {
    while (!signal.aborted && (await uploads.deleteUnused(PER_BATCH)) === PER_BATCH);
    while (!signal.aborted) {
      const names = await files.listPendingDeletions(PER_BATCH);
      const deleted: string[] = [];
      // One that can't be deleted keeps no other.
      await inBatches(names, async (name) => {
        await deleteFile(name);
        deleted.push(name);
      }).finally(() => files.forgetDeletions(deleted));
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

  /** Each minute, and when it is woken. */
  const repeat = (act: () => Promise<void>): Loop =>
    startLoop({
      act: async () => {
        await act();
        return BETWEEN_ROUNDS_MS;
      },
      signal,
      minRestMs: MIN_REST_MS,
      retryMs: RETRY_MS,
      onFailure: (err) => log.warn({ err }, FAILS),
      sleep,
    });

  const deleting = repeat(deletePending);
  // By itself, as it may take hours.
  const sweeping = repeat(sweepDaily);
  return {
    /** Says that jobs were deleted. */
    wake: () => deleting.wake(),
    async close(): Promise<void> {
      closing.abort();
      await Promise.all([deleting.ended, sweeping.ended]);
    },
  };
}

const FAILS =
  "Files that nobody needs can't be deleted; the gateway tries again. Check the database, and where files are.";

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
