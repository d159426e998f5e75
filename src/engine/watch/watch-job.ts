import { clock } from "../../runtime/environment.ts";
import type { Estimate } from "../job/estimate.ts";
import { JobNotFoundError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { toError } from "../../runtime/coded-error.ts";
import { OVER, Stream } from "../../runtime/stream.ts";
import type { Feed } from "../store/job-store.ts";
import type { ReadJob } from "./shared-readers.ts";

/**
 * The job as it is now, then its newest state after each change: versions never fall, and the stream ends after a final
 * one, unless what comes after the end is wanted too. A slow reader skips states, but never the last. A version comes once,
 * and with estimates again when its estimate has moved. Fails with a `JobNotFoundError` if the job doesn't exist, no longer
 * exists, or is not this owner's. Nothing is listened to before the first `next()`.
 */
export type WatchJob = (
  jobId: string,
  ownerId?: string,
  options?: { readonly isEstimateWanted: boolean; readonly isRestWanted?: boolean },
) => Stream<Job>;

/**
 * How many are notified in the first turn of the event loop, and in any: all that they cause is done before anything is
 * sent, so the first would wait for the last. What is sent on one socket in a turn leaves together.
 */
const NOTIFIED_AT_FIRST = 100;
const NOTIFIED_AT_ONCE = 1_000;

type EstimateOf = (job: Job) => Promise<Estimate | null>;

/** How often estimates are reckoned anew, and the part of the time left by which one has to move to be notified. */
const BETWEEN_ESTIMATES_MS = 1_000;
const NOTIFIED_MOVE = 0.1;

type Sources = {
  readonly feed: Pick<Feed, "subscribeToJob">;
  readonly readJob: ReadJob;
  readonly estimate: EstimateOf;
};

/** A job is read once for all who wait for its news. They get the same objects: what is made of one is shared. */
export function createJobWatch(sources: Sources): WatchJob {
  const groups = new Map<string, Group>();

  function open(jobId: string, isEstimateWanted: boolean): Group {
    const key = `${jobId} ${isEstimateWanted}`;
    const group =
      groups.get(key) ?? new Group(jobId, isEstimateWanted, sources, () => groups.delete(key));
    groups.set(key, group);
    return group;
  }

  return (jobId, ownerId, { isEstimateWanted, isRestWanted = false } = USUAL) => {
    let group: Group | null = null;
    let known: Job | undefined;
    let waiting: PromiseWithResolvers<IteratorResult<Job, undefined>> | null = null;

    const jobs = new Stream<Job>(
      () => {
        waiting = Promise.withResolvers();
        const { promise } = waiting;
        group ??= open(jobId, isEstimateWanted);
        group.wait(notify, known === undefined);
        return promise;
      },
      () => {
        group?.leave(notify);
        waiting?.resolve(OVER);
      },
    );
    return jobs;

    function notify(found: Found): boolean {
      if (waiting === null || found === known) return false;
      const { resolve, reject } = waiting;
      waiting = null;
      if (found instanceof Error) reject(found);
      else if (!found || (ownerId !== undefined && found.ownerId !== ownerId))
        reject(new JobNotFoundError(jobId));
      else {
        known = found;
        resolve({ value: found, done: false });
        if (isRestWanted || !isFinished(found)) return true;
      }
      jobs.end();
      return true;
    }
  };
}

const USUAL: NonNullable<Parameters<WatchJob>[2]> = { isEstimateWanted: false };

/** What a read found: null if there is no job, undefined before the first. */
type Found = Job | null | undefined | Error;

/** Is notified of what a read found; false when that is no news, so that it still waits. */
type Watcher = (found: Found) => boolean;

/** All who watch one job, with estimates or without. */
class Group {
  readonly #jobId: string;
  readonly #sources: Sources;
  readonly #estimate: EstimateOf | null;
  readonly #close: () => void;
  /** How many watch, also those who do not wait just now. */
  #size = 0;
  /** They know the newest, or are about to be notified of it. */
  readonly #waiting = new Set<Watcher>();
  #newest: Job | null | undefined;
  /** As it was notified; undefined where that is not known. */
  #estimated: Estimate | null | undefined;
  /** Whether the job may have changed while nobody waited: for slow readers nothing piles up. */
  #mustRead = false;

  constructor(jobId: string, isEstimateWanted: boolean, sources: Sources, onEmpty: () => void) {
    this.#jobId = jobId;
    this.#sources = sources;
    this.#estimate = isEstimateWanted ? sources.estimate : null;
    const unsubscribe = sources.feed.subscribeToJob(jobId, () => {
      this.#mustRead = true;
      if (this.#waiting.size > 0) void this.#read();
    });
    const stopTimer =
      isEstimateWanted && clock.repeat(() => void this.#reckon(), BETWEEN_ESTIMATES_MS);
    this.#close = () => {
      unsubscribe();
      if (stopTimer) stopTimer();
      onEmpty();
    };
  }

  /** Notifies the watcher of what is new, once. */
  wait(watcher: Watcher, isFirst: boolean): void {
    if (isFirst) {
      this.#size += 1;
      // Its own, since one that has begun may be older than what the reader knows.
      void this.#read().then(watcher);
    } else if (!watcher(this.#newest)) {
      this.#waiting.add(watcher);
      if (this.#mustRead) void this.#read();
    }
  }

  leave(watcher: Watcher): void {
    this.#waiting.delete(watcher);
    this.#size -= 1;
    if (this.#size === 0) this.#close();
  }

  /** Notifies those who wait, and resolves with the newest, or why it could not be read. */
  async #read(): Promise<Found> {
    this.#mustRead = false;
    try {
      const found = await this.#sources.readJob(this.#jobId);
      if (isNewer(found, this.#newest)) {
        this.#renew(found, undefined);
        void this.#reckon();
      }
      return this.#newest;
    } catch (error) {
      // To those who wait, the next wake-up makes up for it.
      return toError(error, "A job can't be read.");
    }
  }

  #renew(found: Job | null, estimated: Estimate | null | undefined): void {
    this.#newest = found;
    this.#estimated = estimated;
    void this.#notify();
  }

  /** Of the newest there is by the time when each has its turn. */
  async #notify(): Promise<void> {
    let left = NOTIFIED_AT_FIRST;
    for (const watcher of this.#waiting) {
      if (!watcher(this.#newest)) continue;
      this.#waiting.delete(watcher);
      left -= 1;
      if (left > 0) continue;
      left = NOTIFIED_AT_ONCE;
      await clock.nextTurn();
    }
  }

  /** Notes the estimate that those who are notified read, and notifies them again once it has moved. */
  async #reckon(): Promise<void> {
    const job = this.#newest;
    if (!this.#estimate || !job || isFinished(job)) return;
    // While the database is unreachable, the next second makes up for it.
    const found = await this.#estimate(job).catch(() => undefined);
    if (found === undefined || this.#newest !== job) return;
    const before = this.#estimated;
    if (before === undefined) this.#estimated = found;
    else if (hasMoved(before, found, clock.now())) this.#renew({ ...job }, found);
  }
}

function isNewer(found: Job | null, known: Job | null | undefined): boolean {
  if (!known) return known === undefined;
  return found === null || found.version > known.version;
}

function hasMoved(before: Estimate | null, after: Estimate | null, nowMs: number): boolean {
  if (before === null || after === null) return before !== after;
  const movedMs = Math.abs(after.finishesAt - before.finishesAt);
  return movedMs > (after.finishesAt - nowMs) * NOTIFIED_MOVE;
}

/**
 * Resolves with the job once it is ready, or as it was last seen when `timeoutMs` is over; null if it could not be read by
 * then. Rejects as the watch does.
 */
export async function waitForJob(
  states: Stream<Job>,
  isReady: (job: Job) => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<Job | null> {
  const stopTimer = clock.setTimer(() => states.end(), timeoutMs);
  let newest: Job | null = null;
  try {
    for await (newest of states) if (await isReady(newest)) break;
    return newest;
  } finally {
    stopTimer();
  }
}

export type EndWaits = ReturnType<typeof createEndWaits>;

/** `stop` ends every wait, also those that come later. */
export function createEndWaits(watchJob: WatchJob) {
  const waits = new Set<Stream<Job>>();
  let isStopped = false;

  return {
    /**
     * Resolves with the job once it has ended, or as it is when `timeoutMs` is over, the caller leaves or the gateway stops.
     * Never rejects: a job that can't be read, or no longer, is reported as it was last seen.
     */
    async waitForEnd(
      job: Job,
      options: {
        readonly timeoutMs: number;
        /** Calls `leave` once nobody waits for the answer any more, at once if that is so already. */
        readonly onLeft: (leave: () => void) => void;
      },
    ): Promise<Job> {
      const { timeoutMs, onLeft } = options;
      if (isFinished(job) || isStopped || timeoutMs <= 0) return job;
      const states = watchJob(job.id);
      waits.add(states);
      onLeft(() => states.end());
      let newest = job;
      const isReady = (state: Job): boolean => isFinished((newest = state));
      // RunComfy has accepted the job, so the caller must not take a failure for a refusal.
      await waitForJob(states, isReady, timeoutMs).catch(() => undefined);
      waits.delete(states);
      return newest;
    },
    stop(): void {
      isStopped = true;
      for (const states of waits) states.end();
    },
  };
}
