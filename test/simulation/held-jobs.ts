import type { Credential, Viewer } from "../../src/auth/viewer.ts";
import { JobNotFoundError, JobNotHeldError } from "../../src/engine/job/errors.ts";
import { CodedError } from "../../src/runtime/coded-error.ts";
import { DatabaseUnreachableError } from "../../src/engine/store/database-error.ts";
import { createViewer } from "../support/viewers.ts";
import type { Row } from "./database.ts";
import { DEPLOYMENTS } from "./deployments.ts";
import type { Gateway } from "./gateway.ts";
import { LATE_MS } from "./held-checks.ts";
import { BUSY_MS, type Plan } from "./plan.ts";
import {
  CREDENTIALS,
  type CredentialName,
  type DeploymentPause,
  type Obstacle,
  type Waiting,
} from "./queues.ts";
import type { SimulatedProcess } from "./world.ts";

/** A cancel is noted within this time, where nothing keeps its gateway from that. */
const NOTED_WITHIN_MS = 300;
/** As long as a statement waits for its answer. */
const UNANSWERED_MS = 15_000;
/** A pause waits so long for a gateway that is about to claim, and that for the pause. */
const UNLISTED_MS = 5_000;
const BETWEEN_MS = 1_000;

type Dependencies = {
  readonly plan: Plan;
  readonly callers: SimulatedProcess;
  readonly read: (text: string) => Row[];
  /** Calls a gateway. */
  readonly call: <Value>(act: (gateway: Gateway) => Promise<Value>) => Promise<Value>;
  /** Whether a call was lost, or in vain. */
  readonly isLost: (error: unknown) => boolean;
  readonly cancel: (jobId: string, ownerId: string) => void;
  readonly onBroken: (sentence: string) => void;
};

/** A cancel that met a claimed job. */
type Met = { readonly jobId: string; readonly claim: number; hadTime: boolean };

