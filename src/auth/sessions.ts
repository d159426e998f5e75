import type { BaseLogger } from "pino";

import type { Admission } from "./authenticator.ts";

/** Why a session must end: its credential has run out, or is no longer accepted. */
export type SessionEnd = "expired" | "revoked";

/** What outlives the request that let it in, such as sockets and event streams: each ends with its credential. */
export type Sessions = {
  /** Calls `end` once, when the admission is over. Returns how to leave, which may be called more than once. */
  enter(admission: Admission, end: (reason: SessionEnd) => void): () => void;
  /** Why a session of this admission is over, though it may not have been called on yet; null while it is not. */
  findEnd(admission: Admission): SessionEnd | null;
  close(): void;
};

type Session = { readonly admission: Admission; readonly end: (reason: SessionEnd) => void };

/** One timer looks at all; how many there are is bounded by whoever enters them. */
export function createSessions(options: {
  readonly log: Pick<BaseLogger, "error">;
  readonly lookMs?: number;
}): Sessions {
  const { log, lookMs = 500 } = options;
  const sessions = new Set<Session>();

  function look(): void {
    const at = Date.now();
    for (const session of sessions) {
      const reason = findEnd(session.admission, at);
      if (reason === null) continue;
      sessions.delete(session);
      try {
        session.end(reason);
      } catch (error) {
        // The others must end all the same.
        log.error({ err: error }, "A session could not be ended when its credential was over.");
      }
    }
  }

  const timer = setInterval(look, lookMs).unref();
  return {
    enter(admission, end) {
      const session = { admission, end };
      sessions.add(session);
      return () => void sessions.delete(session);
    },
    findEnd: (admission) => findEnd(admission, Date.now()),
    close() {
      clearInterval(timer);
      sessions.clear();
    },
  };
}

function findEnd({ expiresAt, isRevoked }: Admission, at: number): SessionEnd | null {
  if (expiresAt !== null && expiresAt <= at) return "expired";
  return isRevoked() ? "revoked" : null;
}
