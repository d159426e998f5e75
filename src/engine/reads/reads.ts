import DataLoader from "dataloader";

import type { Admission } from "../store/admission.ts";
import type { Viewer } from "../../auth/viewer.ts";
import { readableOwner } from "../../auth/viewer.ts";
import { type Asset, type KeptFile, toAssets } from "../job/asset.ts";
import type { Cost, Costs } from "../job/cost.ts";
import { JobNotFoundError } from "../job/errors.ts";
import type { HoldFacts } from "../job/hold.ts";
import type { Job, JobEvent } from "../job/job.ts";
import type { JsonValue } from "../job/json.ts";
import { CodedError, toError } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { Reservation } from "../../runtime/memory-budget.ts";
import type { Release } from "../../runtime/queue.ts";
import { Queue } from "../../runtime/queue.ts";
import type { Database } from "../store/database.ts";
import type { JobStore } from "../store/job-store.ts";
import type { JobFilter, JobPage, JobRange, WalkBudget } from "../store/list-jobs.ts";
import { createWalkBudget, isWalk } from "../store/list-jobs.ts";
import type { DeploymentPause } from "../store/paused-deployments.ts";
import type { DocumentName, StoredDocuments } from "../store/read-jobs.ts";
import type { Upload } from "../store/upload-rows.ts";
import type { Learning } from "../tracking/learning.ts";
import type { DetailReader, FirstFiles } from "../watch/shared-readers.ts";
import { MAX_SMALL_BYTES } from "../watch/shared-readers.ts";

/** Whose operation reads, and for whose answer, which may have no share before it is asked for. */
export type Origin = { readonly viewer: Viewer; readonly share: Reservation };

/** What the reads of all operations come from, and what they wait in. */
export type ReadSources = {
  readonly store: Pick<
    JobStore,
    "jobs" | "documents" | "holds" | "pausedDeployments" | "files" | "uploads"
  >;
  readonly admission: Pick<Admission, "readLimited">;
  readonly learning: Pick<Learning, "estimate" | "readStats" | "readTimes">;
  /** Those of parts. */
  readonly costs: readonly Costs[];
  readonly details: DetailReader;
  readonly queues: ReturnType<typeof createReadQueues>;
  /** The most that the documents of jobs in one answer, or in one event of a stream, may take. */
  readonly mostAnswerBytes: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
};

/** What a part reads of several ids in one statement, and the loaders of the operations that do. */
export type BatchRead<Value> = {
  readonly read: (ids: readonly string[], ownerId: string) => Promise<Value[]>;
  readonly loaders: WeakMap<object, DataLoader<string, Value>>;
};

export function createReadQueues(readTurns: Database["readTurns"]) {
  return {
    reads: new Queue(readTurns),
    /** For the steps of walks, and what takes as long: one at a time. */
    steps: new Queue({ perKey: 1, total: 1 }),
    /** For large documents: one operation of an owner at a time. */
    large: new Queue({ perKey: 1 }),
    /** For the fields of assets: limits the bytes of an owner's answers in a turn of the event loop. */
    assets: new Queue({ perKey: MAX_ASSET_BYTES }),
  };
}

const MAX_ASSET_BYTES = 65_536;

/** The same filter for no more jobs than the viewer may read. */
export function ofReadable(filter: JobFilter, viewer: Viewer): JobFilter {
  const ownerId = readableOwner(viewer);
  return ownerId === undefined ? filter : { ...filter, ownerId };
}

type DocumentKey = { readonly jobId: string; readonly name: DocumentName };
type LoadedDocument = { readonly bytes: number; readonly value: JsonValue };

/** Of those with more, an owner's operations have one at a time in memory, until their answers are made. */
const MAX_MEDIUM_BYTES = 262_144;

