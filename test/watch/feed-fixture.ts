import { BadCursorError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import type { FeedPage } from "../../src/engine/store/feed.ts";
import { createFeedReader } from "../../src/engine/watch/shared-readers.ts";
import type { JobsWatch } from "../../src/engine/watch/watch-jobs.ts";
import { createFeedWatch } from "../../src/engine/watch/watch-jobs.ts";
import { makeJob } from "../store/store-jobs.ts";

/** A feed in memory that keeps the contract of the store's: cursors are numbers, of which those below `oldest` are gone. */
export function createFixture() {
  const listeners = new Set<() => void>();
  const changed = new Map<string, { readonly number: number; readonly job: Job }>();
  const reads: string[] = [];
  const warnings: unknown[] = [];
  let head = 0;
  let oldest = 0;
  let beforeRead = (): Promise<void> | void => undefined;
  let beforePage = (): Promise<void> | void => undefined;

  const changes = {
    async readHead() {
      await beforeRead();
      return String(head);
    },
    async read(
      cursor: string,
      { until, limit }: { readonly until: string; readonly limit: number },
    ): Promise<FeedPage | null> {
      reads.push(cursor);
      if (!/^\d+$/.test(cursor)) throw new BadCursorError();
      const after = Number(cursor);
      const found = [...changed.values()]
        .filter(({ number }) => number > after && number <= Number(until))
        .toSorted((a, b) => a.number - b.number);
      const page = {
        changes: found
          .slice(0, limit)
          .map(({ number, job }) => ({ cursor: String(number), job, reason: "STATUS" as const })),
        cursor: String(found[limit - 1]?.number ?? until),
        isLast: found.length <= limit,
      };
      const isTooOld = after < oldest;
      await beforeRead();
      await beforePage();
      return isTooOld ? null : page;
    },
    subscribe(_ownerId: string | undefined, wake: () => void) {
      const listener = () => wake();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const feed = createFeedReader({
    feed: changes,
    log: { warn: (warning: unknown) => warnings.push(warning) },
  });

  return {
    listeners,
    reads,
    warnings,
    feed,
    holdReads: (hold: () => Promise<void> | void) => (beforeRead = hold),
    holdPages: (hold: () => Promise<void> | void) => (beforePage = hold),
    forget: () => (oldest = head),
    wake: () => [...listeners].forEach((listener) => listener()),
    change(id: string, changes: Partial<Job> = {}): string {
      head += 1;
      const job =
        changed.get(id)?.job ?? makeJob({ deploymentId: "warm-glow", createdAt: new Date(1_000) });
      changed.set(id, { number: head, job: { ...job, id, version: job.version + 1, ...changes } });
      [...listeners].forEach((listener) => listener());
      return String(head);
    },
    watch: ({ filter = {}, after = null }: Partial<JobsWatch> = {}) =>
      createFeedWatch({ subscribe: changes.subscribe, feed })({ filter, after }),
  };
}
