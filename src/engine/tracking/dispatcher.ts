import type { Authenticator } from "../../auth/authenticator.ts";
import { toUnlisted } from "../deployments/catalogue.ts";
import { checkInput } from "../deployments/check-input.ts";
import { DeploymentNotFoundError, InvalidInputError, UpstreamError } from "../job/errors.ts";
import { NOT_SENT_IN_TIME, refused, UPSTREAM_SENTENCES } from "../job/errors.ts";
import type { InputIssue } from "../job/input.ts";
import type { Job, JobError } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { type Loop, startLoop } from "../../runtime/loop.ts";
import type { Release } from "../../runtime/semaphore.ts";
import { DatabaseDiskError } from "../store/database-error.ts";
import type { ClaimedHold } from "../store/holds.ts";
import type { JobSender } from "./send-job.ts";
import type { Services } from "./services.ts";
import { asItIs, refuseUnlisted, type Submission, toInputIssue } from "./submission.ts";
import type { Submitter } from "./submit-job.ts";

/** How often it is asked what other gateways have changed; half of what may pass after a `sendBefore`. */
const MAX_REST_MS = 1_000;
const RETRY_MS = 1_000;
/** Of the jobs that are made ready at once. */
const MAX_JOBS = 500;
/** Of those that end together, so that others are served meanwhile. */
const MAX_ENDS = 100;
/** Of a round, so that it ends. */
const MAX_OWNERS = 100;
/** How many issues of an input its job's error names. */
const MAX_ISSUES = 5;

/**
 * An owner who can send nothing is asked again when something changes, or after a second; of more than 100 such owners each
 * after 3 ms for each of them, so that asking takes a tenth of the time at most.
 */
const BLOCKED_MS = 1_000;
const MAX_BLOCKED_MS = 10_000;
const BLOCKED_MS_EACH = 3;
const FEW_BLOCKED = 100;
/** What ends or is released meanwhile is looked at together. */
const BLOCKED_REST_MS = 50;

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
  | "admission"
  | "health"
  | "monotonic"
  | "sleep"
  | "log"
> & {
  readonly sender: JobSender;
  /** In whose slots POSTs are sent. */
  readonly submitter: Pick<Submitter, "enter">;
  readonly isRevoked: Authenticator["isRevoked"];
};

/** The outcome for a job whose turn has come. */
type Outcome =
  /** RunComfy has it, or may have. */
  | { readonly kind: "sent"; readonly isAccepted: boolean }
  /** RunComfy surely does not have it: due again after so long, or with null once it is released. */
  | { readonly kind: "put-back"; readonly delayMs: number | null; readonly isOutage?: boolean }
  | { readonly kind: "refused"; readonly error: JobError; readonly isAnswer: boolean };