/** The loaders that were asked for. */
type Made = {
  jobs?: DataLoader<string, Job | null>;
  wholeJobs?: DataLoader<string, Job | null>;
  histories?: DataLoader<string, readonly JobEvent[]>;
  holds?: DataLoader<string, HoldFacts | null>;
  costs?: DataLoader<Job, Cost | null, string>;
  ahead?: DataLoader<Pick<Job, "id" | "ownerId">, number | null, string>;
  keptFiles?: DataLoader<string, ReadonlyMap<string, KeptFile>>;
  uploads?: DataLoader<string, Upload | null>;
  jobUploads?: DataLoader<string, readonly Upload[]>;
  documents?: DataLoader<DocumentKey, LoadedDocument | null, string>;
  counts?: DataLoader<JobFilter, number | null, string>;
  deployments?: DataLoader<string, boolean>;
  deploymentPauses?: DataLoader<string, DeploymentPause | null>;
  /** By the id of the job with which they came. */
  read?: Map<string, ReadDocuments>;
};

/** As they are stored, and those that were asked for. */
type ReadDocuments = {
  readonly stored: StoredDocuments;
  readonly loaded: Partial<Record<DocumentName, LoadedDocument>>;
};

/**
 * What one operation reads for its viewer, never so much at once that others wait for the database; what it asks for
 * together is one statement. Every read rejects once nobody waits for the answer any more. Most operations need one or
 * two loaders, so each is made when it is first asked for.
 */
export class Reads {
  readonly #sources: ReadSources;
  readonly #viewer: Viewer;
  readonly #origin: Origin;
  #answerBudget: AnswerBudget | undefined;
  #walks: WalkBudget | undefined;
  #made: Made = {};
  /** The operation's slot among those of its owner for large documents. */
  #largeSlot: Promise<Release> | null = null;

  constructor(sources: ReadSources, origin: Origin) {
    this.#sources = sources;
    this.#viewer = origin.viewer;
    this.#origin = origin;
  }

