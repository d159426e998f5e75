import type { BaseLogger } from "pino";

import { expired } from "../job/errors.ts";
import { toCountText } from "../runtime/amount-text.ts";
import { describeUpstream } from "../job/upstream.ts";
import { startLoop } from "../runtime/loop.ts";
import { DatabaseDiskError } from "../store/database-error.ts";
import type { JobStore } from "../store/job-store.ts";
import type { RecordObservation } from "./record-observation.ts";

export type Recovery = ReturnType<typeof createRecovery>;

const BETWEEN_BEATS_MS = 2_000;
/** Of the jobs that one beat settles or ends. */
const MAX_JOBS = 500;

/** A submit is settled when it was found abandoned for so long, with the database answering all the time. */
const ABANDONED_MS = 6_000;

/** A job that can be polled ends by its last poll, and others this long after their deadline. */
const LAST_POLL_MS = 10_000;

/** How often a job that is away is polled, as near as makes sense. */
const RESUMED_AFTER_MS = 3_600_000;
const AWAY_SEEN_EVERY_MS = 60_000;

/** What polls leave undone, every 2 s: submits that nobody finishes, jobs that can't be polled, news of other gateways. */
export function createRecovery(dependencies: {
  readonly store: JobStore;
  readonly record: RecordObservation;
  /** Whether this process is submitting the job: then it writes down the outcome itself, however late. */
  readonly isSubmitting: (jobId: string) => boolean;
  readonly exchangePauses: () => Promise<void>;
  readonly deadlineSeconds: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: BaseLogger;
}) {
  const { store, record, isSubmitting, exchangePauses, deadlineSeconds } = dependencies;
  const { now, monotonic, log } = dependencies;
  /** Since when each abandoned submit was found at every beat. */
  let abandonedSince: ReadonlyMap<string, number> = new Map();
  /** When jobs that are away were last seen to, by `monotonic`. */
  let awaySeenAt = -Infinity;
  /** Since when beats have succeeded without a break, and so polls could be made. */
  let answeredSince = Infinity;
  const closing = new AbortController();
  let beating: Promise<void> = Promise.resolve();
  // Where no other gateway can live, their sender is surely dead.
  const patienceMs = store.isShared ? ABANDONED_MS : 0;

  /** Right after an outage of the database, their own gateways may still have an outcome to write down. */
  async function settleAbandoned(): Promise<void> {
    const jobIds = await store.jobs.listAbandonedSubmits(MAX_JOBS);
    const foundAt = monotonic();
    abandonedSince = new Map(jobIds.map((id) => [id, abandonedSince.get(id) ?? foundAt]));
    for (const [jobId, since] of abandonedSince) {
      if (foundAt - since >= patienceMs && !isSubmitting(jobId)) await settle(jobId);
    }
  }

  /** A submit that nobody finished may have arrived, so it is never sent again. */
  async function settle(jobId: string): Promise<void> {
    const job = await record(jobId, { kind: "unanswered" });
    if (job?.error?.code !== "SUBMISSION_UNKNOWN") return;
    log.warn(
      { jobId },
      "The gateway that submitted this job is gone or came too late, so nobody knows whether RunComfy took it. Look for it there before you submit it again.",
    );
  }

  /** A deadline holds in an outage too, without a last poll; after a start, polls come first. */
  async function expireOverdue(): Promise<void> {
    answeredSince = Math.min(answeredSince, monotonic());
    if (monotonic() - answeredSince < LAST_POLL_MS) return;
    const before = new Date(now() - deadlineSeconds * 1_000 - LAST_POLL_MS);
    const overdue = await store.jobs.listOverdue(before, MAX_JOBS);
    const error = expired(deadlineSeconds);
    for (const id of overdue) await record(id, { kind: "failed", error, finishedAt: null });
  }

  /** A job that is away may be the upstream's after all, with another token or once it knows the job. */
  async function seeToAway(leftForMs: number): Promise<void> {
    if (monotonic() - awaySeenAt < AWAY_SEEN_EVERY_MS) return;
    await store.polls.resume(leftForMs);
    await store.jobs.noteLeft();
    awaySeenAt = monotonic();
  }

  /** Says whose jobs wait until their upstream is back. */
  async function tellOfOthers(): Promise<void> {
    for (const { upstream, count } of await store.jobs.countOthers()) {
      log.warn(
        `${toCountText(count, "jobs")} ${count === 1 ? "waits" : "wait"} for ${describeUpstream(upstream)}. To go on with them, start the gateway with that upstream.`,
      );
    }
  }

  async function beat(): Promise<void> {
    await exchangePauses();
    await settleAbandoned();
    await expireOverdue();
    await seeToAway(RESUMED_AFTER_MS);
    await store.polls.mendTimes();
  }

  async function beatAgain(): Promise<number> {
    try {
      await beat();
      return BETWEEN_BEATS_MS;
    } catch (error) {
      answeredSince = Infinity;
      abandonedSince = new Map();
      throw error;
    }
  }

  return {
    beat,
    /** Beats once, rejecting when that fails, and then goes on. */
    async start(): Promise<void> {
      await store.jobs.takeBack();
      await seeToAway(0);
      await tellOfOthers();
      await beat();
      beating = startLoop({
        act: beatAgain,
        signal: closing.signal,
        firstRestMs: BETWEEN_BEATS_MS,
        retryMs: BETWEEN_BEATS_MS,
        onFailure(err) {
          // Of a disk the store tells.
          if (!(err instanceof DatabaseDiskError)) log.error({ err }, AWAY);
        },
      }).ended;
    },
    /** Resolves when the beat under way has ended. */
    async close(): Promise<void> {
      closing.abort();
      await beating;
    },
  };
}

const AWAY = "The database does not answer; the gateway keeps trying. Check that it runs.";
