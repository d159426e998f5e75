import type { Authenticator } from "../../auth/authenticator.ts";
import { toUnlisted } from "../deployments/catalogue.ts";
import { checkInput } from "../deployments/check-input.ts";
import { DeploymentNotFoundError, InvalidInputError, UPSTREAM_SENTENCES } from "../job/errors.ts";
import { NOT_SENT_IN_TIME, refused } from "../job/errors.ts";
import type { InputIssue } from "../job/input.ts";
import type { Job, JobError } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { type Loop, startLoop } from "../../runtime/loop.ts";
import type { Release } from "../../runtime/queue.ts";
import { DatabaseDiskError } from "../store/database-error.ts";
import type { ClaimedHold } from "../store/holds.ts";
import type { JobSender } from "./send-job.ts";
import type { Services } from "./services.ts";
import { refuseUnlisted } from "./submission.ts";
import type { Submitter } from "./submit-job.ts";

/** How often it is asked what other gateways have changed; half of what may pass after a `sendBefore`. */
const MAX_REST_MS = 1_000;
/** What ends or is released meanwhile is looked at together. */
const BLOCKED_REST_MS = 50;
const RETRY_MS = 1_000;
/** Of the jobs that one round makes ready, or ends. */
const MAX_JOBS = 500;
/** How many owners are asked in a round, so that it ends. */
const MAX_OWNERS = 100;

/** A job that was put back is tried again after this long, doubled each time. */
const MIN_BACK_OFF_MS = 1_000;
const MAX_BACK_OFF_MS = 60_000;

type Dependencies = Pick<
  Services,
  | "store"
  | "record"
  | "catalogue"
  | "live"
  | "uploads"
  | "inputQueue"
  | "health"
  | "monotonic"
  | "sleep"
  | "log"
> & {
  readonly sender: JobSender;
  /** In whose slots POSTs are sent. */
  readonly submitter: Pick<Submitter, "tryEnter">;
  readonly isRevoked: Authenticator["isRevoked"];
};

/** What becomes of a job whose turn has come. */
type Outcome =
  /** RunComfy may have it. */
  | { readonly kind: "sent" }
  /** RunComfy surely does not have it: due again after so long, or with null once it is released. */
  | { readonly kind: "put-back"; readonly delayMs: number | null; readonly isOutage?: boolean }
  | { readonly kind: "refused"; readonly error: JobError };