  /** Null where the viewer may read none. */
  get jobs() {
    return (this.#made.jobs ??= new DataLoader((ids) =>
      this.#run(({ jobs }) => jobs.readMany(ids, this.#readableOwner)),
    ));
  }

  /** The same for jobs whose documents are asked for: one statement reads both, but only the sizes of large ones. */
  get wholeJobs() {
    const read = (this.#made.read ??= new Map());
    return (this.#made.wholeJobs ??= new DataLoader(async (ids) => {
      const found = await this.#run(({ jobs }) =>
        jobs.readWithDocuments(ids, MAX_SMALL_BYTES, this.#readableOwner),
      );
      return found.map((one) => {
        if (one !== null) read.set(one.job.id, { stored: one.documents, loaded: {} });
        return one?.job ?? null;
      });
    }));
  }

  /** Of jobs that the viewer has read. */
  get histories() {
    const { details } = this.#sources;
    return (this.#made.histories ??= new DataLoader((ids) =>
      Promise.all(
        ids.map((id) => this.#attempt(() => details.readHistory(this.#viewer.ownerId, id))),
      ),
    ));
  }

  /** How jobs wait that the viewer has read; null for one that is not HELD. */
  get holds() {
    const { admission } = this.#sources;
    return (this.#made.holds ??= new DataLoader((ids) =>
      this.#run(async ({ holds }) => {
        const found = await holds.readMany(ids);
        const limited = await admission.readLimited(ids);
        return found.map((facts, at) => {
          const limitedUntil = limited.get(ids[at] ?? "");
          return facts && limitedUntil !== undefined
            ? Object.assign({}, facts, { isLimited: true, limitedUntil })
            : facts;
        });
      }),
    ));
  }

  /** The viewer's own that are HELD, in the order in which they are sent; of one deployment, if it is given. */
  listHeld(limit: number, deploymentId?: string): Promise<readonly Job[]> {
    return this.#run(({ holds }) => holds.list(this.#viewer.ownerId, limit, deploymentId));
  }

  /** Those that wait for an approval, oldest first. */
  listToApprove(limit: number): Promise<readonly Job[]> {
    return this.#run(({ holds }) => holds.listToApprove(this.#readableOwner, limit));
  }

  /** How many of their owner's jobs are sent before jobs that the viewer has read; null for one that is not ready. */
  get ahead() {
    return (this.#made.ahead ??= new DataLoader(
      (jobs) => this.#run(({ holds }) => holds.readAhead(jobs)),
      { cacheKeyFn: ({ id }) => id },
    ));
  }

  /** Of jobs that the viewer has read, by the URLs that their outputs name. */
  get keptFiles() {
    return (this.#made.keptFiles ??= new DataLoader((ids) =>
      this.#run(({ files }) => files.readMany(ids)),
    ));
  }

  /** Null where the viewer may see none. */
  get uploads() {
    return (this.#made.uploads ??= new DataLoader((ids) =>
      this.#run(({ uploads }) => uploads.readMany(ids, this.#viewer.ownerId, this.#approvesAll)),
    ));
  }

  /** Those that the inputs of jobs name; empty for others' jobs, unless they wait for the viewer's approval. */
  get jobUploads() {
    return (this.#made.jobUploads ??= new DataLoader((ids) =>
      this.#run(({ uploads }) => uploads.readOfJobs(ids, this.#viewer.ownerId, this.#approvesAll)),
    ));
  }

  /** What a part reads for the viewer. */
  load<Value>({ read, loaders }: BatchRead<Value>, id: string): Promise<Value> {
    const { ownerId } = this.#viewer;
    const loader =
      loaders.get(this.#made) ?? new DataLoader((ids) => this.#run(() => read(ids, ownerId)));
    loaders.set(this.#made, loader);
    return loader.load(id);
  }

  /** What a part walks, in the time that all walks of the operation share. */
  walk<Value>(read: (budget: WalkBudget) => Promise<Value>): Promise<Value> {
    return read(this.#walkBudget);
  }

  /** Of jobs that the viewer has read. Rejects with ANSWER_TOO_LARGE or RATE_LIMITED if there is no room for them. */
  get documents() {
    const read = (this.#made.read ??= new Map());
    return (this.#made.documents ??= new DataLoader((keys) => this.#loadDocuments(keys, read), {
      cacheKeyFn: ({ jobId, name }) => `${name} ${jobId}`,
    }));
  }

  /** How many jobs match a filter; null where no index counts them. */
  get counts() {
    const count = (filter: JobFilter) =>
      this.#run(({ jobs }) => jobs.count(ofReadable(filter, this.#viewer)));
    return (this.#made.counts ??= new DataLoader((filters) => Promise.all(filters.map(count)), {
      cacheKeyFn: (filter) => JSON.stringify(filter),
    }));
  }

  /** Whether a job that the viewer may read names it. */
  get deployments() {
    return (this.#made.deployments ??= new DataLoader(async (ids) => {
      const found = await this.#run(({ jobs }) => jobs.findDeployments(ids, this.#readableOwner));
      return ids.map((id) => found.has(id));
    }));
  }

  /** Why deployments are paused, if they are. */
  get deploymentPauses() {
    return (this.#made.deploymentPauses ??= new DataLoader((ids) =>
      this.#run(({ pausedDeployments }) => pausedDeployments.readMany(ids)),
    ));
  }

  /**
   * Where no index answers the filter, as far as the time of all walks of the operation takes it. Together with the
   * documents where they are asked for, but only the sizes of large ones.
   */
  async listJobs(range: JobRange, isWhole = false): Promise<JobPage> {
    const { store } = this.#sources;
    const readable = { ...range, filter: ofReadable(range.filter, this.#viewer) };
    const isLong = isWalk(range.filter);
    const walked = isLong ? await store.jobs.list(readable, this.#walkBudget) : null;
    if (walked !== null && !isWhole) return walked;
    return await this.#run(async ({ jobs, documents }) => {
      const page = walked ?? (await jobs.list(readable));
      if (!isWhole) return page;
      const ids = page.jobs.map(({ id }) => id);
      const found = await documents.read(ids, MAX_SMALL_BYTES);
      const read = (this.#made.read ??= new Map());
      for (const [index, stored] of found.entries())
        if (stored !== null) read.set(ids[index] ?? "", { stored, loaded: {} });
      return page;
    });
  }

  /** The viewer's own, as far as that time takes them. */
  async countTags(wanted: Parameters<JobStore["jobs"]["countTags"]>[1]) {
    const { jobs } = this.#sources.store;
    return await jobs.countTags(this.#viewer.ownerId, wanted, this.#walkBudget);
  }

  /** Of jobs that the viewer may read, in a step of its own. */
  async countKept(...some: Parameters<JobStore["files"]["countKept"]>) {
    const { files } = this.#sources.store;
    return (await this.#walkBudget.step(() => files.countKept(...some))).value;
  }

  /** Of the jobs that the viewer may read. */
  async listDeploymentIds(): Promise<string[]> {
    return await this.#run(({ jobs }) => jobs.listDeploymentIds(this.#readableOwner));
  }

  /** Learned from the runs of all owners, as the next one is. */
  estimate(job: Job) {
    return this.#run(() => this.#sources.learning.estimate(job));
  }

  /** Of jobs that the viewer has read and whose cost is not EXACT; null where nobody knows more. */
  get costs() {
    const { costs } = this.#sources;
    const readAll = async (jobs: readonly Job[]) => {
      const found = await Promise.all(costs.map((one) => one.readMany(jobs)));
      return jobs.map((_, at) => found.find((some) => some[at])?.[at] ?? null);
    };
    return (this.#made.costs ??= new DataLoader((jobs) => this.#run(() => readAll(jobs)), {
      cacheKeyFn: ({ id }) => id,
    }));
  }

  /** What an input would cost the viewer. */
  quote(costs: Costs, request: Omit<Parameters<Costs["quote"]>[0], "viewer">): Promise<Cost> {
    return this.#run(() => costs.quote({ ...request, viewer: this.#viewer }));
  }

  readStats(deploymentId: string) {
    return this.#run(() => this.#sources.learning.readStats(deploymentId));
  }

  /**
   * A document of a job that the viewer has read, or what its assets are made of. The other two count towards the answer
   * each time. Rejects, or throws, as `documents` rejects, and where the job is gone.
   */
  readDocument(jobId: string, name: DocumentName): JsonValue | Promise<JsonValue> {
    const known = this.#made.read?.get(jobId);
    const document = known && this.#loadSmall(known, name);
    if (!document) return this.#waitForDocument(jobId, name, known);
    if (name !== "assets") this.charge(document.bytes);
    return document.value;
  }

  async #waitForDocument(
    jobId: string,
    name: DocumentName,
    known: ReadDocuments | undefined,
  ): Promise<JsonValue> {
    const document = await this.documents.load({ jobId, name });
    // A submission that RunComfy refuses leaves no trace, and somebody may be reading it just then.
    if (document === null) throw new JobNotFoundError(jobId);
    // Counted once.
    if (known !== undefined) known.loaded[name] = document;
    if (name !== "assets") this.charge(document.bytes);
    return document.value;
  }

  /** Of a job that the viewer has read; empty until it SUCCEEDED. Rejects as `readDocument` does. */
  async readAssets({ id, status }: Job): Promise<readonly Asset[]> {
    return status === "SUCCEEDED" ? toAssets(await this.readDocument(id, "assets")) : [];
  }

  /** Of a job that the viewer has read. Rejects as `readDocument` does. */
  async readFirstFiles(jobId: string): Promise<FirstFiles> {
    const { details } = this.#sources;
    return await this.#attempt(() => details.readFirstFiles(this.#viewer.ownerId, jobId));
  }

  /** Whether copies of the files of a job that the viewer has read are still to come. */
  arePending(jobId: string): Promise<boolean> {
    return this.#attempt(() => this.#sources.details.arePending(this.#viewer.ownerId, jobId));
  }

  /** Counts what is written into the answer; throws ANSWER_TOO_LARGE or RATE_LIMITED. */
  charge(bytes: number): void {
    this.#budget.charge(bytes);
  }

  /** Counts the fields of assets that are about to be made, and waits for a turn to make them. Rejects as `charge` throws. */
  async takeAssets(bytes: number): Promise<void> {
    this.charge(bytes);
    const { ownerId } = this.#viewer;
    const { assets } = this.#sources.queues;
    const part = Math.min(bytes, MAX_ASSET_BYTES);
    await assets.take(ownerId, part);
    clock.onNextTurn(() => assets.adjust(ownerId, -part));
    this.#share.check();
  }

  /** Forgets what was written: the answer is made once more. */
  recharge(): void {
    this.#answerBudget?.recharge();
  }

  /** Forgets what was read, because a job has changed. */
  clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    this.#made = {};
  }

  /** Called once an answer is executed, as it is made into text before anything else happens: others may go on. */
  finish(): void {
    void this.#largeSlot?.then((release) => release());
    this.#largeSlot = null;
  }

  /** Forgets what was read and refunds its memory: the next event of a stream is an answer of its own. */
  startAnew(): void {
    this.finish();
    this.clear();
    this.#answerBudget?.leave();
  }

  /** Thousands of streams share what one of them reads, so each takes a share when it first reads. */
  get #share(): Reservation {
    return this.#origin.share;
  }

  get #budget(): AnswerBudget {
    if (this.#answerBudget === undefined) {
      this.#answerBudget = new AnswerBudget(this.#sources.mostAnswerBytes, this.#share);
      this.#share.onClose(() => this.finish());
    }
    return this.#answerBudget;
  }

  get #walkBudget(): WalkBudget {
    const { queues, now } = this.#sources;
    return (this.#walks ??= createWalkBudget({
      now,
      runStep: (step) => queues.steps.run(this.#viewer.ownerId, () => this.#attempt(step)),
    }));
  }

  /** Whether the viewer may approve everybody's jobs, and so has to see what goes into them. */
  get #approvesAll(): boolean {
    return this.#readableOwner === undefined && this.#viewer.scopes.has("jobs:approve");
  }

  get #readableOwner(): string | undefined {
    return readableOwner(this.#viewer);
  }

  #run<Value>(read: (store: ReadSources["store"]) => Promise<Value>): Promise<Value> {
    const { store, queues } = this.#sources;
    return queues.reads.run(this.#viewer.ownerId, () => this.#attempt(() => read(store)));
  }

  async #attempt<Value>(read: () => Promise<Value>): Promise<Value> {
    this.#share.check();
    return await read();
  }

  async #loadDocuments(
    keys: readonly DocumentKey[],
    known: ReadonlyMap<string, ReadDocuments>,
  ): Promise<(LoadedDocument | null | Error)[]> {
    const budget = this.#budget;
    const found = await Promise.all(
      keys.map(async ({ jobId }) => known.get(jobId)?.stored ?? (await this.#readDocuments(jobId))),
    );
    const admitted = found.map((stored, index) => {
      const source = stored && (stored[keys[index]?.name ?? "input"] ?? NO_SOURCE);
      try {
        if (source !== null) budget.read(source.bytes);
        return source;
      } catch (error) {
        return toReadError(error);
      }
    });
    await budget.enter();
    const loaded: (LoadedDocument | null | Error)[] = [];
    // One after the other: many large ones at once would keep everybody else from the database.
    for (const [index, key] of keys.entries()) {
      const source = admitted[index] ?? null;
      loaded.push(
        source === null || source instanceof Error
          ? source
          : await this.#complete(key, source).catch(toReadError),
      );
    }
    return loaded;
  }

  /** At once, where it is read and needs no room: most are and do. */
  #loadSmall(known: ReadDocuments, name: DocumentName): LoadedDocument | null {
    const before = known.loaded[name];
    if (before !== undefined) return before;
    const { bytes, text } = known.stored[name] ?? NO_SOURCE;
    if (text === null || !this.#budget.readSmall(bytes)) return null;
    return (known.loaded[name] = { bytes, value: JSON.parse(text) });
  }

  #readDocuments(jobId: string): Promise<StoredDocuments | null> {
    const { details } = this.#sources;
    return this.#attempt(() => details.readDocuments(this.#viewer.ownerId, jobId));
  }

  async #complete({ jobId, name }: DocumentKey, source: Source): Promise<LoadedDocument | null> {
    const { bytes, text } = source;
    if (bytes > MAX_MEDIUM_BYTES) await this.#enterLargeSlot();
    const value = text === null ? await this.#readLargeDocument(jobId, name) : JSON.parse(text);
    return value === undefined ? null : { bytes, value };
  }

  /** Undefined where it is gone. */
  async #readLargeDocument(jobId: string, name: DocumentName): Promise<JsonValue | undefined> {
    const text = await this.#run(({ documents }) => documents.readText(jobId, name));
    if (text === null) return undefined;
    // In a turn of the event loop of its own: what comes before and after may take as long.
    await clock.nextTurn();
    const value: JsonValue = JSON.parse(text);
    await clock.nextTurn();
    return value;
  }

  /** The slot's holder waits for nothing that others of the owner hold, so the slot always ends. */
  async #enterLargeSlot(): Promise<void> {
    this.#share.check();
    await (this.#largeSlot ??= this.#sources.queues.large.enter(this.#viewer.ownerId));
    this.#share.check();
  }
}

