import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { expired } from "../job/errors.ts";
import type { PollSchedule } from "../job/looks.ts";
import { conclude, deadlineOf, NO_LOOKS, noteLook } from "../job/looks.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { Jobs } from "../store/job-store.ts";
import type { Followed } from "./due-jobs.ts";
import { createDueJobs } from "./due-jobs.ts";
import { lookAtJob } from "./look-at-job.ts";
import { createLookLog } from "./look-log.ts";
import type { RecordObservation } from "./record-observation.ts";

export type Poller = ReturnType<typeof createPoller>;

/** How long a job waits when the gateway itself could not look at it or record what it saw. */
const LOCAL_FAILURE_DELAY_MS = 2_000;

/** How long a job waits after a look that failed in an outage; the pace decides which job is next. */
const OUTAGE_DELAY_MS = 1_000;

/** Spreads the jobs of a deployment in an outage, so that each gets its turn to be looked at. */
const PARKING_JITTER_MS = 100;

/** How soon to retry a look while the lease has lapsed. */
const LAPSED_DELAY_MS = 250;

/** How often to search for jobs past their deadline while nothing may be looked at. */
const EXPIRY_SEARCH_MS = 1_000;

/** Looks at each job it follows until the job ends, however many watch it. */
export function createPoller(dependencies: {
  readonly jobs: Jobs;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: RecordObservation;
  readonly schedule: PollSchedule;
  /** Whether the gateway may look at its jobs. */
  readonly isOwner: () => boolean;
  readonly deadlineSeconds: number;
  /** Milliseconds since 1970, for what is told of a job. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back, for when to look. */
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly log: BaseLogger;
  /** Calls back when `tick` should be called: something is due, or a look made room. */
  readonly onDue: () => void;
}) {
  const { jobs, runcomfy, pace, record, schedule, isOwner, deadlineSeconds } = dependencies;
  const { now, monotonic, random, log, onDue } = dependencies;
  const followedJobs = new Map<string, Followed>();
  const dueJobs = createDueJobs();
  const slots = createLookSlots();
  const lookLog = createLookLog({ log, isFollowed: (id) => followedJobs.has(id) });
  const closing = new AbortController();
  let expiredSoughtAt = -Infinity;

  function begin(jobId: string, deploymentId: string | null, deadlineAt: number): Followed {
    const followed: Followed = {
      jobId,
      since: monotonic(),
      deploymentId,
      deadlineAt,
      looks: NO_LOOKS,
      dueAt: null,
      underWay: null,
      waiting: [],
    };
    followedJobs.set(jobId, followed);
    return followed;
  }

  function enqueue(followed: Followed, delayMs: number): void {
    dueJobs.push(followed, monotonic() + delayMs);
    onDue();
  }

  function followFrom(job: Followable, delayMs: number): void {
    if (closing.signal.aborted) return;
    const deadlineAt = deadlineOf(job, deadlineSeconds).getTime();
    const known = followedJobs.get(job.id);
    if (known === undefined) enqueue(begin(job.id, job.deploymentId, deadlineAt), delayMs);
    else known.deadlineAt = deadlineAt;
  }

  function forget(followed: Followed): void {
    followed.dueAt = null;
    if (followedJobs.get(followed.jobId) === followed) followedJobs.delete(followed.jobId);
    for (const resolve of followed.waiting.splice(0)) resolve();
  }

  /** A look under way goes on, and whoever waits for one still gets it. */
  function letGo(followed: Followed): void {
    if (followed.waiting.length > 0 || followed.underWay !== null) followed.deadlineAt = Infinity;
    else forget(followed);
  }

  /**
   * Starts every look that is due and has room, and returns the milliseconds until something may be due again:
   * Infinity when nothing is followed or only the end of a look can make room.
   */
  function tick(): number {
    for (;;) {
      if (closing.signal.aborted || slots.isFull()) return Infinity;
      const followed = dueJobs.peek(slots.isOpen);
      if (followed === null) return Infinity;
      const waitMs = (followed.dueAt ?? 0) - monotonic();
      if (waitMs > 0) return waitMs;
      if (!isOwner()) return LAPSED_DELAY_MS;
      const paceMs = pace.lookDelayMs();
      if (paceMs > 0) {
        expireOverdue();
        return Math.min(paceMs, EXPIRY_SEARCH_MS);
      }
      const deploymentMs = pace.claimLook(followed.deploymentId);
      if (deploymentMs > 0) park(followed, deploymentMs);
      else start(followed, () => look(followed));
    }
  }

  /** Makes room for other deployments' jobs while this one's has an outage. */
  function park(followed: Followed, waitMs: number): void {
    if (now() >= followed.deadlineAt) return expire(followed);
    const delayMs = Math.min(waitMs, OUTAGE_DELAY_MS) + random() * PARKING_JITTER_MS;
    dueJobs.push(followed, monotonic() + delayMs);
  }

  function expire(followed: Followed): void {
    const error = expired(deadlineSeconds);
    start(followed, () => record(followed.jobId, { kind: "failed", error, finishedAt: null }));
  }

  /** A deadline holds in an outage too, without a last look. */
  function expireOverdue(): void {
    if (monotonic() - expiredSoughtAt < EXPIRY_SEARCH_MS) return;
    expiredSoughtAt = monotonic();
    for (const followed of followedJobs.values()) {
      if (slots.isFull()) {
        // The next look that ends goes on with this.
        expiredSoughtAt = -Infinity;
        return;
      }
      if (followed.underWay !== null || now() < followed.deadlineAt) continue;
      expire(followed);
    }
  }

  /** Runs the job's only look, and makes the next one due at its end. */
  function start(followed: Followed, act: () => Promise<Job | null>): void {
    const waiting = followed.waiting.splice(0);
    followed.dueAt = null;
    const leave = slots.take(followed.deploymentId);
    followed.underWay = nextDelayAfter(followed, act).then((delayMs) => {
      leave();
      followed.underWay = null;
      for (const resolve of waiting) resolve();
      const isWanted = followed.deadlineAt !== Infinity || followed.waiting.length > 0;
      if (delayMs === null || !isWanted || closing.signal.aborted) forget(followed);
      else enqueue(followed, followed.waiting.length > 0 ? 0 : delayMs);
      onDue();
    });
  }

  /** How long to wait after `act`; null when there is nothing more to see. Never rejects. */
  async function nextDelayAfter(
    followed: Followed,
    act: () => Promise<Job | null>,
  ): Promise<number | null> {
    try {
      const job = await act();
      lookLog.noteMade(followed.jobId);
      if (job === null || isFinished(job) || followedJobs.get(job.id) !== followed) return null;
      const nowMs = now();
      const delayMs = schedule(job, followed.looks, new Date(nowMs), random()).getTime() - nowMs;
      const untilDeadlineMs = deadlineOf(job, deadlineSeconds).getTime() - nowMs;
      const latestMs = Math.max(untilDeadlineMs, LOCAL_FAILURE_DELAY_MS);
      const outageMs = pace.isOutage(job.deploymentId) ? OUTAGE_DELAY_MS : Infinity;
      return Math.min(delayMs, latestMs, outageMs);
    } catch (error) {
      if (closing.signal.aborted) return null;
      // Mostly the database, which must not end a job: only this one waits.
      lookLog.tellFailure(followed.jobId, error);
      followed.looks = noteLook(followed.looks, { kind: "failed" }, new Date(now()));
      return LOCAL_FAILURE_DELAY_MS;
    }
  }

  /** Resolves with the job as it then is; null when it is gone. */
  async function look(followed: Followed): Promise<Job | null> {
    const job = await readForLook(followed);
    if (job === null || !isAccepted(job)) return job;
    const outcome = await lookAtJob(runcomfy, job, closing.signal);
    const at = new Date(now());
    lookLog.tell(job, followed.looks, outcome);
    followed.looks = noteLook(followed.looks, outcome, at);
    const observation = conclude(job, followed.looks, outcome, at, deadlineSeconds);
    return observation === null ? job : await record(job.id, observation, job);
  }

  /** A look that ends before the upstream is asked must not keep the slot that an outage leaves for one. */
  async function readForLook(followed: Followed): Promise<Job | null> {
    const { deploymentId } = followed;
    let isToBeAsked = false;
    try {
      const job = await jobs.read(followed.jobId);
      isToBeAsked = job !== null && isAccepted(job);
      followed.deploymentId = job?.deploymentId ?? deploymentId;
      return job;
    } finally {
      if (!isToBeAsked) pace.releaseLook(deploymentId);
    }
  }

  return {
    tick,
    /** Follows a job that was just accepted. */
    follow(job: Job): void {
      const firstLookAt = schedule(job, NO_LOOKS, new Date(now()), random()).getTime();
      followFrom(job, firstLookAt - now());
    },
    /** Follows a job that may have changed while nobody looked, at once, unless it is followed already. */
    resume: (job: Followable) => followFrom(job, 0),
    /** Stops following what was followed before `before` (by `monotonic`) and is not among these. */
    keepOnly(jobIds: ReadonlySet<string>, before: number): void {
      for (const followed of followedJobs.values()) {
        if (followed.since < before && !jobIds.has(followed.jobId)) letGo(followed);
      }
    },
    /** Stops following these. */
    drop(jobIds: readonly string[]): void {
      for (const jobId of jobIds) {
        const followed = followedJobs.get(jobId);
        if (followed !== undefined) letGo(followed);
      }
    },
    setGateways: slots.setGateways,
    /** Makes a look due now and resolves when its outcome is recorded. A look under way does not count. */
    async lookNow(jobId: string): Promise<void> {
      if (closing.signal.aborted) return;
      const followed = followedJobs.get(jobId) ?? begin(jobId, null, Infinity);
      const { promise, resolve } = Promise.withResolvers<void>();
      followed.waiting.push(resolve);
      // One that is overdue keeps its turn: pushed again, it would lose it to all that are due since.
      const isDue = followed.dueAt !== null && followed.dueAt <= monotonic();
      if (followed.underWay === null && !isDue) enqueue(followed, 0);
      await promise;
    },
    /** Aborts the looks under way and resolves when each has ended; nothing is recorded after that. */
    async close(): Promise<void> {
      closing.abort();
      const all = [...followedJobs.values()];
      for (const { underWay } of all) await underWay;
      for (const followed of all) forget(followed);
    },
  };
}

