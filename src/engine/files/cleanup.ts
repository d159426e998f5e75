import type { BaseLogger } from "pino";

import { type sleepFor, startLoop } from "../../runtime/loop.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { Files } from "../store/files.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Uploads } from "../store/upload-rows.ts";
import type { FileStore } from "./file-store.ts";
import { THUMBNAIL_WIDTHS, toThumbnailName } from "./thumbnail.ts";

const BETWEEN_ROUNDS_MS = 60_000;
/** Files whose rows are deleted within a second are deleted together. */
const MIN_REST_MS = 1_000;
/** How long to rest while the database, or where files are, is unreachable. */
const RETRY_MS = 10_000;
const PER_BATCH = 500;
const AT_ONCE = 8;

/**
 * Deletes what nobody needs any more, each minute, and when it is woken: sign-ins that have expired, the uploads that no job
 * names, the files of deleted rows, and those of which a crash kept a row from naming them.
 */
export function startCleanup(dependencies: {
  readonly files: Files;
  readonly uploads: Uploads;
  readonly signIns: Pick<JobStore["signIns"], "deleteExpired">;
  readonly store: FileStore;
  readonly sleep?: typeof sleepFor;
  readonly log: BaseLogger;
}) {
  const { files, uploads, signIns, store, sleep, log } = dependencies;

  async function deleteUnneeded(): Promise<number> {
    const { signal } = loop;
    while (!signal.aborted && (await signIns.deleteExpired(PER_BATCH)) === PER_BATCH);
    while (!signal.aborted && (await uploads.deleteUnused(PER_BATCH)) === PER_BATCH);
    while (!signal.aborted && (await deleteBatch()) === PER_BATCH);
    return BETWEEN_ROUNDS_MS;
  }

  /** Tries to delete each file, and then rejects with the first failure. */
  async function deleteBatch(): Promise<number> {
    const names = await files.listPendingDeletions(PER_BATCH);
    const slots = new Semaphore({ atOnce: AT_ONCE, maxWaiting: PER_BATCH });
    const deleted: string[] = [];
    const deleting = names.map((name) =>
      slots.run(async () => {
        await deleteFile(name);
        deleted.push(name);
      }),
    );
    await Promise.allSettled(deleting);
    await files.forgetDeletions(deleted);
    await Promise.all(deleting);
    return names.length;
  }

  async function deleteFile(name: string): Promise<void> {
    const smaller = THUMBNAIL_WIDTHS.map((width) => toThumbnailName(name, width));
    for (const one of [name, ...smaller]) await store.delete(one);
  }

  const loop = startLoop({
    act: deleteUnneeded,
    minRestMs: () => MIN_REST_MS,
    retryMs: RETRY_MS,
    onFailure: (err) => log.warn({ err }, FAILS),
    sleep,
  });
  return loop;
}

const FAILS =
  "Files that nobody needs can't be deleted; the gateway tries again. Check the database, and where files are.";
