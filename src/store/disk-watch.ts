import type { Logger } from "pino";

import { chance } from "../runtime/environment.ts";
import type { Write } from "./database.ts";
import { DatabaseDiskError, findDiskProblem } from "./database-error.ts";

export type DiskWatch = ReturnType<typeof createDiskWatch>;

const BETWEEN_LINES_MS = 60_000;
/** As much as the input of a job may take by default; more than an outcome does. */
const PROBE_BYTES = 262_144;

/**
 * Remembers that the disk or the file of the database fails, which the log is told once a minute for as long as that lasts.
 * A disk is tried again whenever somebody asks; a damaged file stays so until a start finds another one.
 */
export function createDiskWatch(dependencies: {
  readonly write: Write;
  readonly monotonic: () => number;
  readonly log: Pick<Logger, "error" | "info">;
}) {
  const { write, monotonic, log } = dependencies;
  let problem: DatabaseDiskError | null = null;
  let toldAt = -Infinity;
  /** Whether the log has to be told of the end. */
  let isOpen = false;
  let probing: Promise<void> | null = null;

  function notify(error: DatabaseDiskError): void {
    if (monotonic() - toldAt < BETWEEN_LINES_MS) return;
    toldAt = monotonic();
    isOpen = true;
    log.error({ err: error }, error.message);
  }

  /** Rejects, having noted it, where so much can't be stored. */
  async function probe(): Promise<void> {
    const bytes = chance.bytes(PROBE_BYTES / 2).toString("hex");
    await write((queries) => queries.insertInto("write_probes").values({ bytes }).execute());
    await write((queries) => queries.deleteFrom("write_probes").execute());
    if (problem?.kind === "damaged") throw problem;
    problem = null;
    if (isOpen) log.info({}, "The database can be written again.");
    isOpen = false;
  }

  return {
    /** What callers get of an error that a statement has met. */
    note(error: unknown): unknown {
      const kind = findDiskProblem(error);
      if (kind === null) return error;
      const noted = new DatabaseDiskError(kind, { cause: error });
      if (problem?.kind !== "damaged") problem = noted;
      notify(noted);
      return noted;
    },
    /** Rejects with a `DatabaseDiskError` while nothing more may be begun. */
    async check(): Promise<void> {
      if (problem === null) return;
      if (problem.kind === "damaged") {
        notify(problem);
        throw problem;
      }
      probing ??= probe().finally(() => (probing = null));
      await probing;
    },
  };
}
