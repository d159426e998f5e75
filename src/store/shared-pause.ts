import { sql } from "kysely";

import type { Database } from "./database.ts";
import type { Pauses } from "./job-store.ts";

/** The pause that the upstream asked for, shared by all gateways. Of two pauses the one that ends later holds. */
export function createSharedPause({ nowMs, queries, upstream }: Database): Pauses {
  return {
    async readPauseMs() {
      const row = await queries
        .selectFrom("pauses")
        .select((eb) => eb("paused_until", "-", nowMs).as("leftMs"))
        .where("id", "=", upstream)
        // A clock that was set back must not make the pause longer than it was meant.
        .where("noted_at", "<=", nowMs)
        .where("paused_until", ">", nowMs)
        .executeTakeFirst();
      return Math.max(0, row?.leftMs ?? 0);
    },

    async notePause(durationMs) {
      await queries
        .insertInto("pauses")
        .values((eb) => ({
          id: upstream,
          noted_at: nowMs,
          paused_until: eb(nowMs, "+", Math.ceil(durationMs)),
        }))
        .onConflict((conflict) =>
          conflict
            .column("id")
            .doUpdateSet({
              noted_at: sql`excluded.noted_at`,
              paused_until: sql`excluded.paused_until`,
            })
            .where(
              sql<boolean>`pauses.paused_until < excluded.paused_until or pauses.noted_at > excluded.noted_at`,
            ),
        )
        .execute();
    },
  };
}