/** Whoever decides about jobs that wait before they are sent, and what must hold of those. */
export class HeldJobs {
  readonly #given: Dependencies;
  /** Jobs that somebody asked to approve who had not submitted them. */
  readonly #approvals = new Set<string>();
  readonly #met: Met[] = [];
  /** Those that no POST has met yet. */
  readonly #obstacles: Obstacle[];
  /** By the ids of the jobs that are to meet them. */
  readonly #obstructed = new Map<string, Obstacle>();
  /** What waits until a job is claimed again. */
  readonly #reclaimed = new Map<string, () => void>();
  /** Begin pauses, and resolve once they are written. */
  readonly #nextPauses = new Set<() => Promise<void>>();

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    this.#obstacles = [...dependencies.plan.obstacles];
  }

  /** Pauses deployments for their time, and lets nothing wait for a person for ever. */
  begin(): void {
    const { callers, plan } = this.#given;
    for (const pause of plan.pauses) void callers.run(() => this.#pause(pause));
    void callers.run(async () => {
      for (;;) {
        await callers.wait(500 + callers.chance.random() * 2_000);
        for (const row of this.#waiting()) void callers.run(() => this.#decide(row));
      }
    });
  }

  /** A gateway has claimed a job; some are cancelled then. */
  noteClaim(jobId: string): void {
    const { callers, cancel, read } = this.#given;
    this.#reclaimed.get(jobId)?.();
    if (!callers.chance.happens(0.08)) return;
    const [row] = read(`select owner_id from jobs where id = '${jobId}'`);
    void callers.run(async () => {
      await callers.wait(callers.chance.random() ** 2 * 3_000);
      cancel(jobId, String(row?.["owner_id"]));
    });
  }

  /** A gateway has read which deployments are paused, and is about to claim: others begin in between. */
  async noteListed(process: SimulatedProcess): Promise<void> {
    if (this.#nextPauses.size === 0) return;
    const begun = Promise.all([...this.#nextPauses].map((begin) => begin()));
    await process.within(BETWEEN_MS, begun);
    await process.wait(0);
  }

  /** A gateway is asked to cancel a job. */
  noteCancel(jobId: string, process: SimulatedProcess): void {
    const { read } = this.#given;
    const [row] = read(`select status, claim from jobs where id = '${jobId}'`);
    if (row?.["status"] !== "SUBMITTING" || Number(row["claim"]) === 0) return;
    const met: Met = { jobId, claim: Number(row["claim"]), hadTime: false };
    this.#met.push(met);
    const { world } = process;
    const atMs = world.nowMs + NOTED_WITHIN_MS;
    world.schedule(process, NOTED_WITHIN_MS, () => {
      met.hadTime = world.nowMs - atMs < 1;
    });
  }

  /** Of a POST that leaves. */
  checkPost(mark: number, sender: string): void {
    const { callers, read, onBroken } = this.#given;
    const [row] = read(
      `select jobs.id, jobs.claim, submitted_by, by_hand, needs_approval, at, left_ms from holds
        join jobs on jobs.id = holds.job_id
        join job_documents on job_documents.job_id = holds.job_id
        left join simulated_claims as made
          on made.job_id = jobs.id and made.claim = jobs.claim
        where json_extract(input, '$.mark') = ${mark}`,
    );
    if (row === undefined) return;
    if (row["by_hand"] === 1 || row["needs_approval"] === 1)
      onBroken(`${sender} sent ${mark} while it was held.`);
    const { left_ms: leftMs, at } = row;
    if (leftMs !== null && callers.world.nowMs >= Number(at) + Number(leftMs))
      onBroken(`${sender} sent ${mark} after its \`sendBefore\`.`);
    const needsApproval = String(row["submitted_by"]).startsWith("agent");
    if (needsApproval && !this.#approvals.has(String(row["id"])))
      onBroken(`${sender} sent ${mark}, which nobody else has approved.`);
  }

  /** Whether this POST leads to an obstacle. */
  isRefused(mark: number): boolean {
    const { callers, read } = this.#given;
    const next = this.#obstacles.findIndex(({ atMs }) => atMs <= callers.world.nowMs);
    if (next < 0) return false;
    const [row] = read(
      `select id from jobs join job_documents on job_id = id
        where json_extract(input, '$.mark') = ${mark} and claim > 0`,
    );
    const [obstacle] = row === undefined ? [] : this.#obstacles.splice(next, 1);
    if (obstacle === undefined) return false;
    this.#obstructed.set(String(row?.["id"]), obstacle);
    return true;
  }

  /** Puts a job back with what is in the way of that. */
  async putBack<Value>(
    jobId: string,
    process: SimulatedProcess,
    act: () => Promise<Value>,
  ): Promise<Value> {
    const obstacle = this.#obstructed.get(jobId);
    if (obstacle === undefined) return await act();
    this.#obstructed.delete(jobId);
    const { kind, frozenMs } = obstacle;
    process.world.note(process.name, "puts back", jobId, kind);
    if (kind === "cancelled") this.#cancelInVain(jobId, process);
    if (frozenMs > 0) process.freeze(frozenMs);
    await process.wait(0);
    const outcome = await act();
    if (kind !== "unanswered") return outcome;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reclaimed.set(jobId, resolve);
    await process.within(UNANSWERED_MS, promise);
    this.#reclaimed.delete(jobId);
    throw new DatabaseUnreachableError({ cause: new Error("The answer is lost.") });
  }

  /** By a gateway that dies once it has noted that. */
  #cancelInVain(jobId: string, sender: SimulatedProcess): void {
    const { callers, call, read } = this.#given;
    const [row] = read(`select owner_id from jobs where id = '${jobId}'`);
    const calling = callers.run(() =>
      call(async ({ process, tracking }) => {
        this.noteCancel(jobId, process);
        const inMs = NOTED_WITHIN_MS + 100 + callers.chance.random() * 500;
        if (process !== sender) callers.world.schedule(callers, inMs, () => process.kill());
        await tracking.canceller.cancelJob(jobId, String(row?.["owner_id"]));
      }),
    );
    // Others find out what comes of cancels.
    calling.catch(() => undefined);
  }

  /** After the end. `isUndisturbed` says whether nothing kept gateways from what they do at a time. */
  check(isUndisturbed: (atMs: number) => boolean): void {
    const { plan, read, onBroken } = this.#given;
    for (const { sentence } of read("select sentence from simulated_wrongs"))
      onBroken(String(sentence));
    // By its own clock a file's gateway is in time.
    const hasClock = plan.gateways === 1 && plan.faults.some(({ kind }) => kind === "clock");
    if (!hasClock)
      for (const { job_id: id } of read("select job_id from simulated_claims where early_ms > 0"))
        onBroken(`${String(id)} was claimed before its \`sendAfter\`.`);
    for (const { job_id: id, late_ms: lateMs, at } of read(
      "select * from simulated_unsent where late_ms is not null",
    )) {
      if (Number(lateMs) < 0) onBroken(`${String(id)} ended before its \`sendBefore\`.`);
      if (Number(lateMs) > LATE_MS && !hasClock && isUndisturbed(Number(at)))
        onBroken(`${String(id)} ended ${String(lateMs)} ms after its \`sendBefore\`.`);
    }
    const isHeldUp = plan.faults.some(({ kind }) => kind.includes("database"));
    for (const { jobId, claim, hadTime } of this.#met) {
      const [again] = read(
        `select claim from simulated_claims where job_id = '${jobId}' and claim > ${claim}`,
      );
      if (again !== undefined && hadTime && !isHeldUp)
        onBroken(`${jobId} was claimed again, although a cancel had met claim ${claim}.`);
    }
  }

  #waiting(): Row[] {
    const isBusy = this.#given.callers.world.nowMs < BUSY_MS;
    return this.#given.read(
      `select job_id, holds.owner_id, by_hand, needs_approval, submitted_by from holds
        join jobs on jobs.id = job_id
        where status = 'HELD' ${isBusy ? "" : "and (by_hand = 1 or needs_approval = 1)"}`,
    );
  }

  /** Somebody looks at a job that waits, and does what may be done with it. */
  async #decide(row: Row): Promise<void> {
    const { callers, call, isLost, onBroken } = this.#given;
    const { chance } = callers;
    const id = String(row["job_id"]);
    const name = chance.pick(CREDENTIALS);
    const viewer = toViewer(String(row["owner_id"]), name);
    const isOwn = row["submitted_by"] === viewer.credential.id;
    const isOver = (error: unknown): boolean =>
      isLost(error) || error instanceof JobNotHeldError || error instanceof JobNotFoundError;
    const attempt = async (act: (gateway: Gateway) => Promise<unknown>): Promise<boolean> => {
      try {
        await call(act);
        return true;
      } catch (error) {
        const isForbidden = error instanceof CodedError && error.code === "FORBIDDEN";
        if (!isOver(error) && !isForbidden) onBroken(`Of ${id}, ${name} met ${String(error)}`);
        return false;
      }
    };
    if (row["needs_approval"] === 1) {
      if (chance.happens(0.1))
        return void (await attempt((to) => to.tracking.holder.refuseJob(id, viewer, "Too much.")));
      if (!isOwn) this.#approvals.add(id);
      const isApproved = await attempt(({ tracking }) => tracking.holder.approveJob(id, viewer));
      // Somebody else may have approved it meanwhile, and then there is nothing to refuse.
      if (isApproved && isOwn && !this.#approvals.has(id))
        onBroken(`${name} approved ${id}, and had submitted it.`);
      return;
    }
    if (row["by_hand"] === 1)
      return void (await attempt(({ tracking }) => tracking.holder.releaseJob(id, viewer)));
    if (chance.happens(0.05))
      return void (await attempt(({ tracking }) => tracking.holder.holdJob(id, viewer)));
    if (chance.happens(0.05))
      await attempt(({ tracking }) =>
        tracking.holder.prioritizeJob(id, viewer, chance.integer(-100, 100)),
      );
  }

  async #pause({ deployment, atMs, ms }: DeploymentPause): Promise<void> {
    const { callers } = this.#given;
    const { id = "" } = DEPLOYMENTS[deployment] ?? {};
    await callers.wait(atMs);
    const listed = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const begin = (): Promise<void> => {
      listed.resolve();
      return begun.promise;
    };
    this.#nextPauses.add(begin);
    await callers.within(UNLISTED_MS, listed.promise);
    this.#nextPauses.delete(begin);
    await this.#insist(({ store }) => store.pausedDeployments.pause(id, "Rest"));
    begun.resolve();
    await callers.wait(ms);
    // A pause whose answer was lost may come late, from a gateway that was frozen.
    for (;;) {
      await this.#insist(({ store }) => store.pausedDeployments.resume(id));
      await callers.wait(10_000);
    }
  }

  async #insist(act: (gateway: Gateway) => Promise<unknown>): Promise<void> {
    const { callers, call, isLost } = this.#given;
    for (;;) {
      try {
        return void (await call(act));
      } catch (error) {
        if (!isLost(error)) throw error;
      }
      await callers.wait(1_000);
    }
  }
}

/** One of an owner's credentials, without limits. */
function toViewer(ownerId: string, name: CredentialName): Viewer {
  return createViewer({ ownerId, credential: toCredential(ownerId, name) });
}

export function toCredential(ownerId: string, name: CredentialName): Credential {
  const id = `${name} of ${ownerId}`;
  return { id, signedBy: id, needsApproval: name === "agent" };
}

/** As a submit has it, at this time in ms since 1970. */
export function toQueueOptions(waiting: Waiting, nowMs: number) {
  const toDate = (ms: number | null): Date | null => (ms === null ? null : new Date(nowMs + ms));
  const { priority, hold, sendAfterMs, sendBeforeMs } = waiting;
  return { priority, hold, sendAfter: toDate(sendAfterMs), sendBefore: toDate(sendBeforeMs) };
}
