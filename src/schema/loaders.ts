import DataLoader from "dataloader";

import type { Job, JobEvent } from "../job/job.ts";
import type { JobDocuments, JobStore, MeasuredDocuments } from "../store/job-store.ts";
import type { DetailReader } from "../watch/create-detail-reader.ts";
import type { Allowance } from "./allowance.ts";
import { createAllowance } from "./allowance.ts";
import type { AnswerShare } from "./answer-budget.ts";

/** What one operation has read by job id, a statement for all that is asked for together. */
export type Loaders = {
  readonly jobs: DataLoader<string, Job | null>;
  readonly histories: DataLoader<string, readonly JobEvent[]>;
  /** Rejects with ANSWER_TOO_LARGE or RATE_LIMITED for those that are too much with what has been read before. */
  readonly documents: DataLoader<string, LoadedDocuments | null>;
  /** For each document that is told, as often as it is. */
  readonly told: Pick<Allowance, "take">;
  /** Forgets what was read: for whoever reads on after a job has changed. */
  readonly clear: () => void;
  /** Forgets all, also how much was read and told: for the next event of a stream, which is an answer of its own. */
  readonly startAnew: () => void;
  /** Gives back what the answer takes: for when it has left, or never will. */
  readonly end: () => void;
};

type LoadedDocuments = JobDocuments & Omit<MeasuredDocuments, "documents">;

export function createLoaders(options: {
  readonly store: Pick<JobStore, "readJobs">;
  readonly details: DetailReader;
  /** Jobs of others are null; undefined for everybody's. */
  readonly ownerId: string | undefined;
  readonly mostAnswerBytes: number;
  /** For one answer. */
  readonly openShare: () => AnswerShare;
  /** Acts when the event before has left. */
  readonly whenSent: (act: () => void) => void;
}): Loaders {
  const { store, details, ownerId, mostAnswerBytes } = options;
  let answer = begin();
  /** Of this answer and the events before that have not left. */
  const shares = new Set([answer.share]);
  let isOver = false;
  let current = create();

  function begin() {
    return {
      read: createAllowance(mostAnswerBytes),
      told: createAllowance(mostAnswerBytes),
      share: options.openShare(),
    };
  }

  function create() {
    return {
      jobs: new DataLoader<string, Job | null>((ids) => store.readJobs(ids, ownerId)),
      histories: new DataLoader<string, readonly JobEvent[]>((ids) =>
        Promise.all(ids.map((id) => details.readHistory(id))),
      ),
      documents: new DataLoader(loadDocuments),
    };
  }

  async function loadDocuments(
    ids: readonly string[],
  ): Promise<(LoadedDocuments | null | Error)[]> {
    const measured = await Promise.all(
      ids.map(async (id) => [id, await details.measureDocuments(id)] as const),
    );
    const loaded: (LoadedDocuments | null | Error)[] = [];
    // One after the other: many large ones at once would keep all others from the database.
    for (const [id, sizes] of measured)
      loaded.push(sizes === null ? null : await complete(id, sizes).catch(toError));
    return loaded;
  }

  async function complete(id: string, sizes: MeasuredDocuments): Promise<LoadedDocuments | null> {
    const { inputBytes, outputBytes } = sizes;
    const { read, told, share } = answer;
    read.take(inputBytes + outputBytes);
    await share.growInTurn(Math.max(read.takenBytes, told.takenBytes));
    const documents = sizes.documents ?? (await details.readDocuments(id));
    return documents === null ? null : { ...documents, inputBytes, outputBytes };
  }

  /** What is told was read, so that only the larger of the two takes room. */
  function tell(bytes: number): void {
    answer.told.take(bytes);
    answer.share.grow(Math.max(answer.read.takenBytes, answer.told.takenBytes));
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
    told: { take: tell },
    clear,
    startAnew() {
      clear();
      if (isOver) return;
      const { share } = answer;
      answer = begin();
      shares.add(answer.share);
      options.whenSent(() => {
        share.close();
        shares.delete(share);
      });
    },
    end() {
      isOver = true;
      for (const share of shares) share.close();
    },
  };

  function clear(): void {
    // A loader whose cache is cleared still holds its last batch, and so what that has read.
    current = create();
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("documents can't be read", { cause: error });
}
