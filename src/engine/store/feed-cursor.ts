import { createCipheriv, createDecipheriv, createHmac, createSecretKey } from "node:crypto";

import { chance } from "../../runtime/environment.ts";
import { BadCursorError } from "../job/errors.ts";

/**
 * The numbers of committed changes: all below `next` except `open`. On Postgres these are a transaction snapshot's xmax
 * and xip list; SQLite commits in order, so none is open.
 */
export type Snapshot = { readonly next: number; readonly open: readonly number[] };

/** Where a reader of the feed stands. */
export type FeedCursor = {
  readonly delivered: Snapshot;
  /**
   * Numbers of new statuses in `delivered` that are not delivered, because their jobs changed again: the newer change
   * delivers them. Null where they are too many: then any may be one.
   */
  readonly superseded?: readonly number[] | null;
  /** Null between two stages. Of the stage from `delivered` to `until`, everything up to `changed` and `id` is delivered. */
  readonly stage: {
    readonly until: Snapshot;
    readonly changed: number;
    readonly id: string;
  } | null;
};

/** Encrypts cursors: their numbers would show every owner how much the others do. */
export type CursorSeal = {
  /** Url-safe and different each time; empty, which begins anew, where it would be too long. */
  close(cursor: FeedCursor): string;
  /** Null for an empty text and another seal or form. Throws a `BadCursorError` for what is no cursor. */
  open(text: string): FeedCursor | null;
};

/** Raise it when `FeedCursor` changes, so that older cursors begin anew. */
const FORM = 2;
const SHAPE = /^feed\d+_[\da-f]{12}_[\w-]+$/;

/** Far more transactions than are ever open at once; each cursor of a page repeats them. */
const MAX_OPEN = 500;
/** Above the longest that is made here: two lists of open transactions. */
const MAX_CURSOR_LENGTH = 32_768;

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const PROOF_BYTES = 16;
/** Cursors are padded to a multiple of this, so that their length reveals little. */
const BLOCK_CHARACTERS = 64;

/** All gateways that know the same secret make the same seal. */
export function createCursorSeal(secret: string): CursorSeal {
  const derive = (use: string): Buffer => createHmac("sha256", secret).update(use).digest();
  // Node takes in a key object ten times as fast as bytes.
  const key = createSecretKey(derive("key"));
  const prefix = `feed${FORM}_${derive("tag").toString("hex").slice(0, 12)}_`;

  return {
    close(cursor) {
      const { delivered, superseded, stage } = cursor;
      if (Math.max(delivered.open.length, stage?.until.open.length ?? 0) > MAX_OPEN) return "";
      const list = superseded === undefined ? [delivered, stage] : [delivered, stage, superseded];
      const text = JSON.stringify(list);
      const padded = text.padEnd(Math.ceil(text.length / BLOCK_CHARACTERS) * BLOCK_CHARACTERS);
      const nonce = chance.bytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce);
      const parts = [nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()];
      return prefix + Buffer.concat(parts).toString("base64url");
    },
    open(text) {
      if (text === "") return null;
      if (text.length > MAX_CURSOR_LENGTH || !SHAPE.test(text)) throw new BadCursorError();
      if (!text.startsWith(prefix)) return null;
      const bytes = Buffer.from(text.slice(prefix.length), "base64url");
      try {
        const nonce = bytes.subarray(0, NONCE_BYTES);
        const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: PROOF_BYTES });
        decipher.setAuthTag(bytes.subarray(-PROOF_BYTES));
        const opened = decipher.update(bytes.subarray(NONCE_BYTES, -PROOF_BYTES)).toString();
        // Throws for what was not closed with this key.
        decipher.final();
        const [delivered, stage, superseded] = JSON.parse(opened);
        return superseded === undefined ? { delivered, stage } : { delivered, stage, superseded };
      } catch {
        throw new BadCursorError();
      }
    },
  };
}
