import { type RawBuilder, sql, type SqlBool } from "kysely";

import { chance } from "../../runtime/environment.ts";
import { isFinished, type Job, type JobChangeReason } from "../job/job.ts";
import { atMost, type Database } from "./database.ts";
import {
  createCursorSeal,
  type CursorSeal,
  type FeedCursor,
  type Snapshot,
} from "./feed-cursor.ts";
import { type JobRow, toJob } from "./job-rows.ts";

type FeedOptions = {
  readonly until: string;
  readonly limit: number;
  /** Only its changes count. */
  readonly ownerId?: string | undefined;
};

export type FeedPage = {
  /** In the order of their commits as far as that is known; `cursor` stands behind the change. */
  readonly changes: readonly {
    readonly cursor: string;
    readonly job: Job;
    readonly reason: JobChangeReason;
  }[];
  /** Stands behind the page. */
  readonly cursor: string;
  /** Whether nothing else had changed when the page was read. */
  readonly isLast: boolean;
};

/** A reader further behind than this reads the list anew, which costs less. */
const MAX_CHANGES_BEHIND = 10_000;
/** A cursor that lists more would be too long. */
const MAX_SUPERSEDED = 100;

/**
 * Each row carries the number of the transaction that changed it last, and a cursor holds a snapshot: which numbers had
 * committed. So a transaction with a lower number that commits later is still delivered, and one that stays open holds up
 * nobody. A stage leads from one snapshot to the next and may take several pages; a row that changes meanwhile moves to
 * the stage after it.
 */
export function createFeed(database: Database) {
  /** Of the era that was read last. */
  let known: { readonly secret: string; readonly seal: CursorSeal } | null = null;

  return {
    /** The cursor behind everything that is committed now, whosever it is. */
    async readHead(): Promise<string> {
      const { secret, snapshot } = await readEra(database);
      if (known?.secret !== secret) known = { secret, seal: createCursorSeal(secret) };
      return known.seal.close({ delivered: snapshot, stage: null });
    },

    /**
     * The jobs that changed between a cursor and `until`, a cursor of `readHead`: each once, in its newest state. Null when
     * the cursor is of another database, lies in the future, or is more than 10,000 changes behind. Rejects with a
     * `BadCursorError` when the text is no cursor.
     */
    async read(text: string, options: FeedOptions): Promise<FeedPage | null> {
      if (known === null) return null;
      const { seal } = known;
      const cursor = seal.open(text);
      const head = seal.open(options.until)?.delivered;
      if (cursor === null || head === undefined) return null;
      return await readPage({ database, seal, head, ...options }, cursor);
    },
  };
}

async function readPage(
  reading: {
    readonly database: Database;
    readonly seal: CursorSeal;
    readonly head: Snapshot;
  } & FeedOptions,
  cursor: FeedCursor,
): Promise<FeedPage | null> {
  const { database, seal, head, until: headText, limit, ownerId } = reading;
  const { delivered, stage } = cursor;
  const until = stage?.until ?? head;
  if (until.next > head.next || delivered.next > until.next) return null;

  const changed = selectStage(database, cursor, until, ownerId);
  const superseded = aggregateSuperseded(database, cursor, until, ownerId);
  const rows = await changed
    .selectAll("jobs")
    .select(superseded.as("superseded"))
    .limit(atMost(limit + 1))
    .execute();
  const isWhole = rows.length <= limit;
  if (!isWhole) {
    const [beyond] = await changed
      .select("id")
      .offset(MAX_CHANGES_BEHIND)
      .limit(sql.lit(1))
      .execute();
    if (beyond !== undefined) return null;
  }

  const [
    first = await database.reads.selectNoFrom(superseded.as("superseded")).executeTakeFirst(),
  ] = rows;
  const behind = { delivered: until, ...toSuperseded(first?.superseded ?? null), stage: null };
  // The end of a stage that began earlier: what has changed since is the next one.
  if (rows.length === 0 && stage !== null) return await readPage(reading, behind);
  // Everyone who reaches the head gets one text for it, by which they share what they read next.
  const isSameForAll = stage === null && behind.superseded === undefined;
  const behindStage = isSameForAll ? headText : seal.close(behind);
  const deliveredStatuses = toDeliveredStatuses(cursor);
  const changes = rows.slice(0, limit).map((row, index) => {
    const job = toJob(row);
    // Numbers of another era may be in no stage.
    const isStatusNew =
      has(until, row.status_changed) && !has(deliveredStatuses, row.status_changed);
    const place = { until, changed: row.changed, id: row.id };
    return {
      cursor:
        isWhole && index === rows.length - 1
          ? behindStage
          : seal.close({ ...cursor, stage: place }),
      job,
      reason: isStatusNew ? "STATUS" : otherReason(job, row),
    } as const;
  });
  return {
    changes,
    cursor: changes.at(-1)?.cursor ?? behindStage,
    isLast: isWhole && stage === null,
  };
}

