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
 * How many are notified in the first turn of the event loop, and in any: the first get it soon, others get theirs
 * meanwhile, and what is sent on one socket in a turn leaves together.
 */
const NOTIFIED_AT_FIRST = 100;
const MAX_NOTIFIED_AT_ONCE = 1_000;

type EstimateOf = (job: Job) => Promise<Estimate | null>;

/** How often estimates are reckoned anew, and the part of the time left by which one has to move to be notified. */
const BETWEEN_ESTIMATES_MS = 1_000;
const NOTIFIED_MOVE = 0.1;

type Options<Estimates> = {
  readonly feed: Pick<Feed, "subscribeToJob">;
  readonly readJob: ReadJob;
  readonly estimate: Estimates;
};

/** A job is read once for all who wait for its news. They get the same objects: what is made of one is shared. */
export function createJobWatch(options: Options<EstimateOf>): WatchJob {
  const groups = new Map<string, Group>();

  function enter(jobId: string, isEstimateWanted: boolean): Group {
    const key = `${jobId} ${isEstimateWanted}`;
    const estimate = isEstimateWanted ? options.estimate : null;
    const group =
      groups.get(key) ?? new Group(jobId, { ...options, estimate }, () => groups.delete(key));
    groups.set(key, group);
    return group;
  }

  return (jobId, ownerId, { isEstimateWanted, isRestWanted = false } = USUAL) => {
    let group: Group | null = null;
    /** Of what was notified last. */
    let known = 0;
    let waiting: PromiseWithResolvers<IteratorResult<Job, undefined>> | null = null;

    const watcher: Watcher = (found, revision) => {
      // While the database is unreachable the next poll makes up for it.
      const isNews = found instanceof Error ? known === 0 : revision > known;
      if (waiting === null || !isNews) return false;
      const { resolve, reject } = waiting;
      waiting = null;
      if (found instanceof Error) reject(found);
      else if (found === null || (ownerId !== undefined && found.ownerId !== ownerId))
        reject(new JobNotFoundError(jobId));
      else {
        known = revision;
        resolve({ value: found, done: false });
        if (isRestWanted || !isFinished(found)) return true;
      }
      jobs.end();
      return true;
    };

    function wait(): Promise<IteratorResult<Job, undefined>> {
      waiting = Promise.withResolvers();
      const { promise } = waiting;
      group ??= enter(jobId, isEstimateWanted);
      group.wait(watcher, known === 0);
      return promise;
    }

    function leave(): void {
      group?.leave(watcher);
      waiting?.resolve(OVER);
    }

    const jobs = new Stream(wait, leave);
    return jobs;
  };
}

const USUAL: NonNullable<Parameters<WatchJob>[2]> = { isEstimateWanted: false };

/** What a read found: null if there is no job. */
type Found = Job | null | Error;

/** Is notified of what a read found; false when that is no news, so that it still waits. */
type Watcher = (found: Found, revision: number) => boolean;

/** All who watch one job; without estimates where nobody wants them. */
class Group {
  readonly #jobId: string;
  readonly #options: Options<EstimateOf | null>;
  readonly #close: () => void;
  readonly #watchers = new Set<Watcher>();
  readonly #waiting = new Set<Watcher>();
  /** Each with the first read that counts for it: one that began before may be older than what its reader knows. */
  readonly #newcomers = new Map<Watcher, number>();
  /** What the last read found; undefined before it. */
  #newest: Job | null | undefined;
  /** Grows with each of these objects. */
  #revision = 0;
  /** As it was notified; undefined where that is not known. */
  #lastEstimate: Estimate | null | undefined;
  /** Whether some who wait may not know of that. */
  #isBehind = false;
  #mustRead = false;
  #reads = 0;
  #isPolling = false;

  constructor(jobId: string, options: Options<EstimateOf | null>, onEmpty: () => void) {
    const { feed, estimate } = options;
    this.#jobId = jobId;
    this.#options = options;
    const unsubscribe = feed.subscribeToJob(jobId, () => {
      this.#mustRead = true;
      void this.#poll();
    });
    const stopTimer =
      estimate && clock.repeat(() => void this.#reckon(estimate), BETWEEN_ESTIMATES_MS);
    this.#close = () => {
      unsubscribe();
      stopTimer?.();
      onEmpty();
    };
  }

