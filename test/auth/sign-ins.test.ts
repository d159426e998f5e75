import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import { openApiKeys } from "../../src/auth/api-keys.ts";
import type { Admission } from "../../src/auth/authenticator.ts";
import { createSessions } from "../../src/auth/authenticator.ts";
import { createJwtAuthenticator } from "../../src/auth/jwt-authenticator.ts";
import type { SignIn } from "../../src/auth/sign-ins.ts";
import { createSignIns } from "../../src/auth/sign-ins.ts";
import { keepSigningKeys } from "../../src/auth/signing-keys.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { ALL_SCOPES, GRANTS } from "../support/parts.ts";
import { createViewer, NO_LIMITS } from "../support/viewers.ts";
import { createApiKeysFile } from "./api-keys-file.ts";
import { AUDIENCE, createSigner, ISSUER, sign } from "./issuer.ts";
import { createRecordedLog } from "./recorded-log.ts";

const DAY_MS = 86_400_000;
const QUIET = pino({ level: "silent" });

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
        restore: async ({ ownerId, credential }) =>
          revoked.has(credential.signedBy)
            ? null
            : admit({ viewer: createViewer({ ownerId, credential }) }),
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
    viewer: createViewer({ ownerId: "anna", credential: { signedBy: "k1" } }),
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

test.each([
  ["an API key", openKeys],
  ["a token", openTokens],
])(
  "one with %s is that credential after a restart, whether its jobs need approval included",
  async (_what, openAuthenticator) => {
    const { authenticator, credentials } = await openAuthenticator();
    const { log } = createRecordedLog();
    const sessions = createSessions({ log });
    const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log: QUIET });
    onTestFinished(async () => (sessions.close(), await store.close()));
    const start = () => {
      const signIns = createSignIns({ rows: store.signIns, key: "k", authenticator, sessions });
      onTestFinished(() => signIns.close());
      return signIns;
    };
    for (const [credential, needsApproval] of credentials) {
      const admission = await authenticator.authenticate(`Bearer ${credential}`);
      const { shown } = await start().open(admission);
      const restored = await start().authenticate(shown);
      expect(restored.viewer).toEqual(admission.viewer);
      expect(restored.viewer.credential.needsApproval).toBe(needsApproval);
    }
  },
);

async function openKeys() {
  const { file, create } = await createApiKeysFile();
  const credentials = [
    [await create("anna"), false],
    [await create("anna", "--approval", "always"), true],
  ] as const;
  const { log } = createRecordedLog();
  const authenticator = await openApiKeys({ ...GRANTS, file, limits: NO_LIMITS, log });
  onTestFinished(() => authenticator.close());
  return { authenticator, credentials };
}

async function openTokens() {
  const signer = await createSigner();
  const credentials = [
    [await sign(signer, { scope: "jobs:submit" }), false],
    [await sign(signer, { scope: "jobs:submit", approval: "always" }), true],
  ] as const;
  const authenticator = createJwtAuthenticator({
    config: { issuer: ISSUER, audience: AUDIENCE },
    ...{ limits: NO_LIMITS, scopes: ALL_SCOPES, now: Date.now },
    keys: keepSigningKeys({ keys: [signer.jwk] }),
  });
  return { authenticator, credentials };
}

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