/** What a document is made of; the text is null where it has to be read. */
type Source = { readonly bytes: number; readonly text: string | null };

const NO_SOURCE: Source = { bytes: 0, text: "null" };

function toReadError(thrown: unknown): Error {
  return toError(thrown, "documents can't be read");
}

/** An answer with no more than this takes no room; most have less. */
const SMALL_BYTES = 16_384;

/** Bounds what one answer, or one event of a stream, reads and writes out. */
class AnswerBudget {
  readonly #mostBytes: number;
  readonly #share: Reservation;
  #readBytes = 0;
  #chargedBytes = 0;
  #takenBytes = 0;
  #hasEntered = false;

  constructor(mostBytes: number, share: Reservation) {
    this.#mostBytes = mostBytes;
    this.#share = share;
  }

  /** Counts a document that is about to be read; throws ANSWER_TOO_LARGE. */
  read(bytes: number): void {
    this.#readBytes = this.#add(bytes, this.#readBytes);
  }

  /** Counts one where no room has to be taken for it; false, and nothing counted, where some has. */
  readSmall(bytes: number): boolean {
    const before = this.#readBytes;
    this.read(bytes);
    const isSmall = this.#findMissing() === 0;
    if (!isSmall) this.#readBytes = before;
    return isSmall;
  }