/** Sends HELD jobs when their turn comes, and ends those whose time is over. */
export class Dispatcher {
  readonly #given: Dependencies;
  readonly #sends = new Set<Promise<void>>();
  #loops: readonly Loop[] = [];
  /** Who was asked last; those behind come next, by their ids. */
  #lastOwner = "";
  /** Until when owners are not asked again who could send nothing. */
  #blocked = new Map<string, number>();
  /** Whether the last round could send nothing although jobs are ready. */
  #isBlocked = false;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    dependencies.health.on("recovery", () => this.wake());
  }

  start(): void {
    const { log, sleep } = this.#given;
    const usual = {
      retryMs: RETRY_MS,
      sleep,
      onFailure(err: unknown) {
        // The store logs what is wrong with a disk, and the submitter that too many wait.
        if (err instanceof DatabaseDiskError || err instanceof UpstreamError) return;
        log.error(
          { err },
          "Jobs that are held are not sent, as the database does not answer; the gateway keeps trying. Check that it runs.",
        );
      },
    };
    this.#loops = [
      startLoop({
        ...usual,
        act: () => this.#dispatch(),
        minRestMs: () => (this.#isBlocked ? BLOCKED_REST_MS : 0),
      }),
      startLoop({ ...usual, act: () => this.#endOverdue() }),
    ];
  }

  /** A job may be sent that could not be before, or will end unsent. */
  wake(): void {
    if (this.#blocked.size <= FEW_BLOCKED) this.#blocked.clear();
    for (const loop of this.#loops) loop.wake();
  }

  /** A job has ended, which may let others be sent. */
  noteEnd(): void {
    if (this.#blocked.size > 0) this.wake();
  }

  /** Claims nothing any more; resolves once what is claimed has an outcome. */
  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()));
    await Promise.allSettled(this.#sends);
  }

  /** Ends jobs unsent; resolves with how long to rest then, in ms. */
  async #endOverdue(): Promise<number> {
    const { store, record } = this.#given;
    const nextMs = await store.holds.readNextEnd();
    if (nextMs > 0) return Math.min(nextMs, MAX_REST_MS);
    const over = await store.holds.listOver(MAX_ENDS);
    // Mutant: a job that is not ended in time
    const ending = over.map(({ id, isCancelled }) =>
      record(id, { kind: "unsent", error: isCancelled ? null : NOT_SENT_IN_TIME }),
    );
    await Promise.all(ending);
    return over.length === MAX_ENDS ? 0 : MAX_REST_MS;
  }

  /** Makes ready what is due, and claims what may be sent; resolves with how long to rest then, in ms. */
  async #dispatch(): Promise<number> {
    const { store } = this.#given;
    this.#isBlocked = false;
    const { dueInMs, hasReady } = await store.holds.readNext();
    if (dueInMs <= 0) await store.holds.makeReady(MAX_JOBS);
    if (hasReady && (await this.#claimRound())) return 0;
    return Math.min(Math.max(0, dueInMs), MAX_REST_MS);
  }

  /** Lets owners claim in turn; whether there may be more to claim. */
  async #claimRound(): Promise<boolean> {
    const { store, health, sender, monotonic } = this.#given;
    if (sender.isStopping || health.pausedForMs() > 0) return false;
    const outage = await store.holds.readOutage();
    if (outage === "wait") return false;
    const closed = await store.pausedDeployments.listPaused();
    const owners = await this.#listOwners();
    let sent = 0;
    for (const ownerId of owners) {
      this.#lastOwner = ownerId;
      if ((this.#blocked.get(ownerId) ?? 0) > monotonic()) continue;
      if (await this.#claimOf(ownerId, closed, outage === "try")) sent += 1;
      else this.#noteBlocked(ownerId);
      if (sender.isStopping || (outage === "try" && sent > 0)) return false;
    }
    this.#isBlocked = sent === 0;
    return sent > 0 || owners.length === MAX_OWNERS;
  }

  /** Those behind the one who was asked last, or from the first on where there are none. */
  async #listOwners(): Promise<readonly string[]> {
    const { holds } = this.#given.store;
    const behind = await holds.listOwnersAfter(this.#lastOwner, MAX_OWNERS);
    return behind.length > 0 ? behind : await holds.listOwnersAfter("", MAX_OWNERS);
  }

  #noteBlocked(ownerId: string): void {
    const now = this.#given.monotonic();
    for (const [other, until] of this.#blocked) if (until <= now) this.#blocked.delete(other);
    const ms = Math.min(Math.max(BLOCKED_MS, this.#blocked.size * BLOCKED_MS_EACH), MAX_BLOCKED_MS);
    this.#blocked.set(ownerId, now + ms);
  }

  /** Claims and sends the first of an owner's jobs that may be sent, in a slot; false where there is none. */
  async #claimOf(ownerId: string, closed: string[], isTry: boolean): Promise<boolean> {
    const { store, record, health, catalogue, admission } = this.#given;
    const { sender, submitter, monotonic } = this.#given;
    const release = await submitter.enter();
    const limitedKeys: string[] = [];
    let isSent = false;
    try {
      for (;;) {
        const askedAt = monotonic();
        const found = await store.holds.claim(ownerId, {
          leaseMs: sender.leaseMs,
          ...{ closed, limitedKeys },
          isTry,
          atOnceOf: (id) => catalogue.find(id)?.atOnce ?? null,
          mayLeave: (id) => health.submitRefusal(id) === null,
          admit: admission.claim,
        });
        if (found.kind === "claimed") {
          const sending = this.#send(found, { askedAt, release });
          this.#sends.add(sending);
          void sending.finally(() => this.#sends.delete(sending));
          isSent = true;
        }
        if (found.kind === "key-limited") {
          limitedKeys.push(found.keyId);
          continue;
        }
        if (found.kind === "hopeless") {
          await record(found.jobId, { kind: "unsent", error: refused(found.reason) });
          continue;
        }
        // In an outage of all every deployment is closed.
        if (found.kind !== "closed" || health.isOutage()) return isSent;
        closed.push(found.deploymentId);
      }
    } finally {
      if (!isSent) release();
    }
  }

  /** Sends a claimed job, and stores its outcome. Never rejects. */
  async #send(
    claimed: ClaimedHold,
    turn: { readonly askedAt: number; readonly release: Release },
  ): Promise<void> {
    const { sender, log } = this.#given;
    const { job } = claimed;
    await sender.hold(job.id, async () => {
      const outcome = await this.#attempt(claimed, turn);
      turn.release();
      try {
        await sender.persist({ jobId: job.id }, () => this.#keep(job, outcome));
      } catch (err) {
        log.error(
          { jobId: job.id, err },
          "The outcome of a held job could not be stored, so the job will end as unknown. Check that the database runs.",
        );
      }
    });
    this.wake();
  }

  async #keep(job: Job, outcome: Outcome): Promise<void> {
    const { store, record } = this.#given;
    const { id, claim } = job;
    switch (outcome.kind) {
      case "sent":
        if (outcome.isAccepted) await this.#endOutage();
        return;
      case "put-back":
        // Before the job can be claimed again.
        if (outcome.isOutage === true) await store.holds.noteOutage();
        await store.holds.putBack(job, outcome.delayMs);
        return;
      case "refused":
        await record(id, { kind: "unsent", claim, error: outcome.error }, job);
        if (outcome.isAnswer) await this.#endOutage();
    }
  }

  /** RunComfy has answered a submit as it does without an outage. */
  async #endOutage(): Promise<void> {
    const { holds } = this.#given.store;
    if ((await holds.readOutage()) !== "no outage") await holds.endOutage();
  }

  async #attempt(
    claimed: ClaimedHold,
    { askedAt, release }: { readonly askedAt: number; readonly release: Release },
  ): Promise<Outcome> {
    const { sender, monotonic, log } = this.#given;
    const { job, leftMs } = claimed;
    // Mutant: a POST that leaves after its job's `sendBefore`
    const toLeftMs = (): number => leftMs - (monotonic() - askedAt);
    let prepared: Prepared;
    try {
      const found = await this.#prepare(claimed);
      if ("kind" in found) return found;
      prepared = found;
      const mayLeave = !sender.isStopping && (await sender.mayLeave(job.id, askedAt));
      if (!mayLeave || toLeftMs() <= 0) return { kind: "put-back", delayMs: 0 };
    } catch (err) {
      log.warn({ jobId: job.id, err }, "A held job could not be sent yet; it is tried again.");
      return { kind: "put-back", delayMs: toBackOff(job) };
    }
    try {
      const { requestId } = await sender.send(job, prepared.body, release, toLeftMs());
      return { kind: "sent", isAccepted: requestId !== null };
    } catch (error) {
      // An outcome that could not be stored is logged; the recovery settles the job.
      const isKnown = error instanceof RunComfyError;
      return isKnown ? toOutcome(job, error, prepared) : { kind: "sent", isAccepted: false };
    }
  }

  /** What is POSTed, or why nothing is: much may have changed since the job was submitted. */
  async #prepare({ job, sentFor }: ClaimedHold): Promise<Outcome | Prepared> {
    const { store, catalogue, uploads, isRevoked } = this.#given;
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
      const { issues } = checkInput(deployment, input, asItIs);
      if (issues.length > 0) return toRefused(issues, false);
      const { toBody } = deployment;
      const uploadIds = await uploads.check(input, { viewer: { ownerId }, spell: asItIs });
      return { input, toBody, body: toBody(await uploads.toSent(input, uploadIds)) };
    } catch (error) {
      if (error instanceof DeploymentNotFoundError) return untilReleased;
      if (error instanceof InvalidInputError) return toRefused(error.issues, false);
      throw error;
    }
  }
}

type Prepared = Pick<Submission, "input" | "toBody"> & { readonly body: JsonObject };

/** What RunComfy's certain refusal means for a job that can wait. */
function toOutcome(job: Job, error: RunComfyError, { input, toBody }: Prepared): Outcome {
  const { code, delivery, retryAfterMs, issues } = error;
  if (delivery === "never-arrived" || code === "RATE_LIMITED")
    return { kind: "put-back", delayMs: retryAfterMs ?? toBackOff(job) };
  if (code === "UNAUTHORIZED" || code === "INSUFFICIENT_FUNDS")
    return { kind: "put-back", delayMs: 0, isOutage: true };
  const ofInput = { input, toBody, spell: asItIs };
  if (issues !== null)
    return toRefused(
      issues.map((issue) => toInputIssue(issue, ofInput)),
      true,
    );
  const sentence = code === "NOT_FOUND" ? "DEPLOYMENT_DELETED" : code;
  return { kind: "refused", error: refused(UPSTREAM_SENTENCES[sentence]), isAnswer: true };
}

function toRefused(issues: readonly InputIssue[], isAnswer: boolean): Outcome {
  const texts = issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => `\`${path.join(".")}\` ${message}`);
  const message = `Correct its input, then submit it again: ${texts.join("; ")}.`;
  return { kind: "refused", error: refused(message), isAnswer };
}

function toBackOff({ claim }: Job): number {
  return Math.min(MIN_BACK_OFF_MS * 2 ** (claim - 1), MAX_BACK_OFF_MS);
}
