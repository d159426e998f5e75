import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import type { UpstreamErrorCode } from "../../src/job/upstream-error.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";

let now = 0;
let logged: string[] = [];

beforeEach(() => {
  now = 1_000_000;
  logged = [];
});

function makePace(random = 1) {
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  return createPace({ now: () => now, random: () => random, log });
}

function failure(code: UpstreamErrorCode) {
  return new RunComfyError("It failed.", { code, delivery: "unknown" });
}

function makeOutage(random = 1) {
  const pace = makePace(random);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
  return pace;
}

test("Without failures everybody may look at any time", () => {
  const pace = makePace();
  expect([pace.claimLook(), pace.claimLook(), pace.pausedForMs()]).toEqual([0, 0, 0]);
});

test("A pause that was asked for runs down and holds up looks as well", () => {
  const pace = makePace();
  pace.notePause(7_000);
  now += 2_500;
  expect(pace.pausedForMs()).toBe(4_500);
  expect(pace.claimLook()).toBe(4_500);
  now += 4_500;
  expect(pace.pausedForMs()).toBe(0);
  expect(pace.claimLook()).toBe(0);
});

test("Of several pauses the longest counts, and none counts for more than five minutes", () => {
  const pace = makePace();
  pace.notePause(9_000);
  pace.notePause(1_000);
  expect(pace.pausedForMs()).toBe(9_000);
  pace.notePause(86_400_000);
  expect(pace.pausedForMs()).toBe(300_000);
});

test.each(["UNAVAILABLE", "TIMEOUT", "UNAUTHORIZED", "RATE_LIMITED"] as const)(
  "Five reads in a row that end as %s are an outage, four are none",
  (code) => {
    const pace = makePace();
    for (let reads = 0; reads < 4; reads += 1) pace.noteRead(failure(code));
    expect(pace.claimLook()).toBe(0);
    pace.noteRead(failure(code));
    expect(pace.claimLook()).toBe(1_000);
  },
);

test("A success between failures starts their count anew", () => {
  const pace = makePace();
  for (let reads = 0; reads < 20; reads += 1) {
    pace.noteRead(reads % 5 === 4 ? null : failure("UNAVAILABLE"));
  }
  expect(pace.claimLook()).toBe(0);
});

test("An answer about one job shows that the upstream is there; garbage shows nothing", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook()).toBe(0);
  pace.noteRead(failure("INVALID_RESPONSE"));
  expect(pace.claimLook()).toBe(2_000);
  pace.noteRead(failure("NOT_FOUND"));
  expect(pace.claimLook()).toBe(0);
});

test("In an outage one look at a time passes, ever more rarely, at last every 15 seconds", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let looks = 0; looks < 6; looks += 1) {
    const waitMs = pace.claimLook();
    waits.push(waitMs);
    now += waitMs;
    expect(pace.claimLook()).toBe(0);
    expect(pace.claimLook()).toBeGreaterThan(0);
    pace.noteRead(failure("TIMEOUT"));
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

test("The waits of an outage are jittered, down to a half", () => {
  expect(makeOutage(0).claimLook()).toBe(500);
  expect(makeOutage(0.5).claimLook()).toBe(750);
});

test("Looks that were under way when the outage began do not lengthen its waits", () => {
  const pace = makeOutage();
  for (let reads = 0; reads < 50; reads += 1) pace.noteRead(failure("TIMEOUT"));
  expect(pace.claimLook()).toBe(1_000);
});

test("A look whose end is never noted gives up its place after 15 seconds", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook()).toBe(0);
  expect(pace.claimLook()).toBe(15_000);
  now += 15_000;
  expect(pace.claimLook()).toBe(0);
});

test("A look that ended before any read gives its place to the next", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook()).toBe(0);
  pace.releaseLook();
  expect(pace.claimLook()).toBe(0);
  expect(pace.claimLook()).toBe(15_000);
  pace.noteRead(failure("TIMEOUT"));
  expect(pace.claimLook()).toBe(2_000);
});

test("A place that nobody has can't be given back: pauses and the waits of an outage stay", () => {
  const pace = makePace();
  pace.notePause(7_000);
  pace.releaseLook();
  expect(pace.claimLook()).toBe(7_000);
  const outage = makeOutage();
  outage.releaseLook();
  expect(outage.claimLook()).toBe(1_000);
  now += 1_000;
  expect(outage.claimLook()).toBe(0);
  outage.noteRead(failure("TIMEOUT"));
  outage.releaseLook();
  expect(outage.claimLook()).toBe(2_000);
});

test("The first success ends an outage at once, and the log tells its start and end once each", () => {
  const pace = makeOutage();
  pace.noteRead(failure("TIMEOUT"));
  pace.noteRead(null);
  pace.noteRead(null);
  expect([pace.claimLook(), pace.claimLook()]).toEqual([0, 0]);
  expect(logged).toHaveLength(2);
  expect(logged[0]).toContain("keeps failing");
  expect(logged[1]).toContain("answers again");
});
