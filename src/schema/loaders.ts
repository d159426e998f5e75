import DataLoader from "dataloader";
import type { GraphQLResolveInfo, OperationDefinitionNode } from "graphql";
import { visit } from "graphql";

import { findAssets } from "../job/asset.ts";
import { JobNotFoundError } from "../job/errors.ts";
import type { Job, JobEvent } from "../job/job.ts";
import type { KeptFile } from "../job/asset.ts";
import type { JsonValue } from "../job/json.ts";
import type { JobFilter } from "../store/list-jobs.ts";
import type { DocumentName, StoredDocuments } from "../store/read-jobs.ts";
import { CodedError, toError } from "../runtime/coded-error.ts";
import type { Reservation } from "../runtime/memory-budget.ts";
import type { Reads } from "./reads.ts";

type DocumentKey = { readonly jobId: string; readonly name: DocumentName };
type LoadedDocument = { readonly bytes: number; readonly value: JsonValue };

/** Of those with more, an owner's operations have one at a time in memory, until their answers are made. */
const MAX_MEDIUM_BYTES = 262_144;

/** Those that were asked for. */
type Made = {
  jobs?: DataLoader<string, Job | null>;
  wholeJobs?: DataLoader<string, Job | null>;
  histories?: DataLoader<string, readonly JobEvent[]>;
  /** Of jobs that the viewer has read, by the URLs that their outputs name. */
  keptFiles?: DataLoader<string, ReadonlyMap<string, KeptFile>>;
  /** Rejects with ANSWER_TOO_LARGE or RATE_LIMITED where there is no room for them. */
  documents?: DataLoader<DocumentKey, LoadedDocument | null, string>;
  /** How many jobs match a filter; null where no index counts them. */
  counts?: DataLoader<JobFilter, number | null, string>;
  /** Whether a job that the viewer may read names it. */
  deployments?: DataLoader<string, boolean>;
  /** By the id of the job with which they came. */
  readonly read: Map<string, StoredDocuments>;
};

/**
 * What one operation has read; what it asks for together is one statement. Most operations need one or two loaders, so
 * each is made when it is first asked for: by a getter of a class, because those of an object literal are made anew with
 * each object, and hold all that they know until V8's next major collection.
 */
export class Loaders {
  readonly #reads: Reads;
  readonly #budget: AnswerBudget;
  #made: Made = { read: new Map() };

  constructor(options: {
    readonly reads: Reads;
    readonly mostAnswerBytes: number;
    /** For all that waits for the reader of this operation's answer. */
    readonly share: Reservation;
  }) {
    this.#reads = options.reads;
    this.#budget = new AnswerBudget(options.mostAnswerBytes, options.share);
  }

