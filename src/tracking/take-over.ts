import type { BaseLogger } from "pino";

import type { JobStore, OwnedJob } from "../store/job-store.ts";
import type { Poller } from "./poller.ts";
import type { Record } from "./record.ts";

/** Keeps what this gateway follows and what it owns the same. */
export type TakeOver = {
  /** Says that the gateway lives, and takes up every job that no living gateway owns. */
  claim(): Promise<void>;
  /**
   * Follows each job that the gateway owns and does not follow, because a claim's or an insert's answer was lost, and
   * lets go of each that another gateway took while this one was silent.
   */
  reconcile(): Promise<void>;
};

const CLAIM_LIMIT = 500;

/** How much longer than its time-out a submit may take to have its outcome written down by the gateway that sent it. */
const SUBMIT_MARGIN_MS = 5_000;

export function createTakeOver(dependencies: {
  readonly store: JobStore;
  readonly poller: Pick<Poller, "resume" | "keepOnly">;
  readonly record: Record;
  /** Whether this very process is submitting a job. */
  readonly isSubmitting: (jobId: string) => boolean;
  readonly submitTimeoutMs: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: BaseLogger;
}): TakeOver {
  const { store, poller, record, isSubmitting, submitTimeoutMs, now, monotonic, log } =
    dependencies;

  return {
    async claim() {
      await store.renewLease();
      for (;;) {
        const jobs = await store.claimJobs(CLAIM_LIMIT);
        for (const job of jobs) if (job.status !== "SUBMITTING") poller.resume(job);
        for (const job of jobs) {
          if (job.status !== "SUBMITTING") continue;
          if (store.isExclusive || isAbandoned(job)) await settle(job);
        }
        if (jobs.length < CLAIM_LIMIT) return;
      }
    },
    async reconcile() {
      const startedAt = monotonic();
      const jobs = await store.listOwnedJobs();
      const accepted = jobs.filter(({ status }) => status !== "SUBMITTING");
      poller.keepOnly(new Set(accepted.map(({ id }) => id)), startedAt);
      for (const job of accepted) poller.resume(job);
      for (const job of jobs) {
        if (job.status === "SUBMITTING" && isAbandoned(job)) await settle(job);
      }
    },
  };

  /** Its gateway would have written down the outcome by now, were it alive. */
  function isAbandoned(job: OwnedJob): boolean {
    if (isSubmitting(job.id)) return false;
    return now() - job.createdAt.getTime() > submitTimeoutMs + SUBMIT_MARGIN_MS;
  }

  /** A submit that nobody finished may have arrived, so it is never sent again. */
  async function settle(job: OwnedJob): Promise<void> {
    try {
      await record(job.id, { kind: "unanswered" });
    } catch (error) {
      log.error(
        { jobId: job.id, err: error },
        "An abandoned submit could not be settled; the gateway tries again. Check the database.",
      );
    }
  }
}
