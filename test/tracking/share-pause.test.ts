import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import type { UpstreamHealth } from "../../src/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import { startPauseSharing } from "../../src/tracking/share-pause.ts";

const log = pino({ level: "silent" });

/** The one row that gateways share, and whether its database is away. */
let shared: { pauseMs: number; writes: number; isAway: boolean };
let health: UpstreamHealth;
let exchange: () => Promise<void>;

function share({ isShared }: { readonly isShared: boolean }): void {
  health = createHealth({ now: () => 0, random: () => 0, log });
  exchange = startPauseSharing({
    store: {
      isShared,
      pauses: {
        readPauseMs: () => Promise.resolve(shared.pauseMs),
        notePause(durationMs) {
          shared.writes += 1;
          if (shared.isAway) return Promise.reject(new Error("away"));
          shared.pauseMs = Math.max(shared.pauseMs, durationMs);
          return Promise.resolve();
        },
      },
    },
    health,
    log,
  });
}

beforeEach(() => {
  shared = { pauseMs: 0, writes: 0, isAway: false };
  share({ isShared: true });
});

test("a pause is told to the others at once, and once however many answers ask for it", () => {
  for (let answers = 0; answers < 50; answers++) health.notePause(7_000);
  expect(shared).toMatchObject({ pauseMs: 7_000, writes: 1 });
});

test("a pause that grows is told again", () => {
  health.notePause(7_000);
  health.notePause(20_000);
  health.notePause(60_000);
  expect(shared).toMatchObject({ pauseMs: 60_000, writes: 3 });
});

test("what another gateway was told holds here too, and is not told back", async () => {
  shared.pauseMs = 9_000;
  await exchange();
  expect(health.pausedForMs()).toBe(9_000);
  expect(shared.writes).toBe(0);
});

test("a pause that could not be told is told at a later beat", async () => {
  shared.isAway = true;
  health.notePause(7_000);
  shared.isAway = false;
  await exchange();
  expect(shared.pauseMs).toBe(7_000);
});

test("where no other gateway can live nothing is told", async () => {
  share({ isShared: false });
  health.notePause(7_000);
  await exchange();
  expect(shared.writes).toBe(0);
});
