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
import { CodedError } from "../../runtime/coded-error.ts";
import type { JobStore } from "../store/job-store.ts";
import type { JobFilter, JobPage, JobRange, WalkBudget } from "../store/list-jobs.ts";
import { createWalkBudget } from "../store/list-jobs.ts";
import type { DeploymentPause } from "../store/paused-deployments.ts";
import type { DocumentName, StoredDocuments } from "../store/read-jobs.ts";
import type { Upload } from "../store/upload-rows.ts";

/** What the reads of all operations come from. */
export type ReadSources = {
  readonly store: Pick<
    JobStore,
    "jobs" | "documents" | "holds" | "pausedDeployments" | "files" | "uploads"
  >;
  readonly admission: Pick<Admission, "readLimited">;
  /** Those of parts. */
  readonly costs: readonly Costs[];
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

/** The same filter for no more jobs than the viewer may read. */
export function ofReadable(filter: JobFilter, viewer: Viewer): JobFilter {
  const ownerId = readableOwner(viewer);
  return ownerId === undefined ? filter : { ...filter, ownerId };
}

/** What is asked for by key, by the loader's name. */
type Loads = {
  jobs: [string, Job | null];
  wholeJobs: [string, Job | null];
  histories: [string, readonly JobEvent[]];
  holds: [string, HoldFacts | null];
  costs: [Job, Cost | null];
  ahead: [Pick<Job, "id" | "ownerId">, number | null];
  keptFiles: [string, ReadonlyMap<string, KeptFile>];
  uploads: [string, Upload | null];
  jobUploads: [string, readonly Upload[]];
  documents: [string, StoredDocuments | null];
  deployments: [string, boolean];
  deploymentPauses: [string, DeploymentPause | null];
};
type Loader<Name extends keyof Loads> = DataLoader<Loads[Name][0], Loads[Name][1], string>;

/** Documents up to here are read with their jobs, of all others only the sizes. */
const MAX_SMALL_BYTES = 16_384;
/** What the fields of an asset take in an answer, beside its URL and its path. */
const ASSET_BYTES = 512;

/** What one operation reads for its viewer: each row once, and what it asks for together in one statement. */
export class Reads {
  readonly #sources: ReadSources;
  readonly #viewer: Viewer;
  #loaders: { [Name in keyof Loads]?: Loader<Name> } = {};
  /** By the ids of the jobs with which they came. */
  #documents = new Map<string, StoredDocuments>();
  /** Of documents that are written into the answer. */
  #bytes = 0;
  #walks: WalkBudget | undefined;

  constructor(sources: ReadSources, viewer: Viewer) {
    this.#sources = sources;
    this.#viewer = viewer;
  }

  /** Null where the viewer may read none. */
  get jobs() {
    return this.#loader("jobs", (ids) => this.#store.jobs.readMany(ids, this.#readableOwner));
  }

  /** The same for jobs whose documents are asked for: one statement reads both, but only the sizes of large ones. */
  get wholeJobs() {
    const documents = this.#documents;
    return this.#loader("wholeJobs", async (ids) => {
      const { jobs } = this.#store;
      const found = await jobs.readWithDocuments(ids, MAX_SMALL_BYTES, this.#readableOwner);
      for (const one of found) if (one !== null) documents.set(one.job.id, one.documents);
      return found.map((one) => one?.job ?? null);
    });
  }

  /** Of jobs that the viewer has read, as far as they are small; null for one that is gone. */
  get documents() {
    return this.#loader("documents", (ids) => this.#store.documents.read(ids, MAX_SMALL_BYTES));
  }

  /** Of jobs that the viewer has read. */
  get histories() {
    return this.#loader("histories", (ids) => this.#store.jobs.readHistories(ids));
  }

  /** How jobs wait that the viewer has read; null for one that is not HELD. */
  get holds() {
    return this.#loader("holds", async (ids) => {
      const found = await this.#store.holds.readMany(ids);
      const limited = await this.#sources.admission.readLimited(ids);
      return found.map((facts, at) => {
        const limitedUntil = limited.get(ids[at] ?? "");
        return facts && limitedUntil !== undefined
          ? Object.assign({}, facts, { isLimited: true, limitedUntil })
          : facts;
      });
    });
  }

  /** How many of their owner's jobs are sent before jobs that the viewer has read; null for one that is not ready. */
  get ahead() {
    return this.#loader("ahead", (jobs) => this.#store.holds.readAhead(jobs), BY_ID);
  }

  /** Of jobs that the viewer has read, by the URLs that their outputs name. */
  get keptFiles() {
    return this.#loader("keptFiles", (ids) => this.#store.files.readMany(ids));
  }

  /** Null where the viewer may see none. */
  get uploads() {
    return this.#loader("uploads", (ids) =>
      this.#store.uploads.readMany(ids, this.#viewer.ownerId, this.#approvesAll),
    );
  }

  /** Those that the inputs of jobs name; empty for others' jobs, unless they wait for the viewer's approval. */
  get jobUploads() {
    return this.#loader("jobUploads", (ids) =>
      this.#store.uploads.readOfJobs(ids, this.#viewer.ownerId, this.#approvesAll),
    );
  }

  /** Whether a job that the viewer may read names it. */
  get deployments() {
    return this.#loader("deployments", async (ids) => {
      const found = await this.#store.jobs.findDeployments(ids, this.#readableOwner);
      return ids.map((id) => found.has(id));
    });
  }

  /** Why deployments are paused, if they are. */
  get deploymentPauses() {
    return this.#loader("deploymentPauses", (ids) => this.#store.pausedDeployments.readMany(ids));
  }

  /** Of jobs that the viewer has read and whose cost is not EXACT; null where nobody knows more. */
  get costs() {
    const { costs } = this.#sources;
    const readAll = async (jobs: readonly Job[]) => {
      const found = await Promise.all(costs.map((one) => one.readMany(jobs)));
      return jobs.map((_, at) => found.find((some) => some[at])?.[at] ?? null);
    };
    return this.#loader("costs", readAll, BY_ID);
  }

  /** What a part reads for the viewer. */
  load<Value>({ read, loaders }: BatchRead<Value>, id: string): Promise<Value> {
    const { ownerId } = this.#viewer;
    const loader = loaders.get(this.#loaders) ?? new DataLoader((ids) => read(ids, ownerId));
    loaders.set(this.#loaders, loader);
    return loader.load(id);
  }

  /** What a part walks, in the time that all walks of the operation share. */
  walk<Value>(read: (budget: WalkBudget) => Promise<Value>): Promise<Value> {
    return read(this.#walkBudget);
  }

  /**
   * Where no index answers the filter, as far as the time of all walks of the operation takes it. Together with the
   * documents where they are asked for, but only the sizes of large ones.
   */
  async listJobs(range: JobRange, isWhole = false): Promise<JobPage> {
    const { jobs } = this.#store;
    const known = this.#documents;
    const readable = { ...range, filter: ofReadable(range.filter, this.#viewer) };
    if (!isWhole) return await jobs.list(readable, this.#walkBudget);
    const page = await jobs.listWhole(readable, MAX_SMALL_BYTES, this.#walkBudget);
    for (const [id, stored] of page.documents) known.set(id, stored);
    return page;
  }

  /** How many jobs match a filter; null where no index counts them. */
  count(filter: JobFilter): Promise<number | null> {
    return this.#store.jobs.count(ofReadable(filter, this.#viewer));
  }

  /**
   * A document of a job that the viewer has read, or what its assets are made of. Each counts towards the answer before it
   * is read, and each time. Rejects, or throws, with ANSWER_TOO_LARGE, and where the job is gone.
   */
  readDocument(jobId: string, name: DocumentName): JsonValue | Promise<JsonValue> {
    const known = this.#documents.get(jobId);
    if (known !== undefined) return this.#take(jobId, name, known);
    const stored = this.documents.load(jobId);
    return stored.then((found) => this.#take(jobId, name, found ?? goneFrom(jobId)));
  }

  /** Of a job that the viewer has read; empty until it SUCCEEDED. Rejects as `readDocument` does. */
  async readAssets({ id, status }: Job): Promise<readonly Asset[]> {
    if (status !== "SUCCEEDED") return [];
    const assets = toAssets(await this.readDocument(id, "assets"));
    this.charge(assets.length * ASSET_BYTES);
    return assets;
  }

  /** Counts what is written into the answer; throws ANSWER_TOO_LARGE. */
  charge(bytes: number): void {
    const { mostAnswerBytes: limit } = this.#sources;
    if (this.#bytes + bytes > limit)
      // Where the field is nullable, the other fields are answered all the same.
      throw new CodedError(
        "ANSWER_TOO_LARGE",
        `The inputs, outputs and assets of this answer take more than ${limit / 1_048_576} MiB. Ask for a shorter page (\`first\`), or for this job alone.`,
        { limit },
      );
    this.#bytes += bytes;
  }

  /** Forgets what was read, because a job has changed. */
  clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    this.#loaders = {};
    this.#documents = new Map();
  }

  /** Also forgets what was counted: the answer is made once more, or the next event of a stream is an answer of its own. */
  startAnew(): void {
    this.clear();
    this.#bytes = 0;
  }

  get #store(): ReadSources["store"] {
    return this.#sources.store;
  }

  get #walkBudget(): WalkBudget {
    return (this.#walks ??= createWalkBudget({ now: this.#sources.now }));
  }

  /** Whether the viewer may approve everybody's jobs, and so has to see what goes into them. */
  get #approvesAll(): boolean {
    return this.#readableOwner === undefined && this.#viewer.scopes.has("jobs:approve");
  }

  get #readableOwner(): string | undefined {
    return readableOwner(this.#viewer);
  }

  /** Most operations need one or two, so each is made when it is first asked for. */
  #loader<Name extends keyof Loads>(
    name: Name,
    batch: DataLoader.BatchLoadFn<Loads[Name][0], Loads[Name][1]>,
    options?: DataLoader.Options<Loads[Name][0], Loads[Name][1], string>,
  ) {
    const loaders: { [One in Name]?: Loader<One> } = this.#loaders;
    return (loaders[name] ??= new DataLoader(batch, options));
  }

  #take(jobId: string, name: DocumentName, stored: StoredDocuments) {
    const document = stored[name];
    if (document === null) return null;
    this.charge(document.bytes);
    return document.text === null ? this.#readLarge(jobId, name) : parse(document.text);
  }

  async #readLarge(jobId: string, name: DocumentName): Promise<JsonValue> {
    return parse((await this.#store.documents.readText(jobId, name)) ?? goneFrom(jobId));
  }
}

const BY_ID = { cacheKeyFn: ({ id }: Pick<Job, "id">) => id };

function parse(text: string): JsonValue {
  return JSON.parse(text);
}

/** A submission that RunComfy refuses leaves no trace, and somebody may be reading it just then. */
function goneFrom(jobId: string): never {
  throw new JobNotFoundError(jobId);
}
