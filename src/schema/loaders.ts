import DataLoader from "dataloader";

import type { Job, JobEvent } from "../job/job.ts";
import type { KeptFile } from "../job/kept-file.ts";
import type { JobDocuments, JobFilter, StoredDocuments } from "../store/job-store.ts";
import { createAnswerRoom } from "./answer-room.ts";
import type { BacklogShare } from "./backlog.ts";
import type { Reads } from "./reads.ts";

/** What one operation has read; what it asks for together is one statement. */
export type Loaders = {
  readonly jobs: DataLoader<string, Job | null>;
  /** The same for jobs whose documents are asked for: one statement reads both. */
  readonly wholeJobs: DataLoader<string, Job | null>;
  readonly histories: DataLoader<string, readonly JobEvent[]>;
  /** Of jobs that the viewer has read, by the URLs that their outputs name. */
  readonly keptFiles: DataLoader<string, ReadonlyMap<string, KeptFile>>;
  /** Rejects with ANSWER_TOO_LARGE or RATE_LIMITED where there is no room for them. */
  readonly documents: DataLoader<string, LoadedDocuments | null>;
  /** How many jobs match a filter. */
  readonly counts: DataLoader<JobFilter, number, string>;
  /** Counts a document into the answer, each time that it is told. */
  tell(bytes: number): void;
  /** Forgets what was told: the answer is made once more. */
  tellAnew(): void;
  /** Forgets what was read, because a job has changed. */
  clear(): void;
  /** Gives back the room of what was read. */
  leave(): void;
};

type LoadedDocuments = JobDocuments & Pick<StoredDocuments, "inputBytes" | "outputBytes">;

export function createLoaders(options: {
  readonly reads: Reads;
  readonly mostAnswerBytes: number;
  /** For all that waits for the reader of this operation's answer. */
  readonly share: BacklogShare;
}): Loaders {
  const { reads, mostAnswerBytes, share } = options;
  const room = createAnswerRoom(mostAnswerBytes, share);
  let current = create();
  return {
    get jobs() {
      return current.jobs();
    },
    get wholeJobs() {
      return current.wholeJobs();
    },
    get histories() {
      return current.histories();
    },
    get keptFiles() {
      return current.keptFiles();
    },
    get documents() {
      return current.documents();
    },
    get counts() {
      return current.counts();
    },
    tell: room.tell,
    tellAnew: room.tellAnew,
    leave: room.leave,
    clear,
  };

  function clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    current = create();
  }

  /** Most operations need one or two of them. */
  function create() {
    const read = new Map<string, StoredDocuments>();
    return {
      jobs: lazily(() => new DataLoader((ids: readonly string[]) => reads.readJobs(ids))),
      wholeJobs: lazily(
        () =>
          new DataLoader(async (ids: readonly string[]) => {
            const found = await reads.readJobsWithDocuments(ids);
            return found.map((one) => {
              if (one !== null) read.set(one.job.id, one.documents);
              return one?.job ?? null;
            });
          }),
      ),
      histories: lazily(
        () =>
          new DataLoader((ids: readonly string[]) =>
            Promise.all(ids.map((id) => reads.readHistory(id))),
          ),
      ),
      keptFiles: lazily(() => new DataLoader((ids: readonly string[]) => reads.readKeptFiles(ids))),
      documents: lazily(() => new DataLoader((ids: readonly string[]) => loadDocuments(ids, read))),
      counts: lazily(
        () =>
          new DataLoader(
            (filters: readonly JobFilter[]) => Promise.all(filters.map(reads.countJobs)),
            { cacheKeyFn: (filter: JobFilter) => JSON.stringify(filter) },
          ),
      ),
    };
  }

  async function loadDocuments(
    ids: readonly string[],
    known: ReadonlyMap<string, StoredDocuments>,
  ) {
    const { read, enter } = room;
    const found = await Promise.all(
      ids.map(async (id) => known.get(id) ?? (await reads.readDocuments(id))),
    );
    const admitted = found.map((stored) => {
      try {
        if (stored !== null) read(stored.inputBytes + stored.outputBytes);
        return stored;
      } catch (error) {
        return toError(error);
      }
    });
    await enter();
    const loaded: (LoadedDocuments | null | Error)[] = [];
    // One after the other: many large ones at once would keep everybody else from the database.
    for (const [index, stored] of admitted.entries()) {
      loaded.push(
        stored === null || stored instanceof Error
          ? stored
          : await complete(ids[index] ?? "", stored).catch(toError),
      );
    }
    return loaded;
  }

  async function complete(jobId: string, stored: StoredDocuments): Promise<LoadedDocuments | null> {
    const whole = stored.documents === null ? await reads.readLargeDocuments(jobId) : stored;
    if (whole === null || whole.documents === null) return null;
    const { inputBytes, outputBytes, documents } = whole;
    return { ...documents, inputBytes, outputBytes };
  }
}

function lazily<Value>(create: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= create());
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("documents can't be read", { cause: error });
}
