import DataLoader from "dataloader";
import type { BaseLogger } from "pino";

import { clock } from "../../runtime/environment.ts";
import { BadCursorError } from "../job/errors.ts";
import type { Asset, KeptFile } from "../job/asset.ts";
import { NOT_KEPT } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import { notifyOfFirst } from "../../runtime/loop.ts";
import type { Queue } from "../../runtime/queue.ts";
import type { FeedPage } from "../store/feed.ts";
import type { Feed, Jobs, JobStore } from "../store/job-store.ts";

export type ReadJob = (jobId: string) => Promise<Job | null>;

/** Reads jobs as they are now, for watchers of all owners together; rejects while the database does not answer. */
export function createJobReader(
  jobs: Pick<Jobs, "readMany">,
  log: Pick<BaseLogger, "warn">,
): ReadJob {
  const attempt = notifyOfFirst((err) => log.warn({ err }, UNREAD));
  let wanted = new Set<string>();
  const readWanted = shareReads(async () => {
    const ids = [...wanted];
    wanted = new Set();
    const found = await attempt(() => jobs.readMany(ids));
    return new Map(found.map((job, index) => [ids[index], job]));
  });

  return async (jobId) => {
    wanted.add(jobId);
    return (await readWanted()).get(jobId) ?? null;
  };
}

const UNREAD = "Watched jobs can't be read. The gateway tries again. Check that the database runs.";

export type DetailReader = ReturnType<typeof createDetailReader>;

const JOBS_PER_READ = 200;
/** Most documents are smaller, and those of some hundred jobs fit into memory at once. */
export const MAX_SMALL_BYTES = 16_384;

/** The first files that an output names with the states of their copies, and how many it names. */
export type FirstFiles = {
  readonly files: readonly (Asset & { readonly kept: KeptFile })[];
  readonly count: number;
};

/** Reads for an owner what is kept beside jobs, as it is now. */
export function createDetailReader(
  store: {
    readonly documents: Pick<JobStore["documents"], "read" | "readFirstAssets">;
    readonly jobs: Pick<JobStore["jobs"], "readHistories">;
    readonly files: Pick<JobStore["files"], "findPending" | "readMany">;
  },
  /** `steps` is for reads of all files of a job, one job at a time, because they take longer than others may wait. */
  { reads: queue, steps }: { readonly reads: Queue; readonly steps: Queue },
) {
  async function readFirstFiles(id: string): Promise<FirstFiles> {
    const [found] = await store.documents.readFirstAssets([id]);
    if (!found?.assets.length) return { files: [], count: found?.count ?? 0 };
    const [kept] = await store.files.readMany([id], found.assets.length);
    const files = found.assets.map((asset) =>
      Object.assign({ kept: kept?.get(asset.url) ?? NOT_KEPT }, asset),
    );
    return { files, count: found.count };
  }

  return {
    /** Only the sizes of documents that are large; null when there is no such job. */
    readDocuments: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      queue.run(ownerId, () => store.documents.read(ids, MAX_SMALL_BYTES)),
    ),
    /** Oldest first; empty when there is no such job. */
    readHistory: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      queue.run(ownerId, () => store.jobs.readHistories(ids)),
    ),
    /** Whether copies of a job's files are still to come. */
    arePending: shareTurn(1, (ownerId, ids) =>
      steps.run(ownerId, () => store.files.findPending(ids)),
    ),
    /** None until the job SUCCEEDED. */
    readFirstFiles: shareTurn(1, (ownerId, [id = ""]) =>
      steps.run(ownerId, async () => [await readFirstFiles(id)]),
    ),
  };
}

/**
 * Whatever is asked for an owner in one turn of the event loop, by any operation, is one read. A loader lives for that
 * turn only: one that lived on would hold the last documents until somebody asks again.
 */
function shareTurn<Value>(
  jobsPerRead: number,
  read: (ownerId: string, ids: readonly string[]) => Promise<Value[]>,
): (ownerId: string, id: string) => Promise<Value> {
  const current = new Map<string, DataLoader<string, Value>>();

  return (ownerId, id) => {
    const loader =
      current.get(ownerId) ??
      new DataLoader<string, Value>((ids) => read(ownerId, ids), {
        maxBatchSize: jobsPerRead,
        // Watchers that were woken together ask in many promises of one turn, so it waits for the turn's end.
        batchScheduleFn: (dispatch) => {
          clock.onNextTurn(() => {
            current.delete(ownerId);
            dispatch();
          });
        },
      });
    current.set(ownerId, loader);
    return loader.load(id);
  };
}

export type FeedReader = ReturnType<typeof createFeedReader>;

const CHANGES_PER_PAGE = 200;

/**
 * Reads the feed of changes; all who ask for the same at the same time share one read. Rejects while the database does not
 * answer.
 */
export function createFeedReader(options: {
  readonly feed: Pick<Feed, "read" | "readHead">;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const { feed, log } = options;
  const attempt = notifyOfFirst(
    (err) => log.warn({ err }, UNREAD_FEED),
    (error) => error instanceof BadCursorError,
  );
  const readHead = shareReads(() => attempt(() => feed.readHead()));
  /** Those that are being read. */
  const pages = new Map<string, Promise<FeedPage | null>>();

  return {
    /** The cursor after everything that has changed by now. */
    readHead,

    /** The changes after a cursor, of one owner's jobs or of all, as `Feed.read` gives them; at most 200. */
    async readPage(cursor: string, ownerId?: string): Promise<FeedPage | null> {
      // All who ask in one turn read up to one cursor, so that from then on they are at the same one.
      const until = await readHead();
      const key = JSON.stringify([ownerId ?? null, cursor, until]);
      const read = () => feed.read(cursor, { until, limit: CHANGES_PER_PAGE, ownerId });
      const page = pages.get(key) ?? attempt(read).finally(() => pages.delete(key));
      pages.set(key, page);
      return await page;
    },
  };
}

const UNREAD_FEED =
  "The changes of jobs can't be read. The gateway tries again. Check that the database runs.";

/** All who ask in one turn of the event loop share a read, which begins after it. */
function shareReads<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let next: Promise<Value> | null = null;

  async function readNext(): Promise<Value> {
    await clock.nextTurn();
    next = null;
    return await read();
  }

  return () => (next ??= readNext());
}
