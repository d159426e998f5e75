import { randomUUID } from "node:crypto";

import { type Expression, type ExpressionBuilder, sql, type SqlBool } from "kysely";

import type { Database } from "./database.ts";
import { type FeedCursor, type FeedPlace, fromFeedCursor, toFeedCursor } from "./feed-cursor.ts";
import { JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { FeedPage } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** Who is further behind reads the list anew, which costs less. */
const MOST_CHANGES_BEHIND = 10_000;

/** See `JobStore.readFeedHead`. */
export async function readFeedHead(database: Database): Promise<string> {
  const { era, place } = await readHead(database);
  return toFeedCursor({ era, told: place, stage: null });
}

/**
 * See `JobStore.readFeed`. Each row carries the number of the transaction that changed it last, and a cursor a snapshot:
 * the numbers that had committed. So a transaction with a lower number that commits later is still told, and one that
 * stays open holds up nobody. A stage leads from one snapshot to the next and may take several pages: a row that changes
 * meanwhile leaves the stage and belongs to the one after it.
 */
export async function readFeed(
  database: Database,
  text: string,
  limit: number,
): Promise<FeedPage | null> {
  const cursor = fromFeedCursor(text);
  if (cursor === null) return null;
  const head = await readHead(database);
  const until = cursor.stage?.until ?? head.place;
  if (cursor.era !== head.era || until.next > head.place.next || cursor.told.next > until.next) {
    return null;
  }

  const rows = await selectChanges(database, cursor, until)
    .select([...JOB_COLUMNS, "changed"])
    .orderBy("changed")
    .orderBy("id")
    .limit(limit + 1)
    .execute();
  const isWhole = rows.length <= limit;
  if (!isWhole && (await isFarBehind(database, cursor, until))) return null;

  const behindStage = toFeedCursor({ era: cursor.era, told: until, stage: null });
  // The end of a stage that began earlier: what has changed since is the next one.
  if (rows.length === 0 && cursor.stage !== null) {
    return await readFeed(database, behindStage, limit);
  }
  const { era, told } = cursor;
  const changes = rows.slice(0, limit).map((row, index) => ({
    cursor:
      isWhole && index === rows.length - 1
        ? behindStage
        : toFeedCursor({ era, told, stage: { until, changed: row.changed, id: row.id } }),
    job: toJob(row),
  }));
  return {
    changes,
    cursor: changes.at(-1)?.cursor ?? behindStage,
    isLast: isWhole && cursor.stage === null,
  };
}

async function isFarBehind(
  database: Database,
  cursor: FeedCursor,
  until: FeedPlace,
): Promise<boolean> {
  const { count } = await database.queries
    .selectFrom(
      selectChanges(database, cursor, until)
        .select("id")
        .limit(MOST_CHANGES_BEHIND + 1)
        .as("changes"),
    )
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count > MOST_CHANGES_BEHIND;
}

/** The jobs that changed last after what is told and before the end of the stage. */
function selectChanges({ queries }: Database, { told, stage }: FeedCursor, until: FeedPlace) {
  return queries.selectFrom("jobs").where((eb) => {
    const conditions: Expression<SqlBool>[] = [
      // As the index of changes has it, word for word, or it would not be used.
      sql<SqlBool>`changed > 0`,
      // Nobody could tell that one which the upstream refuses is gone; its acceptance is a change as well.
      eb("status", "!=", "SUBMITTING"),
      eb("changed", ">=", Math.min(told.next, ...told.open)),
      eb.not(isIn(eb, told)),
      isIn(eb, until),
    ];
    if (stage !== null) {
      conditions.push(eb(eb.refTuple("changed", "id"), ">", eb.tuple(stage.changed, stage.id)));
    }
    return eb.and(conditions);
  });
}

function isIn(eb: ExpressionBuilder<Tables, "jobs">, { next, open }: FeedPlace) {
  const isBelow = eb("changed", "<", next);
  return open.length === 0 ? isBelow : eb.and([isBelow, eb("changed", "not in", open)]);
}

type Head = { readonly era: string; readonly place: FeedPlace };

/**
 * The newest place and the era that its numbers are of. On Postgres the era's row is in an unlogged table, which
 * Postgres empties whenever numbers may be given out twice: after a crash, in a promoted standby and in a restored
 * copy of a running server's files. A dump keeps the row, but not the transaction (`xmin`) that wrote it. A copied SQLite
 * file keeps its era: who restores one empties the table.
 */
async function readHead(database: Database): Promise<Head> {
  const head = await selectHead(database);
  if (head !== null) return head;
  await database.queries
    .insertInto("feed_eras")
    .values({ number: 1, era: randomUUID() })
    .onConflict((conflict) => conflict.column("number").doNothing())
    .execute();
  const begun = await selectHead(database);
  if (begun === null) {
    throw new Error("the feed's era was lost again at once; see whether Postgres keeps crashing");
  }
  return begun;
}

async function selectHead({ kind, queries }: Database): Promise<Head | null> {
  if (kind === "postgres") {
    const row = await queries
      .selectFrom("feed_eras")
      .select([
        sql<string>`era || '.' || xmin::text`.as("era"),
        sql<string>`pg_current_snapshot()::text`.as("snapshot"),
      ])
      .executeTakeFirst();
    return row === undefined ? null : { era: row.era, place: toPlace(row.snapshot) };
  }
  const row = await queries
    .selectFrom(["feed_eras", "change_counter"])
    .select(["era", "value"])
    .executeTakeFirst();
  return row === undefined ? null : { era: row.era, place: { next: row.value + 1, open: [] } };
}

/** `xmin:xmax:xip,xip`, where everything below xmin has committed, and nothing from xmax on. */
function toPlace(snapshot: string): FeedPlace {
  const [, next, open = ""] = snapshot.split(":");
  return { next: Number(next), open: open === "" ? [] : open.split(",").map(Number) };
}