  /** Takes room for what is about to be read: waits for it the first time, throws RATE_LIMITED later. */
  async enter(): Promise<void> {
    if (this.#hasEntered) return this.#take();
    this.#hasEntered = true;
    const missingBytes = this.#findMissing();
    if (missingBytes > 0) await this.#share.acquire(missingBytes);
    this.#takenBytes += missingBytes;
  }

  charge(bytes: number): void {
    this.#chargedBytes = this.#add(bytes, this.#chargedBytes);
    this.#take();
  }

  recharge(): void {
    this.#chargedBytes = 0;
  }

  /** Refunds everything: what comes next is an answer of its own. */
  leave(): void {
    this.#share.refund(this.#takenBytes);
    this.#takenBytes = 0;
    this.#readBytes = 0;
    this.#chargedBytes = 0;
    this.#hasEntered = false;
  }

  #add(bytes: number, before: number): number {
    const limit = this.#mostBytes;
    if (before + bytes <= limit) return before + bytes;
    // Where the field is nullable, the other fields are answered all the same.
    throw new CodedError(
      "ANSWER_TOO_LARGE",
      `The inputs, outputs and assets of this answer take more than ${limit / 1_048_576} MiB. Ask for a shorter page (\`first\`), or for this job alone.`,
      { limit },
    );
  }

  /** What is written out was read, so only the larger of the two takes room. */
  #findMissing(): number {
    const neededBytes = Math.max(this.#readBytes, this.#chargedBytes);
    return neededBytes <= SMALL_BYTES ? 0 : Math.max(0, neededBytes - this.#takenBytes);
  }

  #take(): void {
    const missingBytes = this.#findMissing();
    if (missingBytes > 0) this.#share.take(missingBytes);
    this.#takenBytes += missingBytes;
  }
}
