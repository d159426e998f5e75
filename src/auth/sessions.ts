import type { BaseLogger } from "pino";

import { clock } from "../runtime/environment.ts";
import type { Admission } from "./authenticator.ts";

/** Why a session must end: its credential has expired, or is no longer accepted. */
export type SessionEnd = "expired" | "revoked";

/** What outlives the request that let it in, such as sockets and event streams: each ends with its credential. */
export type Sessions = ReturnType<typeof createSessions>;

type Session = { readonly admission: Admission; readonly end: (reason: SessionEnd) => void };

/** One timer checks all; how many there are is bounded by whoever enters them. */
export function createSessions(options: {
  readonly log: Pick<BaseLogger, "error">;
  readonly pollMs?: number;
}) {
  const { log, pollMs = 500 } = options;
  const sessions = new Set<Session>();

  function poll(): void {
    const at = clock.now();
    for (const session of sessions) {
      const reason = findEnd(session.admission, at);
      if (reason === null) continue;
      sessions.delete(session);
      try {
        session.end(reason);
      } catch (error) {
        // The others must still end.
        log.error({ err: error }, "A session could not be ended when its credential was over.");
      }
    }
  }

  const stopTimer = clock.repeat(poll, pollMs);
  return {
    /** Calls `end` once, when the admission is over. Returns how to leave, which may be called more than once. */
    enter(admission: Admission, end: Session["end"]): () => void {
      const session = { admission, end };
      sessions.add(session);
      return () => void sessions.delete(session);
    },
    /** Why a session of this admission is over, though `end` may not have been called yet; null while it is not. */
    findEnd: (admission: Admission) => findEnd(admission, clock.now()),
    close(): void {
      stopTimer();
      sessions.clear();
    },
  };
}

function findEnd({ expiresAt, isRevoked }: Admission, at: number): SessionEnd | null {
  if (expiresAt !== null && expiresAt <= at) return "expired";
  return isRevoked() ? "revoked" : null;
}
