import { setImmediate as nextTurn } from "node:timers/promises";

import { pino } from "pino";
import { z } from "zod";

import { GatewayError, noAnswer } from "../../client/src/gateway-error.ts";
import type { Viewer } from "../../src/auth/viewer.ts";
import {
  JobNotCancellableError,
  JobNotFoundError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { isFinished, JOB_STATUSES } from "../../src/engine/job/job.ts";
import { ownNamesOf } from "../../src/engine/job/upstream.ts";
import { CodedError } from "../../src/runtime/coded-error.ts";
import { isDatabaseFailure } from "../../src/engine/store/database-error.ts";
import type { AlsoWrite } from "../../src/engine/store/admission.ts";
import { toLabelEdit } from "../../src/engine/tracking/edit-labels.ts";
import { createViewer } from "../support/viewers.ts";
import { createFile, DatabaseServer, type OpenStore, type Row } from "./database.ts";
import { DEPLOYMENTS } from "./deployments.ts";
import { type Claim, type Gateway, startGateway, SUBMIT_TIMEOUT_SECONDS } from "./gateway.ts";
import { HeldJobs, toCredential, toQueueOptions } from "./held-jobs.ts";
import { BUSY_MS, type Errand, OWNERS, type Plan, type TimedFault } from "./plan.ts";
import { type PartOfSimulation, SIMULATED_PARTS } from "./simulated-part.ts";
import { runWithClient, Submission } from "./submission.ts";
import { costOf, FAIR, truthOf, Upstream } from "./upstream.ts";
import { BEGINNING, SimulatedProcess, World } from "./world.ts";

/** After a fault, gateways start again and connections come back within this time. */
const AFTERMATH_MS = 25_000;

/** After the last fault and the last run, all has to have ended within this time. */
const SETTLED_WITHIN_MS = 150_000;

/** Nobody else's poll for so long. */
const CLAIM_MS = 9_000;

/** Faults that keep no gateway from what it does, nor from its database. */
const HARMLESS = ["clock", "weather", "cut-upstream"] as const;

export type Outcome = {
  /** What is broken, as sentences; empty where all held. */
  readonly broken: readonly string[];
  readonly digest: string;
  readonly lines: readonly string[];
  readonly steps: number;
  readonly jobs: number;
};

/** Runs a plan to its end. The same plan gives the same outcome, to the letter. */
export async function simulate(plan: Plan, isTraced = false): Promise<Outcome> {
  const world = new World(plan.seed, isTraced);
  const callers = new SimulatedProcess(world, "callers");
  return await runWithClient(() => new Simulation(plan, world, callers).run());
}

/** A gateway that is started again and again. */
type Node = {
  readonly index: number;
  starts: number;
  process: SimulatedProcess | null;
  gateway: Gateway | null;
  upstream: Upstream;
};

class Simulation {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #callers: SimulatedProcess;
  readonly #supervisor: SimulatedProcess;
  readonly #upstreams: readonly [Upstream, Upstream];
  readonly #parts: readonly PartOfSimulation[];
  readonly #keepsOutputs: boolean;
  readonly #broken: string[] = [];
  readonly #nodes: Node[];
  /** The last one of each job, unless it was put back. */
  readonly #claims = new Map<string, Claim>();
  /** Of the first owner. */
  readonly #limits: ReturnType<typeof toLimits>;
  readonly #viewers: readonly Viewer[];
  readonly #heldJobs: HeldJobs;
  readonly #feeds: FeedReading[] = [];
  /** Of the first owner. */
  readonly #deleted = new Set<string>();
  readonly #deletedMarks = new Set<number>();
  /** Those that a job has by an answer to its owner. */
  readonly #tags: { readonly jobId: string; readonly tag: string }[] = [];
  #server: DatabaseServer | null = null;
  #openStore: OpenStore = () => Promise.reject(new Error("There is no database yet."));
  #read: (text: string) => Row[] = () => [];
  #underWay = 0;
  #lastDeathMs = -Infinity;
  #nextMark = 1_000_000;

  constructor(plan: Plan, world: World, callers: SimulatedProcess) {
    this.#plan = plan;
    this.#world = world;
    this.#callers = callers;
    this.#supervisor = new SimulatedProcess(world, "supervisor");
    const [one, other] = ["one", "other"].map(
      (name) =>
        new Upstream(world, name, {
          others: () => this.#upstreams,
          onPost: (mark, sender) => this.#checkMayLeave(mark, sender),
          isRefused: (mark) => this.#heldJobs.isRefused(mark),
        }),
    );
    if (one === undefined || other === undefined) throw new Error("There are two.");
    this.#upstreams = [one, other];
    this.#nodes = Array.from({ length: plan.gateways }, (_, index) => {
      return { index, starts: 0, process: null, gateway: null, upstream: one };
    });
    this.#limits = toLimits(plan.errands.length);
    this.#viewers = Array.from({ length: OWNERS }, (_, index) =>
      createViewer({
        ownerId: `owner ${index}`,
        limits: index === 0 ? this.#limits : {},
        credential: toCredential(`owner ${index}`, "person"),
      }),
    );
    const parts = SIMULATED_PARTS.filter(({ name }) => plan.parts.includes(name));
    const ownerIds = this.#viewers.map(({ ownerId }) => ownerId);
    const read = (text: string): readonly Row[] => this.#read(text);
    this.#parts = parts.map((part) => part.open({ plan, world, ownerIds, read }));
    this.#keepsOutputs = parts.some(({ keepsOutputs }) => keepsOutputs);
    this.#heldJobs = new HeldJobs({
      plan,
      callers,
      read: (text) => this.#read(text),
      call: (act) => this.#call(act),
      isLost,
      cancel: (jobId, ownerId) => this.#begin(() => this.#cancel(jobId, ownerId)),
      onBroken: (sentence) => void this.#broken.push(sentence),
    });
  }

  async run(): Promise<Outcome> {
    const { gateways, errands, faults, seed } = this.#plan;
    const world = this.#world;
    const log = pino({ level: "silent" });
    const mostInFlight = Object.fromEntries(
      this.#viewers.flatMap(({ ownerId, limits: { jobsInFlight: most } }) =>
        most === null ? [] : [[ownerId, most]],
      ),
    );
    const given = { mostInFlight, ofParts: this.#parts.map((part) => part.given).join(";") };
    let close = (): void => undefined;
    if (gateways === 1) {
      const file = createFile(world);
      ({ open: this.#openStore, read: this.#read, close } = file);
      await file.start(log, given);
    } else {
      const server = new DatabaseServer(world);
      await server.start(log, given);
      this.#server = server;
      close = () => server.close();
      this.#openStore = server.open;
      this.#read = (text) => server.read(text);
    }
    try {
      for (const node of this.#nodes) this.#start(node);
      for (const errand of errands) this.#begin(() => this.#doErrand(errand));
      for (const fault of faults)
        world.schedule(this.#supervisor, fault.atMs, () => this.#inflict(fault));
      this.#viewers.forEach(({ ownerId }) => this.#follow(ownerId));
      this.#heldJobs.begin();
      const endsAtMs = Math.max(BUSY_MS, ...faults.map(({ atMs, ms }) => atMs + ms));
      world.schedule(this.#supervisor, endsAtMs, () => this.#makeGood());
      await world.run(() => world.nowMs >= endsAtMs, endsAtMs + 1);
      const [one, other] = this.#upstreams;
      // What waits for an upstream goes on once a gateway has that; one that was frozen may send to the first until the end.
      for (const [now, next] of [
        [one, other],
        [other, one],
        [one, other],
      ] as const) {
        await this.#settle(() => this.#isSettled() || this.#waitsFor(next, now));
        if (this.#isSettled()) break;
        for (const node of this.#nodes) this.#changeUpstream(node, next);
      }
      await this.#settle(() => this.#isSettled());
      if (!this.#isSettled()) this.#noteUnsettled();
      this.#check();
    } catch (error) {
      this.#broken.push(`The simulation of ${seed} itself failed: ${String(error)}`);
    } finally {
      for (const { process } of this.#nodes) process?.kill();
      for (const process of [this.#callers, this.#supervisor]) process.kill();
      // First all that died lets go of the database.
      await nextTurn();
      close();
    }
    const jobs = this.#plan.errands.length;
    const broken = [
      ...this.#broken,
      ...this.#upstreams.flatMap(({ broken }) => broken),
      ...this.#parts.flatMap(({ broken }) => broken),
    ];
    return { broken, digest: world.digest, lines: world.lines, steps: world.steps, jobs };
  }

  /** Whether nothing else goes wrong. */
  #meetsOnly(...kinds: readonly TimedFault["kind"][]): boolean {
    const { faults, obstacles } = this.#plan;
    return obstacles.length === 0 && faults.every(({ kind }) => kinds.includes(kind));
  }

  // Gateways

  /** Starts it again until it serves. */
  #start(node: Node): void {
    const world = this.#world;
    node.starts += 1;
    const process = new SimulatedProcess(world, `gateway ${node.index}.${node.starts}`);
    node.process = process;
    node.gateway = null;
    world.note(process.name, "starts for", node.upstream.name);
    const opening = process.run(() =>
      startGateway({
        process,
        upstream: node.upstream,
        openStore: this.#openStore,
        parts: this.#parts,
        keepsOutputs: this.#keepsOutputs,
        onBug: (line) =>
          void (process.isDead || this.#broken.push(`${process.name} logged: ${line}`)),
        onClaim: (claim) => this.#noteClaim(claim),
        heldJobs: this.#heldJobs,
        onPutBack: (jobId) =>
          void (this.#claims.get(jobId)?.by === process && this.#claims.delete(jobId)),
      }),
    );
    opening.then(
      (gateway) => {
        if (node.process !== process || process.isDead) return;
        world.note(process.name, "serves");
        node.gateway = gateway;
      },
      (error: unknown) => {
        if (process.isDead) return;
        world.note(process.name, "can't start:", String(error));
        process.kill();
      },
    );
    void process.death.then(() => {
      this.#lastDeathMs = world.nowMs;
      if (node.process !== process) return;
      node.gateway = null;
      node.process = null;
      const restMs = 50 + this.#supervisor.chance.random() ** 2 * 8_000;
      world.schedule(this.#supervisor, restMs, () => this.#start(node));
    });
  }

  #noteClaim(claim: Claim): void {
    const { jobId, by, token } = claim;
    const held = this.#claims.get(jobId);
    // The answer to an earlier one may come later.
    if (held !== undefined && token < held.token) return;
    const isHeld = held !== undefined && this.#world.nowMs - held.askedAtMs < CLAIM_MS;
    // A file forgets the claims of a gateway that is gone.
    if (isHeld && (this.#server !== null || held.by === by))
      this.#broken.push(`${by.name} polls ${jobId} while ${held.by.name} may.`);
    this.#claims.set(jobId, claim);
  }

  /** A POST must be over before another gateway may settle its row. */
  #checkMayLeave(mark: number, sender: string): void {
    const rows = this.#read(
      `select status, submit_until from jobs join job_documents on job_id = id
        where json_extract(input, '$.mark') = ${mark}`,
    );
    const untilMs = BEGINNING + this.#world.nowMs + SUBMIT_TIMEOUT_SECONDS * 1_000;
    const mayLeave = rows.some(
      ({ status, submit_until: lease }) =>
        status === "SUBMITTING" && (this.#server === null || Number(lease) >= untilMs),
    );
    this.#heldJobs.checkPost(mark, sender);
    if (!mayLeave)
      this.#broken.push(`${sender} sent ${mark}, whose row others may settle meanwhile.`);
    for (const part of this.#parts) part.notePost?.(mark, sender);
    this.#checkParts();
  }

  #checkParts(): void {
    const check = (): void => this.#parts.forEach((part) => part.check?.());
    if (this.#server === null) check();
    else this.#server.whenCommitted(check);
  }

  #inflict(fault: TimedFault): void {
    const { kind, ms } = fault;
    this.#world.note("fault", kind);
    if ("gateway" in fault) return this.#inflictOn(this.#nodes[fault.gateway], fault);
    switch (fault.kind) {
      case "database-away":
        return this.#server?.goAway(ms);
      case "database-slow":
        return this.#server?.beSlow(ms, 4_000);
      case "database-lossy":
        return this.#server?.loseAnswers(ms, 0.2);
      case "weather":
        for (const upstream of this.#upstreams) upstream.weather = fault.weather;
        this.#world.schedule(this.#supervisor, ms, () => {
          for (const upstream of this.#upstreams) upstream.weather = FAIR;
        });
    }
  }

  #inflictOn(node: Node | undefined, fault: Extract<TimedFault, { gateway: number }>): void {
    const { kind, ms } = fault;
    const process = node?.process;
    if (node === undefined || process === undefined || process === null) return;
    const lastly = (act: () => void): void => void this.#world.schedule(this.#supervisor, ms, act);
    switch (kind) {
      case "kill":
        return process.kill();
      case "kill-at-step":
        process.diesAt = fault.steps;
        return;
      case "stop":
        return this.#stop(node);
      case "freeze":
        if (!fault.isAfterInsert) return process.freeze(ms);
        process.afterInsertMs = ms;
        return;
      case "cut-database":
        process.isCutFromDatabase = true;
        return lastly(() => (process.isCutFromDatabase = false));
      case "cut-upstream":
        process.isCutFromUpstream = true;
        return lastly(() => (process.isCutFromUpstream = false));
      case "clock":
        process.aheadMs += fault.aheadMs;
        return;
      case "other-upstream":
        this.#changeUpstream(node, this.#upstreams[1]);
        return lastly(() => this.#changeUpstream(node, this.#upstreams[0]));
    }
  }

  /** As SIGTERM does; what does not stop within 10 s is killed. */
  #stop({ gateway, process }: Node): void {
    if (gateway === null || process === null) return process?.kill();
    this.#world.note(process.name, "stops");
    const stopped = process.run(() => gateway.close());
    stopped.then(
      () => {
        this.#checkHandedOver(process);
        process.kill();
      },
      () => process.kill(),
    );
    this.#world.schedule(this.#supervisor, 10_000, () => process.kill());
  }

  /** Others need not wait for the claims of one that has stopped. */
  #checkHandedOver(process: SimulatedProcess): void {
    // While the database is away or slow, a stop does not wait for it.
    const isHeldUp = this.#plan.faults.some(
      ({ kind, atMs }) => kind.includes("database") && atMs <= this.#world.nowMs,
    );
    if (this.#server === null || process.hasBeenFrozen || isHeldUp) return;
    for (const { job_id: id } of this.#read(
      "select job_id from polls where was_due_at is not null",
    ))
      if (this.#claims.get(String(id))?.by === process)
        this.#broken.push(`${process.name} stopped without handing ${String(id)} over.`);
  }

  #makeGood(): void {
    this.#world.note("all is well");
    for (const upstream of this.#upstreams) upstream.weather = FAIR;
    for (const node of this.#nodes) {
      if (node.process !== null) {
        node.process.isCutFromDatabase = false;
        node.process.isCutFromUpstream = false;
        node.process.diesAt = null;
      }
      if (node.upstream !== this.#upstreams[0]) this.#changeUpstream(node, this.#upstreams[0]);
    }
  }

  #changeUpstream(node: Node, upstream: Upstream): void {
    node.upstream = upstream;
    this.#stop(node);
  }

  // Callers

  #begin(act: () => Promise<void>): void {
    this.#underWay += 1;
    const ended = this.#callers.run(act);
    ended.then(
      () => (this.#underWay -= 1),
      (error: unknown) => {
        this.#underWay -= 1;
        this.#broken.push(`A caller met what it should not: ${describe(error)}`);
      },
    );
  }

  /** One call over the network, which any part of may be lost. Rejects with a `GatewayError` where nobody knows. */
  async #call<Value>(act: (gateway: Gateway) => Promise<Value>): Promise<Value> {
    const callers = this.#callers;
    const { chance } = callers;
    const { gateway } = chance.pick(this.#nodes);
    await callers.wait(1 + chance.random() * 30);
    if (gateway === null || gateway.process.isDead) throw noAnswer(new Error("refused"));
    const { process } = gateway;
    // A frozen process takes a call in once it goes on.
    const called = new Promise<void>((resolve) => this.#world.schedule(process, 0, resolve)).then(
      () => process.run(() => act(gateway)),
    );
    const outcome = await callers.within(
      CALL_TIMEOUT_MS,
      called.then(
        (value) => ({ value }) as const,
        (error: unknown) => ({ error }) as const,
      ),
      process.death.then(() => null),
    );
    await callers.wait(1 + chance.random() * 30);
    if (outcome === null || process.isDead) throw noAnswer(new Error("lost"));
    if ("value" in outcome) return outcome.value;
    const { error } = outcome;
    // Of a gateway that stops; its server has ended the connection before.
    if (error instanceof Error && error.name === "AbortError") throw noAnswer(error);
    throw error;
  }

  async #doErrand(errand: Errand): Promise<void> {
    const { mark, atMs, cancelsAfterMs, tagsAfterMs, watchers, afterwards } = errand;
    await this.#callers.wait(atMs);
    const submission = this.#toSubmission(errand);
    const job = await submission.untilJob();
    if (job === null) return;
    this.#world.note("caller of", mark, "has", job.id, job.status);
    if (cancelsAfterMs !== null)
      this.#begin(() => this.#cancel(job.id, this.#ownerOf(errand), cancelsAfterMs));
    for (const [number, afterMs] of tagsAfterMs.entries())
      this.#begin(() => this.#tag(errand, job.id, { tag: `tag ${number}`, afterMs }));
    const seen = await Promise.all(
      Array.from({ length: watchers + 1 }, () => this.#watch(job, this.#ownerOf(errand))),
    );
    // Who begins to watch after the end may see a cost that came late, that its files were given up, or other labels.
    const mayChange = this.#keepsOutputs || tagsAfterMs.length > 0;
    const ends = new Set(
      seen.map(
        ({ version, status, cost }) =>
          `${cost === null && !mayChange ? version : "last"} ${status}`,
      ),
    );
    const isLate = ends.size === 2 && ends.has("last SUCCEEDED") && !mayChange;
    if (ends.size !== 1 && !isLate)
      this.#broken.push(`Watchers of ${job.id} saw different ends: ${[...ends].join(", ")}.`);
    if (afterwards === "rerun") {
      const again = { ...errand, mark: this.#nextMark++ };
      const rerun = await this.#toSubmission(again, job.id).untilJob();
      if (rerun !== null) await this.#watch(rerun, this.#ownerOf(errand));
    }
    const isDeleted = afterwards.startsWith("delete") && (await this.#delete(errand, job.id));
    // The same again, under the same key: there must be no other job.
    if (errand.isKeyed && afterwards.endsWith("submit")) {
      const again = await submission.again();
      if (again !== null && (isDeleted || again.id !== job.id))
        this.#broken.push(`The key of ${mark} gave ${again.id} after ${job.id}.`);
    }
  }

  #ownerOf({ owner }: Errand): string {
    return this.#viewers[owner]?.ownerId ?? "";
  }

  #toSubmission(errand: Errand, rerunOf: string | null = null): Submission {
    const { mark, owner, deployment, isKeyed, hangsUpMs, waiting } = errand;
    const person = this.#viewers[owner];
    const viewer = person && {
      ...person,
      credential: toCredential(person.ownerId, errand.isByAgent ? "agent" : "person"),
    };
    const deploymentId = DEPLOYMENTS[deployment]?.id;
    if (viewer === undefined || deploymentId === undefined)
      throw new Error("There is no such owner or deployment.");
    const writes = this.#parts.flatMap((part) => part.toWrite(errand) ?? []);
    const alsoWrite: AlsoWrite = async (transaction, job) => {
      for (const write of writes) await write(transaction, job);
    };
    const ofParts = writes.length === 0 ? {} : { alsoWrite };
    const input = {
      mark,
      prompt: `picture ${mark}`,
      coldMs: errand.coldMs,
      runMs: errand.runMs,
      outcome: errand.outcome,
    };
    return new Submission({
      mark,
      isKeyed,
      callers: this.#callers,
      hangsUpMs,
      call: (idempotencyKey) =>
        this.#call(async ({ tracking }) => {
          const now = BEGINNING + this.#world.nowMs;
          const queue = waiting && toQueueOptions(waiting, now);
          const request = { viewer, idempotencyKey, queue };
          const { job } = await (rerunOf === null
            ? tracking.submitter.submitJob({ ...request, deploymentId, input, ...ofParts })
            : tracking.submitter.rerunJob({ ...request, jobId: rerunOf, changes: { mark } }));
          return job;
        }),
      wasAccepted: () =>
        this.#upstreams.some(({ posts }) =>
          posts.some((post) => post.mark === mark && post.isAccepted),
        ),
      onBroken: (sentence) => void this.#broken.push(sentence),
    });
  }

  async #cancel(jobId: string, ownerId: string, afterMs = 0): Promise<void> {
    await this.#callers.wait(afterMs);
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        const job = await this.#call(async ({ tracking, process }) => {
          this.#heldJobs.noteCancel(jobId, process);
          return await tracking.canceller.cancelJob(jobId, ownerId);
        });
        if (job.status !== "CANCELLED")
          this.#broken.push(`A cancel of ${jobId} was said to be done, and it is ${job.status}.`);
        const [row] = this.#read(`select status from jobs where id = '${jobId}'`);
        if (row !== undefined && row["status"] !== "CANCELLED")
          this.#broken.push(
            `A cancel of ${jobId} was said to be done, and it is ${row["status"]}.`,
          );
        return;
      } catch (error) {
        if (error instanceof JobNotCancellableError || error instanceof JobNotFoundError) return;
        if (!isLost(error) && !(error instanceof UpstreamError)) throw error;
      }
    }
  }

  /** Resolves with whether it is surely gone. */
  async #delete(errand: Errand, jobId: string): Promise<boolean> {
    if (errand.owner === 0) this.#deleted.add(jobId);
    this.#deletedMarks.add(errand.mark);
    const outcome = await this.#insist(({ tracking }) =>
      tracking.deleter.deleteJob(jobId, this.#ownerOf(errand)),
    );
    return outcome !== "unknown";
  }

  async #tag(
    errand: Errand,
    jobId: string,
    { tag, afterMs }: { readonly tag: string; readonly afterMs: number },
  ): Promise<void> {
    await this.#callers.wait(afterMs);
    const edit = toLabelEdit({ addTags: [tag], removeTags: [], isStarred: null });
    const outcome = await this.#insist(({ tracking }) =>
      tracking.labeler.editJob(jobId, this.#ownerOf(errand), edit),
    );
    if (outcome === "done") this.#tags.push({ jobId, tag });
  }

  /** Asks until there is an answer, at most twenty times. */
  async #insist(
    act: (gateway: Gateway) => Promise<unknown>,
  ): Promise<"done" | "not found" | "unknown"> {
    for (let attempt = 1; attempt <= 20; attempt++) {
      try {
        await this.#call(act);
        return "done";
      } catch (error) {
        if (error instanceof JobNotFoundError) return "not found";
        if (!isLost(error)) throw error;
      }
      await this.#callers.wait(1_000);
    }
    return "unknown";
  }

  // Watchers

  /** Watches a job to its end, however often the connection breaks. */
  async #watch({ id }: Job, ownerId: string): Promise<Job> {
    const beganAtMs = this.#world.nowMs;
    let version = 0;
    let rank = 0;
    for (;;) {
      const { gateway } = this.#callers.chance.pick(this.#nodes);
      if (gateway === null || gateway.process.isDead) {
        await this.#callers.wait(200 + this.#callers.chance.random() * 2_000);
        continue;
      }
      const stream = gateway.process.run(() => gateway.watchJob(id, ownerId));
      let inStream = 0;
      for (;;) {
        const next = await Promise.race([
          gateway.process.run(() => stream.next()).catch((error: unknown) => ({ error })),
          gateway.process.death.then(() => null),
        ]);
        if (next === null || "error" in next) {
          if (next !== null && next.error instanceof JobNotFoundError)
            throw new Error(`${id} was not there for its watcher`);
          break;
        }
        const { value: job } = next;
        if (job === undefined) break;
        // Only a job that is put back may be seen HELD again.
        const place = job.status === "HELD" && rank === 1 ? rank : JOB_STATUSES.indexOf(job.status);
        if (job.version < version || job.version <= inStream || place < rank)
          this.#broken.push(`A watcher of ${id} saw version ${job.version} after ${version}.`);
        ({ version } = job);
        inStream = version;
        rank = place;
        if (isFinished(job)) {
          stream.end();
          this.#checkSoon(job, beganAtMs);
          return job;
        }
      }
      await this.#callers.wait(200 + this.#callers.chance.random() * 2_000);
    }
  }

  /** Nobody has to wait for a finished job; where the wake-up of another gateway was lost, until the row is read again. */
  #checkSoon({ id }: Job, beganAtMs: number): void {
    const { gateways } = this.#plan;
    const [row] = this.#read(`select at from simulated_ends where job_id = '${id}'`);
    const { nowMs } = this.#world;
    const endedAtMs = Number(row?.["at"] ?? nowMs);
    const waitedMs = nowMs - Math.max(endedAtMs, beganAtMs);
    if (!this.#isDisturbed(endedAtMs) && waitedMs > (gateways === 1 ? 1_000 : 16_000))
      this.#broken.push(`A watcher of ${id} waited ${Math.round(waitedMs)} ms.`);
  }

  #isDisturbed(atMs: number): boolean {
    const { nowMs } = this.#world;
    const lastFaultMs = Math.max(
      this.#lastDeathMs,
      ...this.#nodes.map(({ process }) => process?.frozenUntilMs ?? 0),
      ...this.#plan.faults
        .filter((fault) => fault.atMs <= nowMs)
        .map((fault) => fault.atMs + fault.ms),
    );
    return lastFaultMs + AFTERMATH_MS >= atMs;
  }

  /** Reads an owner's feed from the beginning on, and comes back where it stopped. */
  #follow(ownerId: string): void {
    const reading: FeedReading = { ownerId, versions: new Map(), cursor: null };
    this.#feeds.push(reading);
    void this.#callers.run(async () => {
      for (;;) {
        await this.#readFeed(reading);
        await this.#callers.wait(100 + this.#callers.chance.random() * 1_000);
      }
    });
  }

  async #readFeed(reading: FeedReading): Promise<void> {
    const { gateway } = this.#callers.chance.pick(this.#nodes);
    if (gateway === null || gateway.process.isDead) return;
    const { process } = gateway;
    const { ownerId, versions } = reading;
    const died = process.death.then(() => null);
    const opening = process.run(() =>
      gateway.watchJobs({ filter: { ownerId }, after: reading.cursor }),
    );
    const stream = await Promise.race([opening.catch(() => null), died]);
    if (stream === null) return;
    if (reading.cursor === null) this.#readList(reading);
    // A connection breaks now and then.
    const cut = this.#callers.wait(this.#callers.chance.random() * 60_000).then(() => null);
    for (;;) {
      const next = await Promise.race([
        process.run(() => stream.next()).catch(() => null),
        died,
        cut,
      ]);
      if (next === null || next.done === true) return stream.end();
      const { job, cursor } = next.value;
      reading.cursor = cursor;
      if (job === null) {
        this.#readList(reading);
        continue;
      }
      const before = versions.get(job.id) ?? 0;
      if (job.version < before)
        this.#broken.push(`The feed gave ${job.id} as version ${job.version} after ${before}.`);
      versions.set(job.id, Math.max(before, job.version));
    }
  }

  /** As a new reader of the feed does. */
  #readList({ ownerId, versions }: FeedReading): void {
    for (const { id, version } of this.#read(
      `select id, version from jobs where owner_id = '${ownerId}' and status <> 'SUBMITTING'`,
    ))
      versions.set(String(id), Math.max(versions.get(String(id)) ?? 0, Number(version)));
  }

  // What must hold

  #requests() {
    return this.#upstreams.flatMap(({ requests }) => [...requests.values()]);
  }

  /** Goes on until it is so, or all should have ended. */
  async #settle(isSo: () => boolean): Promise<void> {
    const world = this.#world;
    const toLastEnd = (): number =>
      Math.max(world.nowMs, ...this.#requests().map(({ endsAtMs }) => endsAtMs));
    // What waited before it was sent ends later.
    for (let lastEndMs = toLastEnd(), known = -1; known < lastEndMs && !isSo();) {
      known = lastEndMs;
      await world.run(isSo, lastEndMs + SETTLED_WITHIN_MS);
      lastEndMs = Math.max(known, ...this.#requests().map(({ endsAtMs }) => endsAtMs));
    }
  }

  /** Whether all that is open belongs to an upstream, while the gateways have the other one. */
  #waitsFor(upstream: Upstream, current: Upstream): boolean {
    if (this.#plan.faults.every(({ kind }) => kind !== "other-upstream")) return false;
    if (this.#nodes.some(({ gateway }) => gateway === null)) return false;
    const open = this.#read("select distinct upstream from jobs where finished_at is null");
    const isOpenAt = ({ name }: Upstream): boolean =>
      open.some(({ upstream: one }) => ownNamesOf(name).includes(String(one)));
    return isOpenAt(upstream) && !isOpenAt(current);
  }

  #isSettled(): boolean {
    if (this.#underWay > 0) return false;
    if (this.#nodes.some(({ gateway }) => gateway === null)) return false;
    const [row] = this.#read("select count(*) as open from jobs where finished_at is null");
    if (Number(row?.["open"]) > 0) return false;
    if (this.#missingOfParts().length > 0) return false;
    return this.#missedByFeeds().length === 0;
  }

  #missedByFeeds(): string[] {
    return this.#feeds.flatMap(({ ownerId, versions }) =>
      this.#read(`select id, version, status from jobs where owner_id = '${ownerId}'`)
        .filter(({ id, version }) => (versions.get(String(id)) ?? 0) < Number(version))
        .map(
          ({ id, version, status }) =>
            `The feed never gave ${id} as version ${version}, ${status}.`,
        ),
    );
  }

  #missingOfParts(): readonly string[] {
    return this.#parts.flatMap((part) => part.findMissing());
  }

  #noteUnsettled(): void {
    const open = this.#read(
      "select id, status, version, detached_since from jobs where finished_at is null",
    );
    for (const row of open)
      this.#broken.push(
        `${row["id"]} is still ${row["status"]}, version ${row["version"]}, detached since ${row["detached_since"]}.`,
      );
    this.#broken.push(...this.#missedByFeeds(), ...this.#missingOfParts());
    if (this.#underWay > 0) this.#broken.push(`${this.#underWay} callers still wait.`);
    for (const { index, gateway } of this.#nodes)
      if (gateway === null) this.#broken.push(`Gateway ${index} does not serve.`);
  }

  #check(): void {
    const rows = this.#read(
      "select jobs.*, job_documents.input from jobs join job_documents on job_documents.job_id = jobs.id",
    );
    const byRequest = new Map(rows.map((row) => [row["request_id"], row]));
    const posts = this.#upstreams.flatMap((upstream) => upstream.posts);
    for (const request of this.#requests()) {
      const { id, kind, mark, polls, acceptedAtMs, endsAtMs } = request;
      const row = byRequest.get(id);
      const sent = posts.filter((post) => post.mark === mark && post.isAccepted);
      if (row === undefined) {
        // Its sender did not get the answer, or could not write it down.
        const isExcused = sent.some(({ end, by }) => end === "unknown" || this.#couldNotRecord(by));
        if (!isExcused && !this.#deletedMarks.has(mark))
          this.#broken.push(`${mark} was accepted as ${id}, and no job has it.`);
        continue;
      }
      const truth = truthOf(request);
      if (
        row["status"] !== truth ||
        (truth === "FAILED" && row["error_code"] !== "INFERENCE_FAILED")
      )
        this.#broken.push(
          `${row["id"]} ended as ${row["status"]} ${row["error_code"]}, and truly ${truth}.`,
        );
      if (row["kind"] !== kind)
        this.#broken.push(`${row["id"]} is of kind ${row["kind"]}, and was sent as ${kind}.`);
      if (row["cost"] !== null && row["cost"] !== costOf(request))
        this.#broken.push(`${row["id"]} cost ${row["cost"]}, and truly ${costOf(request)}.`);
      const most = 40 + ((endsAtMs - acceptedAtMs) / 1_000) * 3;
      if (polls > most) this.#broken.push(`${row["id"]} was polled ${polls} times.`);
    }
    const unsent = new Set(
      this.#read("select job_id from simulated_unsent").map((row) => row["job_id"]),
    );
    for (const row of rows) {
      const isUnknown = row["error_code"] === "SUBMISSION_UNKNOWN";
      const mark = Number(JSON.parse(String(row["input"]))["mark"]);
      const wasRefused = posts.every((post) => post.mark !== mark || post.end === "refused");
      if (row["finished_at"] !== null && row["request_id"] === null && !isUnknown) {
        if (!unsent.has(String(row["id"])))
          this.#broken.push(`${row["id"]} ended as ${row["error_code"]} and was never accepted.`);
        if (!wasRefused)
          this.#broken.push(`${row["id"]} is said to be unsent, and may have been accepted.`);
      }
      // The answer to a claim may be lost, too.
      const mayLose = row["claim"] === 0 ? ["database-lossy" as const] : [];
      if (isUnknown && wasRefused && this.#meetsOnly(...HARMLESS, ...mayLose))
        this.#broken.push(`${row["id"]} is said to be unknown, and was surely refused.`);
    }
    this.#heldJobs.check((atMs) => !this.#isDisturbed(atMs));
    this.#checkParts();
    this.#checkTags(rows);
    this.#checkHistories();
    this.#checkQuotas(rows);
  }

  /** What was answered to an edit stays, and lists find jobs by the tags that they have. */
  #checkTags(rows: readonly Row[]): void {
    const found = new Set(
      this.#read("select job_id, tag from job_tags").map(({ job_id: id, tag }) => `${id} ${tag}`),
    );
    const tags = new Map(
      rows.map((row) => [
        String(row["id"]),
        z.array(z.string()).parse(JSON.parse(`${row["tags"]}`)),
      ]),
    );
    for (const { jobId, tag } of this.#tags)
      if (tags.get(jobId)?.includes(tag) === false)
        this.#broken.push(`${jobId} was given ${tag}, and does not have it.`);
    for (const [id, own] of tags)
      for (const tag of own)
        if (!found.delete(`${id} ${tag}`))
          this.#broken.push(`${id} has ${tag}, and is not found by it.`);
    for (const one of found) this.#broken.push(`A list finds ${one}, which is not so.`);
  }

  #couldNotRecord({ isDead, hasBeenFrozen }: SimulatedProcess): boolean {
    const isHeldUp = this.#plan.faults.some(({ kind }) =>
      /database-(away|slow)|cut-database|stop|other/.test(kind),
    );
    return isDead || hasBeenFrozen || isHeldUp;
  }

  #checkHistories(): void {
    for (const { job_id: id, old, new: next } of this.#read("select * from simulated_leaps"))
      this.#broken.push(
        `Version ${String(next)} of ${String(id)} was written over ${String(old)}.`,
      );
    const events = this.#read(
      "select job_id, status, version from job_events order by job_id, version",
    );
    const ranks = new Map<unknown, number>();
    for (const { job_id: id, status } of events) {
      const rank = JOB_STATUSES.findIndex((one) => one === status);
      if (rank <= (ranks.get(id) ?? -1))
        this.#broken.push(`The history of ${id} goes back to ${status}.`);
      ranks.set(id, rank);
    }
  }

  #checkQuotas(rows: readonly Row[]): void {
    // What came to nothing counts no more.
    const unsent = new Set(
      this.#read("select job_id from simulated_unsent").map((row) => String(row["job_id"])),
    );
    const owned = rows.filter(
      (row) => row["owner_id"] === this.#viewers[0]?.ownerId && !unsent.has(String(row["id"])),
    );
    const quotas = this.#read("select key, used from quotas where key like 'jobs:%'");
    const used = Number(quotas[0]?.["used"] ?? 0);
    const gone = [...this.#deleted].filter(
      (id) => !unsent.has(id) && owned.every((row) => row["id"] !== id),
    );
    const counted = owned.length + gone.length;
    // What a dead gateway did not give back stays counted.
    if (used < counted || (used > counted && this.#meetsOnly(...HARMLESS)))
      this.#broken.push(`${counted} jobs count as ${used} against their owner's quota.`);
    const { jobsPerDay, jobsInFlight } = this.#limits;
    for (const { job_id: id, in_flight: count } of this.#read("select * from simulated_excess"))
      this.#broken.push(`${String(id)} was the ${String(count)}th in flight, of ${jobsInFlight}.`);
    if (owned.length > jobsPerDay)
      this.#broken.push(`An owner has ${owned.length} jobs, of ${jobsPerDay} in a day.`);
    for (const { owner_id: owner, excess } of this.#read(MISCOUNTED))
      this.#broken.push(`${String(excess)} too many jobs of ${String(owner)} count as in flight.`);
  }
}

/** A few of an owner's jobs meet each of them. */
function toLimits(jobs: number) {
  return {
    jobsInFlight: Math.ceil(jobs / 8),
    jobsPerDay: Math.ceil(jobs * 0.3),
    submitsPerMinute: 2 * jobs,
  };
}

/** What differs between the jobs in flight and their count. */
const MISCOUNTED = `
  select owner_id, sum(amount) as excess from (
    select owner_id, upstream, amount from unfinished_jobs
    union all select owner_id, case status when 'HELD' then ' held' else upstream end, -1 from jobs
      where finished_at is null and detached_since is null
  ) group by owner_id, upstream having sum(amount) <> 0`;

/** Of callers. */
const CALL_TIMEOUT_MS = 30_000;

type FeedReading = {
  readonly ownerId: string;
  /** The newest version of each job that it gave. */
  readonly versions: Map<string, number>;
  cursor: string | null;
};

/** Nobody knows what became of a call, or it was in vain. */
function isLost(error: unknown): boolean {
  return error instanceof GatewayError || isDatabaseFailure(error);
}

function describe(error: unknown): string {
  const code = error instanceof CodedError || error instanceof UpstreamError ? error.code : "";
  return error instanceof Error
    ? `${error.constructor.name} ${code} ${error.message}`
    : String(error);
}
