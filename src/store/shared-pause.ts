import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";

/** There is one upstream, so one pause. */
const UPSTREAM = "upstream";

/** See `Ownership.readPauseMs`. */
export async function readPauseMs({ kind, ownershipQueries }: Database): Promise<number> {
  const nowMs = databaseNowMs(kind);
  const row = await ownershipQueries
    .selectFrom("pauses")
    .select((eb) => eb("paused_until", "-", nowMs).as("leftMs"))
    .where("id", "=", UPSTREAM)
    // A clock that was set back must not make the pause longer than it was meant.
    .where("noted_at", "<=", nowMs)
    .where("paused_until", ">", nowMs)
    .executeTakeFirst();
  return Math.max(0, row?.leftMs ?? 0);
}

/** See `Ownership.notePause`. Of two pauses the one that ends later holds. */
export async function notePause(
  { kind, ownershipQueries }: Database,
  durationMs: number,
): Promise<void> {
  const nowMs = databaseNowMs(kind);
  await ownershipQueries
    .insertInto("pauses")
    .values((eb) => ({
      id: UPSTREAM,
      noted_at: nowMs,
      paused_until: eb(nowMs, "+", Math.ceil(durationMs)),
    }))
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet((eb) => ({
          noted_at: eb.ref("excluded.noted_at"),
          paused_until: eb.ref("excluded.paused_until"),
        }))
        .where((eb) =>
          eb.or([
            eb("pauses.paused_until", "<", eb.ref("excluded.paused_until")),
            eb("pauses.noted_at", ">", eb.ref("excluded.noted_at")),
          ]),
        ),
    )
    .execute();
}
