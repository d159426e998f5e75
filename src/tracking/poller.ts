import type { BaseLogger } from "pino";
import TinyQueue from "tinyqueue";

import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { conclude, deadlineOf, NO_LOOKS, noteLook } from "../job/looks.ts";
import type { PollSchedule } from "../job/poll-schedule.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Look } from "./look-at-job.ts";
import { lookAtJob } from "./look-at-job.ts";
import type { Record } from "./record.ts";

/** Looks at every job it was given until the job ends, however many watch it. */
export type Poller = {
  /** Follows an accepted job from now on; one that is followed already is left as it is. */
  follow(job: Job): void;
  /**
   * Starts every look that is due and has room, and returns the milliseconds until something may be due again:
   * Infinity when nothing is followed or only the end of a look can make room.
   */
  tick(): number;
  /** Looks now, after a look that is under way, and resolves when what it told is recorded. */
  lookNow(jobId: string): Promise<void>;
  /** Aborts the looks under way and resolves when each has ended; nothing is recorded after that. */
  close(): Promise<void>;
};

/** A followed job. It holds no part of the row, which is read anew at each look. */
type Followed = {
  readonly jobId: string;
  looks: Looks;
  /** When the next look is due; null while one is under way. */
  dueAt: number | null;
  /** The end of the look under way, if there is one. */
  underWay: Promise<void> | null;
};

type Due = { readonly followed: Followed; readonly at: number };

/** How many looks may be under way at once. */
const MOST_LOOKS = 32;

/** How many unknown status words are told apart in the log. */
const MOST_WORDS = 100;

/** How long a job waits when the gateway itself could not look at it or write down what it saw. */
const LOCAL_FAILURE_DELAY_MS = 2_000;

/** A job that is younger was accepted just now; an older one was taken over. */
const NEW_MS = 5_000;

export function createPoller(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: Record;
  readonly schedule: PollSchedule;
  readonly deadlineSeconds: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: BaseLogger;
  /** Told when `tick` should be called, because something new is due or a look made room. */
  readonly onDue: () => void;
}): Poller {
  const { store, runcomfy, pace, record, schedule, deadlineSeconds, now, random, log } =
    dependencies;
  const followedJobs = new Map<string, Followed>();
  const queue = new TinyQueue<Due>([], (a, b) => a.at - b.at);
  const words = new Set<string>();
  const closing = new AbortController();
  let looksUnderWay = 0;

  function enqueue(followed: Followed, at: number): void {
    followed.dueAt = at;
    queue.push({ followed, at });
    dependencies.onDue();
  }

  function tick(): number {
    for (let due = queue.peek(); due !== undefined; due = queue.peek()) {
      if (due.followed.dueAt !== due.at) {
        // Looked at out of turn in the meantime, and queued anew.
        queue.pop();
        continue;
      }
      if (closing.signal.aborted || looksUnderWay >= MOST_LOOKS) return Infinity;
      const waitMs = due.at - now();
      if (waitMs > 0) return waitMs;
      const paceMs = pace.claimLook();
      if (paceMs > 0) return paceMs;
      queue.pop();
      void look(due.followed);
    }
    return Infinity;
  }

  /** One look after another for the same job, so that an older answer never overtakes a newer one. */
  function look(followed: Followed): Promise<void> {
    looksUnderWay += 1;
    followed.dueAt = null;
    const ended = (followed.underWay ?? Promise.resolve()).then(async () => {
      await lookAndSchedule(followed);
      looksUnderWay -= 1;
      if (followed.underWay === ended) followed.underWay = null;
      dependencies.onDue();
    });
    followed.underWay = ended;
    return ended;
  }

  async function lookAndSchedule(followed: Followed): Promise<void> {
    const isFollowed = followedJobs.get(followed.jobId) === followed;
    try {
      const job = await lookOnce(followed);
      if (!isFollowed) return;
      if (job === null || isFinished(job)) {
        followedJobs.delete(followed.jobId);
        return;
      }
      const at = schedule(job, followed.looks, new Date(now()), random());
      enqueue(followed, Math.min(at.getTime(), nextChanceAtDeadline(job)));
    } catch (error) {
      if (closing.signal.aborted) return;
      // The database, or an answer that the reader chokes on: this job waits, and no other one is hindered.
      log.error(
        { jobId: followed.jobId, err: error },
        "A look failed inside the gateway; the job is looked at again.",
      );
      followed.looks = noteLook(followed.looks, { kind: "failed" }, new Date(now()));
      if (isFollowed) enqueue(followed, now() + LOCAL_FAILURE_DELAY_MS);
    }
  }

  /** Resolves with the job as it then is; null when it is gone. */
  async function lookOnce(followed: Followed): Promise<Job | null> {
    const job = await store.readJob(followed.jobId);
    if (job === null || isFinished(job) || !isAccepted(job)) return job;
    const outcome = await lookAtJob(runcomfy, job, closing.signal);
    const at = new Date(now());
    tellOnce(job, followed.looks, outcome);
    followed.looks = noteLook(followed.looks, outcome, at);
    const observation = conclude(job, followed.looks, outcome, at, deadlineSeconds);
    return observation === null ? job : await record(job.id, observation);
  }

  function tellOnce(job: Job, looks: Looks, { error, word }: Look): void {
    if (word !== undefined && !words.has(word) && words.size < MOST_WORDS) {
      words.add(word);
      log.warn(
        { jobId: job.id, word },
        "RunComfy used an unknown status word; jobs with it stay as they are.",
      );
    }
    if (error !== undefined && looks.failures === 0) {
      log.warn(
        { jobId: job.id, code: error.code, reason: error.message },
        "A look failed; the job is looked at again.",
      );
    }
  }

  function nextChanceAtDeadline(job: Job): number {
    return Math.max(deadlineOf(job, deadlineSeconds).getTime(), now() + LOCAL_FAILURE_DELAY_MS);
  }

  return {
    tick,
    follow(job) {
      if (followedJobs.has(job.id) || closing.signal.aborted) return;
      const followed: Followed = { jobId: job.id, looks: NO_LOOKS, dueAt: null, underWay: null };
      followedJobs.set(job.id, followed);
      const isNew = now() - job.createdAt.getTime() < NEW_MS;
      // Jobs that were taken over are looked at at once, since nobody knows for how long nobody has.
      enqueue(
        followed,
        isNew ? schedule(job, NO_LOOKS, new Date(now()), random()).getTime() : now(),
      );
    },
    async lookNow(jobId) {
      const followed = followedJobs.get(jobId) ?? {
        jobId,
        looks: NO_LOOKS,
        dueAt: null,
        underWay: null,
      };
      await look(followed);
    },
    async close() {
      closing.abort();
      for (const { underWay } of followedJobs.values()) await underWay;
    },
  };
}

function isAccepted(job: Job): job is Job & { readonly requestId: string } {
  return job.requestId !== null;
}
