import DataLoader from "dataloader";

import { findAssets } from "../job/asset.ts";
import type { Job, JobEvent } from "../job/job.ts";
import type { KeptFile } from "../job/asset.ts";
import type { JsonValue } from "../job/json.ts";
import type { JobFilter } from "../store/list-jobs.ts";
import type { DocumentName, StoredDocuments } from "../store/read-jobs.ts";
import { toError } from "../runtime/error-code.ts";
import { createAnswerBudget } from "./answer-budget.ts";
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
  keptFiles?: DataLoader<string, ReadonlyMap<string, KeptFile>>;
  documents?: DataLoader<DocumentKey, LoadedDocument | null, string>;
  counts?: DataLoader<JobFilter, number | null, string>;
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
  readonly #room: ReturnType<typeof createAnswerBudget>;
  #made: Made = { read: new Map() };

  constructor(options: {
    readonly reads: Reads;
    readonly mostAnswerBytes: number;
    /** For all that waits for the reader of this operation's answer. */
    readonly share: Reservation;
  }) {
    this.#reads = options.reads;
    this.#room = createAnswerBudget(options.mostAnswerBytes, options.share);
  }

  get jobs(): DataLoader<string, Job | null> {
    return (this.#made.jobs ??= new DataLoader((ids: readonly string[]) =>
      this.#reads.readJobs(ids),
    ));
  }

  /** The same for jobs whose documents are asked for: one statement reads both. */
  get wholeJobs(): DataLoader<string, Job | null> {
    const { read } = this.#made;
    return (this.#made.wholeJobs ??= new DataLoader(async (ids: readonly string[]) => {
      const found = await this.#reads.readJobsWithDocuments(ids);
      return found.map((one) => {
        if (one !== null) read.set(one.job.id, one.documents);
        return one?.job ?? null;
      });
    }));
  }

  get histories(): DataLoader<string, readonly JobEvent[]> {
    return (this.#made.histories ??= new DataLoader((ids: readonly string[]) =>
      Promise.all(ids.map((id) => this.#reads.readHistory(id))),
    ));
  }

  /** Of jobs that the viewer has read, by the URLs that their outputs name. */
  get keptFiles(): DataLoader<string, ReadonlyMap<string, KeptFile>> {
    return (this.#made.keptFiles ??= new DataLoader((ids: readonly string[]) =>
      this.#reads.readKeptFiles(ids),
    ));
  }

  /** Rejects with ANSWER_TOO_LARGE or RATE_LIMITED where there is no room for them. */
  get documents(): DataLoader<DocumentKey, LoadedDocument | null, string> {
    const { read } = this.#made;
    return (this.#made.documents ??= new DataLoader(
      (keys: readonly DocumentKey[]) => this.#loadDocuments(keys, read),
      { cacheKeyFn: ({ jobId, name }: DocumentKey) => `${name} ${jobId}` },
    ));
  }

  /** How many jobs match a filter; null where no index counts them. */
  get counts(): DataLoader<JobFilter, number | null, string> {
    return (this.#made.counts ??= new DataLoader(
      (filters: readonly JobFilter[]) => Promise.all(filters.map(this.#reads.countJobs)),
      { cacheKeyFn: (filter: JobFilter) => JSON.stringify(filter) },
    ));
  }

  /** Whether a job that the viewer may read names it. */
  get deployments(): DataLoader<string, boolean> {
    return (this.#made.deployments ??= new DataLoader(async (ids: readonly string[]) => {
      const found = await this.#reads.findDeployments(ids);
      return ids.map((id) => found.has(id));
    }));
  }

  /** Counts a document into the answer, each time that it is written out. */
  charge(bytes: number): void {
    this.#room.charge(bytes);
  }

  /** The same for a text, which it returns. */
  tellText(text: string): string {
    this.#room.charge(text.length);
    return text;
  }

  /** Forgets what was told: the answer is made once more. */
  recharge(): void {
    this.#room.recharge();
  }

  /** Forgets what was read, because a job has changed. */
  clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    this.#made = { read: new Map() };
  }

  /** Gives back the room of what was read. */
  leave(): void {
    this.#room.leave();
  }

  async #loadDocuments(
    keys: readonly DocumentKey[],
    known: ReadonlyMap<string, StoredDocuments>,
  ): Promise<(LoadedDocument | null | Error)[]> {
    const { read, enter } = this.#room;
    const found = await Promise.all(
      keys.map(async ({ jobId }) => known.get(jobId) ?? (await this.#reads.readDocuments(jobId))),
    );
    const admitted = found.map((stored, index) => {
      const source = stored === null ? null : toSource(stored, keys[index]?.name ?? "input");
      try {
        if (source !== null) read(source.bytes);
        return source;
      } catch (error) {
        return toReadError(error);
      }
    });
    await enter();
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
    // A small output is at hand, and costs less than what is kept of it.
    if (isSought && text !== null) return { bytes, value: findAssets(JSON.parse(text)) };
    if (bytes > MAX_MEDIUM_BYTES || isSought) await largeSlot.enter();
    if (isSought) return { bytes, value: await this.#reads.findAssets(jobId) };
    const value = text === null ? await readLargeDocument(jobId, name) : JSON.parse(text);
    return value === undefined ? null : { bytes, value };
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
  const isSought = name === "assets" && stored.output !== null;
  const { bytes, text } = stored.output ?? { bytes: 0, text: null };
  return { bytes, text: isSought ? text : "null", isSought };
}

function toReadError(thrown: unknown): Error {
  return toError(thrown, "documents can't be read");
}