type Followable = Pick<Job, "id" | "deploymentId" | "createdAt">;

function isAccepted(job: Job): job is Job & { readonly requestId: string } {
  return job.requestId !== null && !isFinished(job);
}

/** Of all gateways together. One deployment, which is all that many gateways have, gets half of them. */
const MOST_LOOKS = 64;

/** The looks that may be under way at once. */
function createLookSlots() {
  const takenBy = new Map<string | null, number>();
  let taken = 0;
  let most = MOST_LOOKS;

  function count(deploymentId: string | null, change: 1 | -1): void {
    taken += change;
    const ofDeployment = (takenBy.get(deploymentId) ?? 0) + change;
    if (ofDeployment === 0) takenBy.delete(deploymentId);
    else takenBy.set(deploymentId, ofDeployment);
  }

  return {
    /** With how many gateways the slots are shared; each has one at least. */
    setGateways(gateways: number): void {
      most = Math.max(1, Math.floor(MOST_LOOKS / gateways));
    },
    isFull: () => taken >= most,
    /** Whether a deployment has less than half of the slots, so that one that never answers leaves some to the others. */
    isOpen: (deploymentId: string | null) =>
      (takenBy.get(deploymentId) ?? 0) < Math.max(1, Math.floor(most / 2)),
    /** Takes one, and returns what gives it back. */
    take(deploymentId: string | null): () => void {
      count(deploymentId, 1);
      return () => count(deploymentId, -1);
    },
  };
}
