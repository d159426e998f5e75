import { z } from "zod";

import { BadCursorError } from "../job/bad-cursor-error.ts";
import { IDENTIFIER } from "../job/identifier.ts";

/**
 * Which changes are told, by their numbers: all below `next` but the `open` ones, which had not committed. On Postgres
 * it is a snapshot of transactions (its xmax and its xip list); on SQLite changes commit in order, and none is open.
 */
export type FeedPlace = { readonly next: number; readonly open: readonly number[] };

/** Where a reader of the feed stands. */
export type FeedCursor = {
  /** Which life of which database the numbers are of. */
  readonly era: string;
  /** All of this is told. */
  readonly told: FeedPlace;
  /** Null between two stages. Of a stage, which leads from `told` to `until`, all up to `changed` and `id` is told. */
  readonly stage: {
    readonly until: FeedPlace;
    readonly changed: number;
    readonly id: string;
  } | null;
};

/** The kind of cursor that is written here. Those of another version of the gateway may have another number. */
const FORM = 1;

/** Far more transactions than are ever open at once; each cursor of a page repeats them. */
const MOST_OPEN = 500;
/** Above the longest that is made here: two lists of the transactions that were open. */
const LONGEST_CURSOR = 32_768;

const number = z.int().nonnegative();
const place = z
  .tuple([number], number)
  .refine((numbers) => numbers.length <= MOST_OPEN + 1)
  .transform(([next, ...open]): FeedPlace => ({ next, open }));
const era = z.string().max(128);
const anyForm = z.tuple([number], z.unknown());
const between = z.tuple([z.literal(FORM), era, place]);
const id = z.string().regex(new RegExp(`^${IDENTIFIER}$`));
const within = z.tuple([z.literal(FORM), era, place, place, number, id]);

/** A cursor as clients hand it back; an empty one, which begins anew, where it would be too long. */
export function toFeedCursor({ era: eraName, told, stage }: FeedCursor): string {
  if (Math.max(told.open.length, stage?.until.open.length ?? 0) > MOST_OPEN) return "";
  const parts = [FORM, eraName, toNumbers(told)];
  const rest = stage === null ? [] : [toNumbers(stage.until), stage.changed, stage.id];
  return Buffer.from(JSON.stringify([...parts, ...rest])).toString("base64url");
}

/** Null for a cursor of another version of the gateway, and for an empty text. Throws a `BadCursorError` for what is no cursor at all. */
export function fromFeedCursor(cursor: string): FeedCursor | null {
  if (cursor === "") return null;
  const json = toJson(cursor);
  const form = anyForm.safeParse(json);
  if (!form.success) throw new BadCursorError();
  if (form.data[0] !== FORM) return null;
  const simple = between.safeParse(json);
  if (simple.success) return { era: simple.data[1], told: simple.data[2], stage: null };
  const full = within.safeParse(json);
  if (!full.success) throw new BadCursorError();
  const [, eraName, told, until, changed, id] = full.data;
  return { era: eraName, told, stage: { until, changed, id } };
}

function toNumbers({ next, open }: FeedPlace): number[] {
  return [next, ...open];
}

function toJson(cursor: string): unknown {
  if (cursor.length > LONGEST_CURSOR) throw new BadCursorError();
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadCursorError();
    throw error;
  }
}
