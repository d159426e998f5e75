import type { BaseLogger } from "pino";

import type { Pace } from "../runcomfy/pace.ts";
import type { JobStore, Shares } from "../store/job-store.ts";
import type { Poller } from "./poller.ts";
import type { RecordObservation } from "./record-observation.ts";

export type TakeOver = ReturnType<typeof createTakeOver>;

const CLAIM_LIMIT = 500;
const RELEASE_LIMIT = 1_000;
const ABANDONED_LIMIT = 500;

/** The part of a lease that claims may take in one beat, and settling too: half a beat, so that no renewal is late. */
const LEASE_PART = 1 / 6;

/** How far off its share a gateway may be, in jobs and as a part of the share: jobs that end soon need not move. */
const LEAST_SLACK = 10;
const SLACK = 0.1;

/** Enough for far more than a gateway owns: a handover must end although submits go on. */
const MOST_RELEASES = 100;

/** Keeps what this gateway follows, what it owns and its share of all jobs the same. */
export function createTakeOver(dependencies: {
  readonly store: JobStore;
  readonly poller: Pick<Poller, "resume" | "keepOnly" | "drop" | "lookNow">;
  readonly pace: Pick<Pace, "reach" | "noteAnswerElsewhere">;
  readonly lease: Lease;
  readonly leaseMs: number;
  readonly record: RecordObservation;
  /** Whether this process is submitting the job: then it writes down the outcome itself, however late. */
  readonly isSubmitting: (jobId: string) => boolean;
  /** Hears at each beat how the jobs are shared. */
  readonly onShares: (shares: Shares) => void;
  readonly monotonic: () => number;
  readonly log: BaseLogger;
}) {
  const { store, poller, pace, lease, leaseMs, record, isSubmitting } = dependencies;
  const { onShares, monotonic, log } = dependencies;
  /** Since when each abandoned submit was found at every beat. */
  let abandonedSince: ReadonlyMap<string, number> = new Map();
  let hasRenewed = false;
  let isTryingUpstream = false;
  let hasToldCutOff = false;
  // Where no other gateway can live, their sender is surely dead.
  const patienceMs = store.ownership.isExclusive ? 0 : leaseMs;

  /** Follows owned jobs that it does not follow, because an answer was lost, and drops those that others took. */
  async function reconcile(): Promise<void> {
    const startedAt = monotonic();
    const jobs = await store.ownership.list();
    const accepted = jobs.filter(({ status }) => status !== "SUBMITTING");
    poller.keepOnly(new Set(accepted.map(({ id }) => id)), startedAt);
    for (const job of accepted) poller.resume(job);
  }

  /** Oldest first. False when time ran out before it had all that it may take. */
  async function claim(most: number): Promise<boolean> {
    const startedAt = monotonic();
    for (let left = most; left > 0;) {
      if (monotonic() - startedAt > leaseMs * LEASE_PART) return false;
      const limit = Math.min(left, CLAIM_LIMIT);
      const jobs = await store.ownership.claim(limit);
      for (const job of jobs) poller.resume(job);
      if (jobs.length < limit) return true;
      left -= jobs.length;
    }
    return true;
  }

  async function release(count: number): Promise<number> {
    const jobIds = await store.ownership.release(count);
    poller.drop(jobIds);
    return jobIds.length;
  }

  async function takeShare({ gateways, sharing, unfinished, owned }: Shares): Promise<boolean> {
    const fair = Math.ceil(unfinished / sharing);
    const most = gateways === 1 ? Infinity : fair + Math.max(LEAST_SLACK, Math.ceil(fair * SLACK));
    if (owned <= most) return await claim(most - owned);
    await release(Math.min(owned - fair, RELEASE_LIMIT));
    return true;
  }

  /** A young gateway keeps what was submitted to it; one that the upstream does not answer would only hold jobs up. */
  async function leaveToOthers({ owned }: Shares): Promise<void> {
    const { isCutOff } = pace.reach();
    if (isCutOff && owned > 0) await release(RELEASE_LIMIT);
    if (isCutOff && !hasToldCutOff) {
      log.warn(
        "RunComfy answers another gateway and not this one, so the others look at its jobs until it answers here too. Check this machine's network and RUNCOMFY_API_TOKEN.",
      );
    }
    hasToldCutOff = isCutOff;
  }

  /**
   * Without jobs of its own a gateway can't know whether the upstream answers it. So in an outage, here or elsewhere, it
   * looks at a job of another gateway, which the next reconciliation drops.
   */
  async function tryUpstream({ owned, isOutageElsewhere }: Shares): Promise<void> {
    if (owned > 0 || isTryingUpstream) return;
    if (!isOutageElsewhere && !pace.reach().isOutage) return;
    const jobId = await store.ownership.pickUnfinishedId();
    if (jobId === null) return;
    isTryingUpstream = true;
    void poller.lookNow(jobId).finally(() => (isTryingUpstream = false));
  }

  /** The database did not answer: whatever was found abandoned has to be found again. */
  function forgetAbandoned(): void {
    abandonedSince = new Map();
  }

  /** A submit that nobody finished may have arrived, so it is never sent again. */
  async function settle(jobId: string): Promise<void> {
    try {
      const job = await record(jobId, { kind: "unanswered" });
      if (job?.error?.code !== "SUBMISSION_UNKNOWN") return;
      log.warn(
        { jobId },
        "The gateway that submitted this job is gone or came too late, so nobody knows whether RunComfy took it. Look for it there before you submit it again.",
      );
    } catch (error) {
      log.error(
        { jobId, err: error },
        "An abandoned submit could not be settled; the gateway tries again. Check the database.",
      );
    }
  }

  return {
    /** Renews the lease. Where others may have doubted it, finds out what this gateway still owns. */
    async renew(): Promise<void> {
      const sentAt = monotonic();
      const wasHeld = lease.isHeld();
      const isUnbroken = await store.ownership.renew(pace.reach());
      if (hasRenewed && !(wasHeld && isUnbroken)) {
        log.warn(
          "This gateway's lease had run out, so others may have taken over its jobs; it goes on with what it still has. If this happens again, check the database's answer times and this machine's load, or raise LEASE_SECONDS.",
        );
      }
      hasRenewed = true;
      // Until then no look starts: others may be looking at what was this gateway's.
      if (!wasHeld || !isUnbroken) {
        forgetAbandoned();
        await reconcile();
      }
      lease.noteRenewal(sentAt);
    },
    /**
     * Claims jobs of gateways that no longer live, or gives up some, so that each has about as many as the others. False
     * when time ran out before this gateway had its share: the next beat should come early.
     */
    async share(): Promise<boolean> {
      const sentAt = monotonic();
      const shares = await store.ownership.readShares();
      onShares(shares);
      const { answeredElsewhereMsAgo } = shares;
      if (answeredElsewhereMsAgo !== null) {
        // It is as old as that since the statement was sent, or less: a slow database must not make it newer.
        pace.noteAnswerElsewhere(answeredElsewhereMsAgo + (monotonic() - sentAt));
      }
      await tryUpstream(shares);
      if (shares.sharing > 0) return await takeShare(shares);
      await leaveToOthers(shares);
      return true;
    },
    /**
     * Settles submits that nobody will finish: those that were abandoned for a whole lease, with the database answering all
     * the time. Right after an outage their own gateways may still have an outcome to write down.
     */
    async settleAbandoned(): Promise<void> {
      const jobIds = await store.jobs.listAbandonedSubmits(ABANDONED_LIMIT);
      const foundAt = monotonic();
      abandonedSince = new Map(jobIds.map((id) => [id, abandonedSince.get(id) ?? foundAt]));
      const isDue = (jobId: string): boolean =>
        foundAt - (abandonedSince.get(jobId) ?? foundAt) >= patienceMs && !isSubmitting(jobId);
      for (const jobId of jobIds.filter(isDue)) {
        if (monotonic() - foundAt > leaseMs * LEASE_PART) return;
        await settle(jobId);
      }
    },
    forgetAbandoned,
    reconcile,
    /** Gives up everything it owns, for others to go on with at once. */
    async handOver(): Promise<void> {
      for (let releases = 0; releases < MOST_RELEASES; releases++) {
        if ((await release(RELEASE_LIMIT)) < RELEASE_LIMIT) return;
      }
    },
  };
}

export type Lease = ReturnType<typeof createLease>;

/**
 * Whether this gateway still owns its jobs, by its own clock. The lease runs from when a renewal was sent, so it ends here
 * before it ends by the database's clock; with `leaseMs` Infinity one renewal lasts for good.
 */
export function createLease(options: {
  readonly leaseMs: number;
  readonly monotonic: () => number;
}) {
  const { leaseMs, monotonic } = options;
  let renewedAt: number | null = null;
  return {
    isHeld: () => renewedAt !== null && monotonic() - renewedAt < leaseMs,
    /** The database took a renewal that was sent at this time by `monotonic`. */
    noteRenewal(sentAt: number): void {
      renewedAt = sentAt;
    },
  };
}
