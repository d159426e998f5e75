import { expect, onTestFinished, test, vi } from "vitest";

import type { Admission } from "../../src/auth/authenticator.ts";
import { createSessions } from "../../src/auth/authenticator.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";

function createAdmission(details: Partial<Admission> = {}): Admission {
  return { viewer: LOCAL_VIEWER, expiresAt: null, isRevoked: () => false, ...details };
}

/** On a clock that the test moves. */
function open() {
  vi.useFakeTimers({ now: 1_000 });
  const { log, of } = createRecordedLog();
  const sessions = createSessions({ log });
  onTestFinished(() => {
    sessions.close();
    vi.useRealTimers();
  });
  return { sessions, errors: () => of("error") };
}

test("a session ends within a second of its credential's end or revocation, once, and no other does", () => {
  const { sessions, errors } = open();
  let isRevoked = false;
  const ends = [vi.fn(), vi.fn(), vi.fn(), vi.fn()] as const;
  // What can't be ended keeps no other from its end.
  sessions.enter(createAdmission({ expiresAt: 61_000 }), () => {
    throw new Error("The socket is odd.");
  });
  sessions.enter(createAdmission({ expiresAt: 61_000 }), ends[0]);
  sessions.enter(createAdmission({ isRevoked: () => isRevoked }), ends[1]);
  sessions.enter(createAdmission(), ends[2]);
  const leave = sessions.enter(createAdmission({ expiresAt: 2_000 }), ends[3]);
  leave();
  leave();
  vi.advanceTimersByTime(59_999);
  expect(ends[0]).not.toHaveBeenCalled();
  expect(ends[1]).not.toHaveBeenCalled();
  isRevoked = true;
  vi.advanceTimersByTime(1_000);
  vi.advanceTimersByTime(10_000);
  expect(ends.map(({ mock }) => mock.calls)).toEqual([[["expired"]], [["revoked"]], [], []]);
  expect(errors()).toHaveLength(1);
});