  /** Notifies the watcher of what is new, once; `isFirst` where it has to be read from now on. */
  wait(watcher: Watcher, isFirst: boolean): void {
    const newest = this.#newest;
    this.#watchers.add(watcher);
    if (isFirst) this.#newcomers.set(watcher, this.#reads + 1);
    else if (!this.#mustRead && newest !== undefined && this.#notify(watcher, newest)) return;
    else this.#waiting.add(watcher);
    if (this.#mustRead) this.#isBehind = true;
    void this.#poll();
  }

  leave(watcher: Watcher): void {
    this.#waiting.delete(watcher);
    this.#newcomers.delete(watcher);
    if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#close();
  }

  /** Reads while somebody waits: for slow readers nothing piles up. */
  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    while (this.#newcomers.size > 0 || (this.#mustRead && this.#waiting.size > 0)) {
      this.#mustRead = false;
      this.#reads += 1;
      const error = await this.#read();
      const first: Watcher[] = [];
      for (const [watcher, since] of this.#newcomers) if (since <= this.#reads) first.push(watcher);
      if (error !== null) for (const watcher of first) this.#notify(watcher, error);
      const others = this.#isBehind ? [...this.#waiting] : [];
      this.#isBehind = false;
      if (this.#newest !== undefined) await this.#notifyAll([...others, ...first], this.#newest);
    }
    this.#isPolling = false;
  }

  /** Why it could not be read; null where it could. */
  async #read(): Promise<Error | null> {
    const { readJob, estimate } = this.#options;
    try {
      const job = await readJob(this.#jobId);
      if (this.#newest !== undefined && !isNewer(job, this.#newest)) return null;
      this.#renew(job, undefined);
      if (estimate !== null && job !== null && !isFinished(job))
        void this.#noteEstimate(job, estimate);
      this.#isBehind = true;
      return null;
    } catch (error) {
      return toError(error, "A job can't be read.");
    }
  }

  #renew(found: Job | null, estimated: Estimate | null | undefined): void {
    this.#newest = found;
    this.#revision += 1;
    this.#lastEstimate = estimated;
  }

  /** What those who are notified of the job now will read. */
  async #noteEstimate(job: Job, estimateOf: EstimateOf): Promise<void> {
    const notified = await estimateOf(job).catch(() => undefined);
    if (this.#newest === job) this.#lastEstimate = notified;
  }

  /** Delivers the same state again once its estimate has moved. */
  async #reckon(estimateOf: EstimateOf): Promise<void> {
    const job = this.#newest;
    if (job === null || job === undefined || isFinished(job)) return;
    // While the database is unreachable, the next second makes up for it.
    const found = await estimateOf(job).catch(() => this.#lastEstimate);
    if (this.#isPolling || this.#newest !== job || this.#watchers.size === 0) return;
    const before = this.#lastEstimate;
    if (before === undefined) this.#lastEstimate = found;
    if (before === undefined || found === undefined || !hasMoved(before, found, clock.now()))
      return;
    this.#isPolling = true;
    const copy = { ...job };
    this.#renew(copy, found);
    await this.#notifyAll([...this.#waiting], copy);
    this.#isPolling = false;
    await this.#poll();
  }

  /** Ends early when there may be something newer: who has not been notified by then gets that, before the others. */
  async #notifyAll(present: readonly Watcher[], found: Found): Promise<void> {
    let notified = 0;
    while (notified < present.length) {
      if (notified > 0) await clock.nextTurn();
      if (notified > 0 && this.#mustRead) {
        this.#isBehind = true;
        return;
      }
      const most = notified === 0 ? NOTIFIED_AT_FIRST : MAX_NOTIFIED_AT_ONCE;
      for (const watcher of present.slice(notified, notified + most)) this.#notify(watcher, found);
      notified += most;
    }
  }

  #notify(watcher: Watcher, found: Found): boolean {
    if (!watcher(found, this.#revision)) return false;
    this.#waiting.delete(watcher);
    this.#newcomers.delete(watcher);
    return true;
  }
}

function isNewer(found: Job | null, known: Job | null): boolean {
  return known !== null && (found === null || found.version > known.version);
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
