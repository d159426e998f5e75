import { z } from "zod";

import { BadCursorError } from "../job/errors.ts";
import { IDENTIFIER } from "../job/identifier.ts";
import type { FeedSeal } from "./feed-seal.ts";

/**
 * Which changes are told, by their numbers: all below `next` but the `open` ones, which had not committed. On Postgres
 * it is a snapshot of transactions (its xmax and its xip list); on SQLite changes commit in order, and none is open.
 */
export type FeedPlace = { readonly next: number; readonly open: readonly number[] };

/** Where a reader of the feed stands. */
export type FeedCursor = {
  /** All of this is told. */
  readonly told: FeedPlace;
  /** Null between two stages. Of a stage, which leads from `told` to `until`, all up to `changed` and `id` is told. */
  readonly stage: {
    readonly until: FeedPlace;
    readonly changed: number;
    readonly id: string;
  } | null;
};

/**
 * The kind of cursor that is written here. Those of another version of the gateway have another number: before this one
 * the numbers could be read, and told every owner how much all others did.
 */
const FORM = 2;

/** Far more transactions than are ever open at once; each cursor of a page repeats them. */
const MOST_OPEN = 500;
/** Above the longest that is made here: two lists of the transactions that were open. */
const LONGEST_CURSOR = 32_768;

const number = z.int().nonnegative();
const anyForm = z.tuple([number], z.unknown());
const sealedForm = z.tuple([z.literal(FORM), z.string(), z.string()]);

const place = z.tuple([number], number).transform(([next, ...open]): FeedPlace => ({ next, open }));
const between = z.tuple([place]);
const within = z.tuple([place, place, number, z.string().regex(new RegExp(`^${IDENTIFIER}$`))]);

/** A cursor as clients hand it back; an empty one, which begins anew, where it would be too long. */
export function toFeedCursor({ told, stage }: FeedCursor, seal: FeedSeal): string {
  if (Math.max(told.open.length, stage?.until.open.length ?? 0) > MOST_OPEN) return "";
  const rest = stage === null ? [] : [toNumbers(stage.until), stage.changed, stage.id];
  const sealed = seal.close(JSON.stringify([toNumbers(told), ...rest]));
  return Buffer.from(JSON.stringify([FORM, seal.tag, sealed])).toString("base64url");
}

/**
 * Null for a cursor under another seal or of another version of the gateway, and for an empty text. Throws a
 * `BadCursorError` for any other text.
 */
export function fromFeedCursor(cursor: string, seal: FeedSeal): FeedCursor | null {
  const text = openFeedCursor(cursor, seal);
  if (text === null) return null;
  const json = toJson(text);
  const simple = between.safeParse(json);
  if (simple.success) return { told: simple.data[0], stage: null };
  const full = within.safeParse(json);
  if (!full.success) throw new BadCursorError();
  const [told, until, changed, id] = full.data;
  return { told, stage: { until, changed, id } };
}

function openFeedCursor(cursor: string, seal: FeedSeal): string | null {
  if (cursor === "") return null;
  if (cursor.length > LONGEST_CURSOR) throw new BadCursorError();
  const json = toJson(Buffer.from(cursor, "base64url").toString());
  const form = anyForm.safeParse(json);
  if (!form.success) throw new BadCursorError();
  if (form.data[0] !== FORM) return null;
  const parts = sealedForm.safeParse(json);
  if (!parts.success) throw new BadCursorError();
  const [, tag, sealed] = parts.data;
  if (tag !== seal.tag) return null;
  const text = seal.open(sealed);
  if (text === null) throw new BadCursorError();
  return text;
}

function toNumbers({ next, open }: FeedPlace): number[] {
  return [next, ...open];
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadCursorError();
    throw error;
  }
}
