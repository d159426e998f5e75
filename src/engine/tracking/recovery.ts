import { expired } from "../job/errors.ts";
import { describeUpstream } from "../job/upstream.ts";
import { toCountText } from "../../runtime/coded-error.ts";
import { type Loop, startLoop } from "../../runtime/loop.ts";
import { DatabaseDiskError } from "../store/database-error.ts";
import type { Services } from "./services.ts";
import type { JobSender } from "./send-job.ts";

const BETWEEN_BEATS_MS = 2_000;
/** Of the jobs that one beat settles or ends. */
const MAX_JOBS = 500;

/** A submit is settled when it was found abandoned for so long, with the database answering all the time. */
const ABANDONED_MS = 6_000;

/** A job that can be polled ends by its last poll, and others this long after their deadline. */
const LAST_POLL_MS = 10_000;

/** How often a job that is detached is polled, as near as makes sense. */
const RESUMED_AFTER_MS = 3_600_000;
const DETACHED_SEEN_EVERY_MS = 60_000;

/** Two gateways that round a pause differently need not correct each other. */
const SAME_PAUSE_MS = 1_000;

type Dependencies = Pick<
  Services,
  "store" | "health" | "record" | "deadlineSeconds" | "now" | "monotonic" | "log"
> & {
  /** For a job that this process is submitting, it stores the outcome itself, however late. */
  readonly sender: Pick<JobSender, "isSubmitting">;
};

/** What polls leave undone, every 2 s: submits that nobody finishes, jobs that can't be polled, news of other gateways. */
export class Recovery {
  readonly #given: Dependencies;
  /** Since when each abandoned submit, by its job's id, was found at every beat. */
  #abandonedSince: ReadonlyMap<string, number> = new Map();
  /** When detached jobs were last seen to, by `monotonic`. */
  #detachedSeenAt = -Infinity;
  /** Since when beats have succeeded without a break, and so polls could be made. */
  #answeredSince = Infinity;
  #loop: Loop | null = null;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    // Where that fails, the next beat makes up for it.
    dependencies.health.on("pause", () => void this.#exchangePauses().catch(() => undefined));
  }

  /** Beats once, rejecting when that fails, and then goes on. */
  async start(): Promise<void> {
    const { store, log } = this.#given;
    await store.jobs.takeBack();
    await this.#seeToDetached(0);
    await this.#tellOfOthers();
    await this.beat();
    this.#loop = startLoop({
      act: () => this.#beatAgain(),
      firstRestMs: BETWEEN_BEATS_MS,
      retryMs: BETWEEN_BEATS_MS,
      onFailure(err) {
        // The store logs what is wrong with a disk.
        if (err instanceof DatabaseDiskError) return;
        log.error(
          { err },
          "The database does not answer; the gateway keeps trying. Check that it runs.",
        );
      },
    });
  }

  async beat(): Promise<void> {
    await this.#exchangePauses();
    await this.#settleAbandoned();
    await this.#expireOverdue();
    await this.#seeToDetached(RESUMED_AFTER_MS);
    await this.#given.store.polls.mendTimes();
  }

  /** Resolves when the beat under way has ended. */
  async close(): Promise<void> {
    await this.#loop?.close();
  }

  async #beatAgain(): Promise<number> {
    try {
      await this.beat();
      return BETWEEN_BEATS_MS;
    } catch (error) {
      this.#answeredSince = Infinity;
      this.#abandonedSince = new Map();
      throw error;
    }
  }

  /** A pause that the upstream asked one gateway for applies to all of them. */
  async #exchangePauses(): Promise<void> {
    const { store, health } = this.#given;
    if (!store.isShared) return;
    const sharedMs = await store.pauses.readPauseMs();
    const ownMs = health.pausedForMs();
    if (ownMs > sharedMs + SAME_PAUSE_MS) await store.pauses.notePause(ownMs);
    else health.adoptPause(sharedMs);
  }

  /** Right after an outage of the database, their own gateways may still have an outcome to store. */
  async #settleAbandoned(): Promise<void> {
    const { store, sender, monotonic } = this.#given;
    const abandoned = await store.jobs.listAbandonedSubmits(MAX_JOBS);
    const foundAt = monotonic();
    // Where no other gateway can live, their sender is surely dead.
    const patienceMs = store.isShared ? ABANDONED_MS : 0;
    this.#abandonedSince = new Map(
      abandoned.map(({ id }) => [id, this.#abandonedSince.get(id) ?? foundAt]),
    );
    for (const { id, claim } of abandoned) {
      const since = this.#abandonedSince.get(id) ?? foundAt;
      // Mutant: an abandoned submit settled while it is under way
      if (foundAt - since >= patienceMs && !sender.isSubmitting(id)) await this.#settle(id, claim);
    }
  }

  /** A submit that nobody finished may have arrived, so it is never sent again. */
  async #settle(jobId: string, claim: number): Promise<void> {
    const job = await this.#given.record(jobId, { kind: "unanswered", claim });
    if (job?.error?.code !== "SUBMISSION_UNKNOWN") return;
    this.#given.log.warn(
      { jobId },
      "The gateway that submitted this job is gone or came too late, so nobody knows whether RunComfy took it. Look for it there before you submit it again.",
    );
  }

  /** A deadline holds in an outage too, without a last poll; after a start, polls come first. */
  async #expireOverdue(): Promise<void> {
    const { store, record, deadlineSeconds, now, monotonic } = this.#given;
    this.#answeredSince = Math.min(this.#answeredSince, monotonic());
    if (monotonic() - this.#answeredSince < LAST_POLL_MS) return;
    const before = new Date(now() - deadlineSeconds * 1_000 - LAST_POLL_MS);
    const overdue = await store.jobs.listOverdue(before, MAX_JOBS);
    const error = expired(deadlineSeconds);
    for (const id of overdue) await record(id, { kind: "failed", error, finishedAt: null });
  }

  /** A detached job may be the upstream's after all, with another token or once it knows the job. */
  async #seeToDetached(leftForMs: number): Promise<void> {
    const { store, monotonic } = this.#given;
    if (monotonic() - this.#detachedSeenAt < DETACHED_SEEN_EVERY_MS) return;
    await store.polls.resume(leftForMs);
    await store.jobs.noteLeft();
    this.#detachedSeenAt = monotonic();
  }

  /** Says whose jobs wait until their upstream is back. */
  async #tellOfOthers(): Promise<void> {
    const { store, log } = this.#given;
    for (const { upstream, count } of await store.jobs.countOthers()) {
      log.warn(
        `${toCountText(count, "jobs")} ${count === 1 ? "waits" : "wait"} for ${describeUpstream(upstream)}. To go on with them, start the gateway with that upstream.`,
      );
    }
  }
}
