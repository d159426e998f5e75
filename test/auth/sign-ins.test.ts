import { expect, onTestFinished, test, vi } from "vitest";

import type { Admission } from "../../src/auth/authenticator.ts";
import { createSessions } from "../../src/auth/authenticator.ts";
import type { SignIn } from "../../src/auth/sign-ins.ts";
import { createSignIns } from "../../src/auth/sign-ins.ts";
import { createViewer } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";

const DAY_MS = 86_400_000;

/** Gateways that share their rows, on a clock that the test moves. */
function open() {
  vi.useFakeTimers({ now: 999 });
  // At the monotonic clock's 0 nothing expires that is cached.
  vi.advanceTimersByTime(1);
  onTestFinished(() => void vi.useRealTimers());
  const rows = new Map<string, SignIn>();
  const reads: string[] = [];
  const revoked = new Set<string>();

  function start() {
    const { log } = createRecordedLog();
    const sessions = createSessions({ log });
    const rests: { readonly ms: number; readonly end: () => void }[] = [];
    const signIns = createSignIns({
      rows: {
        open: async (signIn) => (rows.set(signIn.hash, signIn), []),
        async find(hash) {
          reads.push("find");
          return rows.get(hash) ?? null;
        },
        async listOpen(hashes) {
          reads.push("listOpen");
          return hashes.filter((hash) => rows.has(hash));
        },
        end: async (hash) => void rows.delete(hash),
      },
      key: "of the database",
      authenticator: {
        restore: async ({ ownerId, signedBy }) =>
          revoked.has(signedBy) ? null : admit({ viewer: createViewer({ ownerId }), signedBy }),
      },
      sessions,
      sleep: (ms, signal) =>
        new Promise((end) => {
          rests.push({ ms, end });
          signal.addEventListener("abort", () => end());
        }),
    });
    onTestFinished(async () => {
      await signIns.close();
      sessions.close();
    });
    return { signIns, sessions, rests };
  }

  const admit = (details: Partial<Admission> = {}): Admission => ({
    viewer: createViewer({ ownerId: "anna" }),
    signedBy: "k1",
    expiresAt: null,
    isRevoked: () => revoked.has("k1"),
    ...details,
  });
  return { start, admit, reads, revoked };
}

test("a sign-in lasts for 30 days, or until its token's exp where that is sooner", async () => {
  const { start, admit } = open();
  const { signIns } = start();
  const long = await signIns.open(admit());
  const soon = await signIns.open(admit({ expiresAt: 61_000 }));
  expect([long.seconds, soon.seconds]).toEqual([30 * 86_400, 60]);
  expect(await signIns.authenticate(soon.shown)).toMatchObject({ expiresAt: 61_000 });
  expect(await signIns.authenticate(long.shown)).toMatchObject({ expiresAt: 1_000 + 30 * DAY_MS });
});

test("one that another gateway ends is believed for 700 ms, and what it opened ends within 2 s", async () => {
  const { start, admit, reads } = open();
  const [here, there] = [start(), start()];
  const { shown } = await here.signIns.open(admit());
  const admission = await there.signIns.authenticate(shown);
  const end = vi.fn();
  there.sessions.enter(admission, end);
  await here.signIns.end(shown);
  vi.advanceTimersByTime(700);
  expect(await there.signIns.authenticate(shown)).toBe(admission);
  expect(reads).toEqual(["find"]);
  vi.advanceTimersByTime(1);
  const over = expect.objectContaining({ reason: "invalid" });
  await expect(there.signIns.authenticate(shown)).rejects.toEqual(over);
  expect(there.rests).toEqual([{ ms: 700, end: expect.any(Function) }]);
  there.rests[0]?.end();
  await vi.waitFor(() => expect(there.rests).toHaveLength(2), 10_000);
  // Once it is known to be over, it costs no read.
  await expect(there.signIns.authenticate(shown)).rejects.toEqual(over);
  await expect(here.signIns.authenticate(shown)).rejects.toEqual(over);
  vi.advanceTimersByTime(500);
  expect(end.mock.calls).toEqual([["revoked"]]);
  expect(reads.filter((read) => read === "find")).toHaveLength(2);
});

test("those who ask at once share a read, and where nothing lasts nothing is read", async () => {
  const { start, admit, reads } = open();
  const { signIns, rests } = start();
  const { shown } = await signIns.open(admit());
  const all = await Promise.all(Array.from({ length: 20 }, () => signIns.authenticate(shown)));
  expect(new Set(all).size).toBe(1);
  rests[0]?.end();
  await vi.waitFor(() => expect(rests).toHaveLength(2), 10_000);
  expect(reads).toEqual(["find"]);
});

test("a key that is withdrawn ends it at once, however lately it was believed", async () => {
  const { start, admit, revoked } = open();
  const { signIns } = start();
  const { shown } = await signIns.open(admit());
  await signIns.authenticate(shown);
  revoked.add("k1");
  await expect(signIns.authenticate(shown)).rejects.toMatchObject({ reason: "invalid" });
});