/** Sends HELD jobs when their turn comes, and ends those whose time is over. */
export class Dispatcher {
  readonly #given: Dependencies;
  readonly #sends = new Set<Promise<void>>();
  #loop: Loop | null = null;
  /** Who was served last; those behind come next, by their ids. */
  #lastOwner = "";
  /** The first of the owners in a row who could send nothing; null where the last one could. */
  #firstBlocked: string | null = null;
  /** Whether the last round found that no job can be sent before something ends. */
  #isBlocked = false;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    dependencies.health.on("recovery", () => this.wake());
  }

  start(): void {
    const { log, sleep } = this.#given;
    this.#loop = startLoop({
      act: () => this.#dispatch(),
      minRestMs: () => (this.#isBlocked ? BLOCKED_REST_MS : 0),
      retryMs: RETRY_MS,
      sleep,
      onFailure(err) {
        // The store logs what is wrong with a disk.
        if (err instanceof DatabaseDiskError) return;
        log.error(
          { err },
          "Jobs that are held are not sent, as the database does not answer; the gateway keeps trying. Check that it runs.",
        );
      },
    });
  }

  /** A job may be sent that could not be before. */
  wake(): void {
    this.#firstBlocked = null;
    this.#loop?.wake();
  }

  /** A job has ended, which may let others be sent. */
  noteEnd(): void {
    if (this.#isBlocked) this.wake();
  }

  /** Claims nothing any more; resolves once what is claimed has an outcome. */
  async close(): Promise<void> {
    await this.#loop?.close();
    await Promise.allSettled(this.#sends);
  }

  /** A round: resolves with how long to rest after it, in ms. */
  async #dispatch(): Promise<number> {
    const { store, record } = this.#given;
    this.#isBlocked = false;
    const { dueInMs, endInMs, hasReady } = await store.holds.readNext();
    if (endInMs <= 0) {
      // Mutant: a job that is not ended in time
      for (const { id, isCancelled } of await store.holds.listOver(MAX_JOBS))
        await record(id, { kind: "unsent", error: isCancelled ? null : NOT_SENT_IN_TIME });
    }
    if (dueInMs <= 0) await store.holds.makeReady(MAX_JOBS);
    const isWhole = !hasReady || (await this.#claimAll());
    if (!isWhole || dueInMs <= 0) return 0;
    return Math.min(dueInMs, endInMs > 0 ? endInMs : MAX_REST_MS, MAX_REST_MS);
  }

  /** Claims what may be sent, an owner's after another's; false where there are owners left to ask. */
  async #claimAll(): Promise<boolean> {
    const { store, health, sender, submitter } = this.#given;
    if (sender.isStopping || health.pausedForMs() > 0) return true;
    const outage = await store.holds.enterOutage();
    if (outage === "wait") return true;
    const paused = await store.pausedDeployments.listPaused();
    const closed = [...health.failingDeployments(), ...paused];
    for (let asked = 0; asked < MAX_OWNERS && !sender.isStopping; asked++) {
      const ownerId =
        (await store.holds.findOwnerAfter(this.#lastOwner)) ??
        (await store.holds.findOwnerAfter(""));
      if (ownerId === null) return true;
      this.#isBlocked = ownerId === this.#firstBlocked;
      if (this.#isBlocked) {
        this.#firstBlocked = null;
        return true;
      }
      // A row is claimed only with a free slot; what frees one wakes it.
      const release = submitter.tryEnter(ownerId);
      if (release === null) return true;
      this.#lastOwner = ownerId;
      let isSent = false;
      try {
        isSent = await this.#claimOf(ownerId, { closed, release, isTry: outage === "try" });
      } finally {
        if (!isSent) release();
      }
      this.#firstBlocked = isSent ? null : (this.#firstBlocked ?? ownerId);
      if (outage === "try" && isSent) return true;
    }
    return false;
  }

  /** Claims and sends the first of an owner's jobs that may be sent; false where there is none. */
  async #claimOf(
    ownerId: string,
    {
      closed,
      ...turn
    }: { readonly closed: string[]; readonly release: Release; readonly isTry: boolean },
  ): Promise<boolean> {
    const { store, health, catalogue, sender, monotonic } = this.#given;
    for (;;) {
      const askedAt = monotonic();
      const found = await store.holds.claim(ownerId, {
        leaseMs: sender.leaseMs,
        closed,
        atOnceOf: (id) => catalogue.find(id)?.atOnce ?? null,
        mayLeave: (id) => health.submitRefusal(id) === null,
      });
      if (found.kind === "claimed") {
        const sending = this.#send(found, { ...turn, askedAt });
        this.#sends.add(sending);
        void sending.finally(() => this.#sends.delete(sending));
        return true;
      }
      // In an outage of all every deployment is.
      if (found.kind !== "closed" || health.isOutage()) return false;
      closed.push(found.deploymentId);
    }
  }

  /** Sends a claimed job, and writes down what became of it. Never rejects. */
  async #send(
    claimed: ClaimedHold,
    turn: { readonly askedAt: number; readonly release: Release; readonly isTry: boolean },
  ): Promise<void> {
    const { store, sender, log } = this.#given;
    const { job } = claimed;
    await sender.hold(job.id, async () => {
      const outcome = await this.#attempt(claimed, turn);
      turn.release();
      try {
        await sender.persist({ jobId: job.id }, () => this.#keep(job, outcome));
        if (outcome.kind === "put-back" && outcome.isOutage === true)
          await store.holds.noteOutage();
        else if (turn.isTry && outcome.kind !== "put-back") await store.holds.endOutage();
      } catch (err) {
        log.error({ jobId: job.id, err }, "What became of a held job could not be written down.");
      }
    });
    this.wake();
  }

  async #keep(job: Job, outcome: Outcome): Promise<void> {
    const { store, record } = this.#given;
    const { id, claim } = job;
    if (outcome.kind === "put-back") await store.holds.putBack(job, outcome.delayMs);
    if (outcome.kind === "refused")
      await record(id, { kind: "unsent", claim, error: outcome.error }, job);
  }

  async #attempt(
    claimed: ClaimedHold,
    { askedAt, release }: { readonly askedAt: number; readonly release: Release },
  ): Promise<Outcome> {
    const { sender, monotonic, log } = this.#given;
    const { job, leftMs } = claimed;
    // Mutant: a POST that leaves after its job's `sendBefore`
    const toLeftMs = (): number => leftMs - (monotonic() - askedAt);
    let body: JsonObject;
    try {
      const prepared = await this.#prepare(claimed);
      if ("kind" in prepared) return prepared;
      ({ body } = prepared);
      const mayLeave = !sender.isStopping && (await sender.mayLeave(job.id, askedAt));
      if (!mayLeave || toLeftMs() <= 0) return { kind: "put-back", delayMs: 0 };
    } catch (err) {
      log.warn({ jobId: job.id, err }, "A held job could not be sent yet; it is tried again.");
      return { kind: "put-back", delayMs: toBackOff(job) };
    }
    try {
      await sender.send(job, body, release, toLeftMs());
      return { kind: "sent" };
    } catch (error) {
      // Whoever could not write down what became of it has logged so; the recovery settles it.
      return error instanceof RunComfyError ? toOutcome(job, error) : { kind: "sent" };
    }
  }

  /** What is POSTed, or why nothing is: much may have changed since the job was submitted. */
  async #prepare({ job, sentFor }: ClaimedHold): Promise<Outcome | { readonly body: JsonObject }> {
    const { store, catalogue, uploads, inputQueue, isRevoked } = this.#given;
    const { id, ownerId, deploymentId } = job;
    const untilReleased = { kind: "put-back", delayMs: null } as const;
    if (await isRevoked(sentFor)) return untilReleased;
    const listed = catalogue.find(deploymentId);
    const deployment = listed ?? toUnlisted(deploymentId);
    // Another gateway's file may list it.
    if ((listed === null && !catalogue.hasOthers) || deployment.kind !== job.kind)
      return untilReleased;
    try {
      await refuseUnlisted(deploymentId, this.#given);
      const input = await store.documents.readInput(id);
      if (input === null) throw new Error(`${id} has no input`);
      const { issues } = await inputQueue.run(ownerId, async () =>
        checkInput(deployment, input, (path) => path),
      );
      if (issues.length > 0) return toRefused(issues);
      const uploadIds = await uploads.check(input, { viewer: { ownerId }, spell: (path) => path });
      return { body: deployment.toBody(await uploads.toSent(input, uploadIds)) };
    } catch (error) {
      if (error instanceof DeploymentNotFoundError) return untilReleased;
      if (error instanceof InvalidInputError) return toRefused(error.issues);
      throw error;
    }
  }
}

/** What RunComfy's certain refusal means for a job that can wait. */
function toOutcome(job: Job, { code, delivery, retryAfterMs, issues }: RunComfyError): Outcome {
  if (delivery === "never-arrived" || code === "RATE_LIMITED")
    return { kind: "put-back", delayMs: retryAfterMs ?? toBackOff(job) };
  if (code === "UNAUTHORIZED" || code === "INSUFFICIENT_FUNDS")
    return { kind: "put-back", delayMs: 0, isOutage: true };
  if (issues !== null) return toRefused(issues);
  const sentence = code === "NOT_FOUND" ? "DEPLOYMENT_DELETED" : code;
  return { kind: "refused", error: refused(UPSTREAM_SENTENCES[sentence]) };
}

function toRefused(issues: readonly InputIssue[]): Outcome {
  const texts = issues.map(({ path, message }) => `\`${path.join(".")}\` ${message}`);
  return {
    kind: "refused",
    error: refused(`Correct its input, then submit it again: ${texts.join("; ")}.`),
  };
}

function toBackOff({ claim }: Job): number {
  return Math.min(MIN_BACK_OFF_MS * 2 ** (claim - 1), MAX_BACK_OFF_MS);
}
