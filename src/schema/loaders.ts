import DataLoader from "dataloader";

import type { Job, JobEvent } from "../job/job.ts";
import type { JobDocuments, JobFilter, StoredDocuments } from "../store/job-store.ts";
import type { AnswerRoom } from "./answer-room.ts";
import { createAnswerRoom } from "./answer-room.ts";
import type { BacklogShare } from "./backlog.ts";
import type { Reads } from "./reads.ts";

/** What one operation has read, a statement for all that is asked for together. */
export type Loaders = {
  readonly jobs: DataLoader<string, Job | null>;
  readonly histories: DataLoader<string, readonly JobEvent[]>;
  /** Rejects with ANSWER_TOO_LARGE or RATE_LIMITED for those that are too much with what has been read before. */
  readonly documents: DataLoader<string, LoadedDocuments | null>;
  /** How many jobs a filter lets through; equal filters are counted once. */
  readonly counts: DataLoader<JobFilter, number, string>;
  /** Counts a document that is told, as often as it is. */
  readonly tell: (bytes: number) => void;
  /** Forgets what was read: for whoever reads on after a job has changed. */
  readonly clear: () => void;
  /** Forgets all, also how much was read and told: for the next event of a stream, which is an answer of its own. */
  readonly startAnew: () => void;
};

type LoadedDocuments = JobDocuments & Omit<StoredDocuments, "documents">;

export function createLoaders(options: {
  readonly reads: Reads;
  readonly mostAnswerBytes: number;
  /** For all that waits for the reader of this operation's answer. */
  readonly share: BacklogShare;
}): Loaders {
  const { reads, mostAnswerBytes, share } = options;
  let room = createAnswerRoom(mostAnswerBytes, share);
  let current = create();

  function create() {
    return {
      jobs: new DataLoader<string, Job | null>((ids) => reads.readJobs(ids)),
      histories: new DataLoader<string, readonly JobEvent[]>((ids) =>
        Promise.all(ids.map((id) => reads.readHistory(id))),
      ),
      documents: new DataLoader<string, LoadedDocuments | null>((ids) => loadDocuments(ids, room)),
      counts: new DataLoader<JobFilter, number, string>(
        (filters) => Promise.all(filters.map((filter) => reads.countJobs(filter))),
        { cacheKeyFn: (filter) => JSON.stringify(filter) },
      ),
    };
  }

  async function loadDocuments(
    ids: readonly string[],
    { read, enter }: AnswerRoom,
  ): Promise<(LoadedDocuments | null | Error)[]> {
    const found = await Promise.all(ids.map((id) => reads.readDocuments(id)));
    const fitting = found.map((stored) =>
      stored === null ? null : attempt(() => admit(stored, read)),
    );
    await enter();
    const loaded: (LoadedDocuments | null | Error)[] = [];
    // One after the other: many large ones at once would keep all others from the database.
    for (const [index, stored] of fitting.entries()) {
      loaded.push(await complete(ids[index] ?? "", stored).catch(toError));
    }
    return loaded;
  }

  async function complete(jobId: string, stored: StoredDocuments | Error | null) {
    if (stored === null || stored instanceof Error) return stored;
    const isWhole = stored.documents !== null;
    const whole = isWhole ? stored : await reads.readLargeDocuments(jobId);
    return whole === null || whole.documents === null
      ? null
      : { ...whole.documents, inputBytes: whole.inputBytes, outputBytes: whole.outputBytes };
  }

  return {
    get jobs() {
      return current.jobs;
    },
    get histories() {
      return current.histories;
    },
    get documents() {
      return current.documents;
    },
    get counts() {
      return current.counts;
    },
    tell: (bytes) => room.tell(bytes),
    clear,
    startAnew() {
      room.leave();
      room = createAnswerRoom(mostAnswerBytes, share);
      clear();
    },
  };

  function clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    current = create();
  }
}

function admit(stored: StoredDocuments, read: AnswerRoom["read"]): StoredDocuments {
  read(stored.inputBytes + stored.outputBytes);
  return stored;
}

function attempt<Value>(act: () => Value): Value | Error {
  try {
    return act();
  } catch (error) {
    return toError(error);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("documents can't be read", { cause: error });
}