/** The jobs that changed last after what is delivered and before the end of the stage. */
function selectStage(
  database: Database,
  { delivered, stage }: FeedCursor,
  until: Snapshot,
  ownerId: string | undefined,
) {
  const changed = changedOf(database, ownerId);
  const jobs = database.reads
    .selectFrom("jobs")
    .where(isAfter(changed, delivered, ownerId))
    .where(isIn(changed, until))
    .orderBy(changed)
    .orderBy("id");
  return stage === null
    ? jobs
    : jobs.where(sql<SqlBool>`(${changed}, id) > (${stage.changed}, ${stage.id})`);
}

/**
 * The numbers of statuses that belong to the stage but that it does not deliver, as far as can be seen when it is read:
 * their jobs have changed again and belong to the next stage, which would take them for delivered.
 */
function aggregateSuperseded(
  database: Database,
  cursor: FeedCursor,
  until: Snapshot,
  ownerId: string | undefined,
): RawBuilder<string | null> {
  const changed = changedOf(database, ownerId);
  const number = sql<number>`status_changed`;
  return sql`(
    select string_agg(cast(status_changed as text), ',') from (
      select status_changed from jobs
      where ${isAfter(changed, until, ownerId)}
        and ${isIn(number, until)} and not (${isIn(number, toDeliveredStatuses(cursor))})
      order by ${changed}, id limit ${sql.lit(MAX_SUPERSEDED + 1)}
    ) as superseded
  )`;
}

function toSuperseded(numbers: string | null): Pick<FeedCursor, "superseded"> {
  if (numbers === null) return {};
  const superseded = numbers.split(",").map(Number);
  return { superseded: superseded.length > MAX_SUPERSEDED ? null : superseded };
}

/** The changes whose status is delivered. */
function toDeliveredStatuses({ delivered, superseded = [] }: FeedCursor): Snapshot {
  return superseded === null
    ? { next: 0, open: [] }
    : { next: delivered.next, open: [...delivered.open, ...superseded] };
}

/** What can have changed about a job that keeps its status. */
function otherReason(job: Job, row: JobRow): JobChangeReason {
  if (row.labels_version === job.version) return "LABELS";
  if (!isFinished(job)) return "PROGRESS";
  return row.cost_version === job.version ? "COST" : "FILES";
}

/**
 * An owner's changes are found along `jobs_by_owner_and_change`. On Postgres that is an index of an expression, so that
 * `jobs_by_change` is of no use for them: where both seem to cost the same, it would be taken and lead past the changes of
 * all others.
 */
function changedOf({ isShared }: Database, ownerId: string | undefined): RawBuilder<number> {
  return isShared && ownerId !== undefined ? sql`(changed + 0)` : sql`changed`;
}

/** Whether a job of the owner, or of anybody, changed last after a snapshot. */
function isAfter(
  changed: RawBuilder<number>,
  snapshot: Snapshot,
  ownerId: string | undefined,
): RawBuilder<SqlBool> {
  const isOwners = ownerId === undefined ? sql`` : sql`and owner_id = ${ownerId}`;
  // Nobody could tell that one which the upstream refuses is gone; its acceptance is a change as well. One that was HELD stays.
  return sql`(status <> 'SUBMITTING' or claim > 0) ${isOwners}
    and ${changed} >= ${Math.min(snapshot.next, ...snapshot.open)}
    and not (${isIn(changed, snapshot)})`;
}

function isIn(number: RawBuilder<number>, { next, open }: Snapshot): RawBuilder<SqlBool> {
  const isBelow = sql<SqlBool>`${number} < ${next}`;
  return open.length === 0 ? isBelow : sql`${isBelow} and ${number} not in (${sql.join(open)})`;
}

function has({ next, open }: Snapshot, number: number): boolean {
  return number < next && !open.includes(number);
}

type Era = { readonly secret: string; readonly snapshot: Snapshot };

/**
 * The newest snapshot, and the secret of the era its numbers belong to. On Postgres the era's row is in an unlogged
 * table, which Postgres empties whenever numbers may be given out twice: after a crash, in a promoted standby and in a
 * restored copy of a running server's files. A dump keeps the row, but not the transaction (`xmin`) that wrote it. A
 * copied SQLite file keeps its era, so a restore has to empty the table.
 */
async function readEra(database: Database): Promise<Era> {
  for (const isBegun of [false, true]) {
    const era = await selectEra(database);
    if (era !== null) return era;
    if (isBegun) break;
    await database.queries
      .insertInto("feed_eras")
      .values({ number: 1, era: chance.uuid() })
      .onConflict((conflict) => conflict.column("number").doNothing())
      .execute();
  }
  throw new Error("The feed's era was lost again at once. Check whether Postgres keeps crashing.");
}

async function selectEra({ queries, selectEra: selected }: Database): Promise<Era | null> {
  const [row] = (await selected.execute(queries)).rows;
  return row === undefined ? null : { secret: row.secret, snapshot: toSnapshot(row.snapshot) };
}

/** From `xmin:xmax:xip,xip`, where nothing from xmax on has committed, nor what is in the list. */
function toSnapshot(snapshot: string): Snapshot {
  const [, next, open = ""] = snapshot.split(":");
  return { next: Number(next), open: open === "" ? [] : open.split(",").map(Number) };
}
