import type { JobStore } from "../../src/engine/store/job-store.ts";

export type Read = (store: JobStore) => Promise<unknown>;

/** Reads that find their rows by an index. */
export type IndexCases = {
  /**
   * SQL that writes many rows, of which the reads find few; there are jobs from `job_1` to `job_900` of the owner `mine`
   * before. `numbers` is a table of the whole numbers `n` from one to another, and `nowMs` the database's time.
   */
  readonly seed: (numbers: (first: number, last: number) => string, nowMs: string) => string;
  /** A pattern of the statements that are explained. */
  readonly tables: string;
  readonly reads: readonly (readonly [title: string, read: Read])[];
};