  get jobs() {
    return (this.#made.jobs ??= new DataLoader((ids) => this.#reads.readJobs(ids)));
  }

  /** The same for jobs whose documents are asked for: one statement reads both. */
  get wholeJobs() {
    const { read } = this.#made;
    return (this.#made.wholeJobs ??= new DataLoader(async (ids) => {
      const found = await this.#reads.readJobsWithDocuments(ids);
      return found.map((one) => {
        if (one !== null) read.set(one.job.id, one.documents);
        return one?.job ?? null;
      });
    }));
  }

  get histories() {
    return (this.#made.histories ??= new DataLoader((ids) =>
      Promise.all(ids.map(this.#reads.readHistory)),
    ));
  }

  get keptFiles() {
    return (this.#made.keptFiles ??= new DataLoader((ids) => this.#reads.readKeptFiles(ids)));
  }

  get documents() {
    const { read } = this.#made;
    return (this.#made.documents ??= new DataLoader((keys) => this.#loadDocuments(keys, read), {
      cacheKeyFn: ({ jobId, name }) => `${name} ${jobId}`,
    }));
  }

  get counts() {
    return (this.#made.counts ??= new DataLoader(
      (filters) => Promise.all(filters.map(this.#reads.countJobs)),
      { cacheKeyFn: (filter) => JSON.stringify(filter) },
    ));
  }

  get deployments() {
    return (this.#made.deployments ??= new DataLoader(async (ids) => {
      const found = await this.#reads.findDeployments(ids);
      return ids.map((id) => found.has(id));
    }));
  }

  /**
   * A document of a job that the viewer has read, or what its assets are made of. The other two count towards the answer
   * each time. Rejects as `documents` does, and where the job is gone.
   */
  async readDocument(jobId: string, name: DocumentName): Promise<JsonValue> {
    const document = await this.documents.load({ jobId, name });
    // A submission that RunComfy refuses leaves no trace, and somebody may be reading it just then.
    if (document === null) throw new JobNotFoundError(jobId);
    if (name !== "assets") this.charge(document.bytes);
    return document.value;
  }

  /** Counts what is written into the answer; throws ANSWER_TOO_LARGE or RATE_LIMITED. */
  charge(bytes: number): void {
    this.#budget.charge(bytes);
  }

  /** Forgets what was written: the answer is made once more. */
  recharge(): void {
    this.#budget.recharge();
  }

  /** Forgets what was read, because a job has changed. */
  clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    this.#made = { read: new Map() };
  }

  /** Gives back the room of what was read. */
  leave(): void {
    this.#budget.leave();
  }

  async #loadDocuments(
    keys: readonly DocumentKey[],
    known: ReadonlyMap<string, StoredDocuments>,
  ): Promise<(LoadedDocument | null | Error)[]> {
    const found = await Promise.all(
      keys.map(async ({ jobId }) => known.get(jobId) ?? (await this.#reads.readDocuments(jobId))),
    );
    const admitted = found.map((stored, index) => {
      const source = stored === null ? null : toSource(stored, keys[index]?.name ?? "input");
      try {
        if (source !== null) this.#budget.read(source.bytes);
        return source;
      } catch (error) {
        return toReadError(error);
      }
    });
    await this.#budget.enter();
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

  async #complete({ jobId, name }: DocumentKey, source: Source): Promise<LoadedDocument | null> {
    const { bytes, text, isSought } = source;
    const { largeSlot, readLargeDocument } = this.#reads;
    if (bytes > MAX_MEDIUM_BYTES) await largeSlot.enter();
    const value =
      text === null ? await readLargeDocument(jobId, isSought ? "output" : name) : JSON.parse(text);
    if (value === undefined) return null;
    if (!isSought) return { bytes, value };
    const assets = findAssets(value);
    await this.#reads.noteAssets(jobId, assets);
    return { bytes, value: assets };
  }
}

/** What a document is made of, or the output in which assets are sought; the text is null where it has to be read. */
type Source = {
  readonly bytes: number;
  readonly text: string | null;
  readonly isSought: boolean;
};

function toSource(stored: StoredDocuments, name: DocumentName): Source {
  const document = stored[name];
  if (document !== null) return { ...document, isSought: false };
  // Of a job that ended in a version before nothing is stored but the output.
  const output = name === "assets" ? stored.output : null;
  return output === null
    ? { bytes: 0, text: "null", isSought: false }
    : { ...output, isSought: true };
}

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

  /** Takes room for what is about to be read: waits for it the first time, throws RATE_LIMITED later. */
  async enter(): Promise<void> {
    if (this.#hasEntered) return this.#take();
    this.#hasEntered = true;
    const missingBytes = this.#findMissing();
    if (missingBytes > 0) await this.#share.takeOrWait(missingBytes);
    this.#takenBytes += missingBytes;
  }

  charge(bytes: number): void {
    this.#chargedBytes = this.#add(bytes, this.#chargedBytes);
    this.#take();
  }

  recharge(): void {
    this.#chargedBytes = 0;
  }

  leave(): void {
    this.#share.give(this.#takenBytes);
    this.#takenBytes = 0;
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

const selections = new WeakMap<OperationDefinitionNode, ReadonlySet<string>>();

/** What a job's fields are read from. */
const DOCUMENTS: readonly (readonly [string, DocumentName])[] = [
  ["input", "input"],
  ["output", "output"],
  ["typedOutput", "output"],
  ["assets", "assets"],
];

/** The names of all fields in the document, of whatever type. */
export function findSelected({ operation, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const found = selections.get(operation);
  if (found !== undefined) return found;
  const names = new Set<string>();
  const Field = ({ name }: { readonly name: { readonly value: string } }): void => {
    names.add(name.value);
  };
  for (const node of [operation, ...Object.values(fragments)]) visit(node, { Field });
  selections.set(operation, names);
  return names;
}

/** The documents that some fields of a job take. */
export function findDocumentNames(selected: ReadonlySet<string>): readonly DocumentName[] {
  return DOCUMENTS.flatMap(([field, name]) => (selected.has(field) ? [name] : []));
}
