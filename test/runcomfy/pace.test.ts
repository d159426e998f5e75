import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import type { UpstreamErrorCode } from "../../src/job/upstream-error.ts";
import type { Delivery } from "../../src/runcomfy/runcomfy-error.ts";
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

function failure(code: UpstreamErrorCode, delivery: Delivery = "unknown") {
  return new RunComfyError("It failed.", { code, delivery });
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

test("In an outage one look at a time passes, ever more rarely, at last every 8 seconds", () => {
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
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
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

test("A look whose end is never noted gives up its place after 8 seconds", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook()).toBe(0);
  expect(pace.claimLook()).toBe(8_000);
  now += 8_000;
  expect(pace.claimLook()).toBe(0);
});

test("A look that ended before any read gives its place to the next", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook()).toBe(0);
  pace.releaseLook();
  expect(pace.claimLook()).toBe(0);
  expect(pace.claimLook()).toBe(8_000);
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

test("Several gateways share the looks of an outage, and none is told of its end later than alone", () => {
  const pace = makeOutage();
  pace.setGateways(3);
  const waits: number[] = [];
  for (let looks = 0; looks < 4; looks += 1) {
    const waitMs = pace.claimLook();
    waits.push(waitMs);
    now += waitMs;
    pace.claimLook();
    pace.noteRead(failure("TIMEOUT"));
  }
  expect(waits).toEqual([1_000, 6_000, 8_000, 8_000]);
});

test("The upstream's last answer is told with its age, and an outage as such", () => {
  const pace = makePace();
  expect(pace.reach()).toEqual({ isOutage: false, isCutOff: false, answeredMsAgo: null });
  pace.noteSubmit(null);
  now += 5_000;
  expect(pace.reach().answeredMsAgo).toBe(5_000);
  pace.noteRead(failure("NOT_FOUND"));
  expect(pace.reach().answeredMsAgo).toBe(0);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
  expect(pace.reach()).toEqual({ isOutage: true, isCutOff: false, answeredMsAgo: 0 });
});

test("An answer that another gateway got in an outage lets one look and one probe go at once, and only the first", () => {
  const pace = makeOutage();
  now += 500;
  pace.noteAnswerElsewhere(500);
  expect(pace.claimLook()).toBe(500);
  pace.noteAnswerElsewhere(100);
  expect(pace.claimLook()).toBe(0);
  expect(pace.claimProbe()).toBe(0);
  pace.noteRead(failure("UNAVAILABLE"));
  pace.noteAnswerElsewhere(0);
  expect(pace.claimLook()).toBe(2_000);
});

test("Who fails for long, also after another gateway had an answer, is cut off until it has one too", () => {
  const pace = makeOutage();
  now += 7_000;
  // That was before the first failure.
  pace.noteAnswerElsewhere(7_001);
  pace.noteRead(failure("UNAVAILABLE"));
  expect(pace.reach().isCutOff).toBe(false);
  now += 2_000;
  pace.noteAnswerElsewhere(1_000);
  expect(pace.reach().isCutOff).toBe(false);
  now += 1_000;
  pace.noteRead(failure("UNAVAILABLE"));
  expect(pace.reach().isCutOff).toBe(true);
  pace.noteRead(null);
  expect(pace.reach().isCutOff).toBe(false);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
  now += 7_000;
  pace.noteRead(failure("UNAVAILABLE"));
  expect(pace.reach().isCutOff).toBe(false);
});

test("Who fails for a short time is not cut off, and whose call hangs is, after a while", () => {
  const pace = makeOutage();
  now += 1_000;
  pace.noteAnswerElsewhere(500);
  pace.noteRead(failure("UNAVAILABLE"));
  now += 4_999;
  expect(pace.reach().isCutOff).toBe(false);
  now += 1;
  expect(pace.reach().isCutOff).toBe(true);

  const hanging = makeOutage();
  now += 9_000;
  hanging.noteAnswerElsewhere(0);
  now += 5_999;
  expect(hanging.reach().isCutOff).toBe(false);
  now += 1;
  expect(hanging.reach().isCutOff).toBe(true);
});

test.each([
  ["UNAVAILABLE", "never-arrived"],
  ["UNAVAILABLE", "unknown"],
  ["TIMEOUT", "unknown"],
] as const)("Five submits in a row that end as %s, %s, are an outage", (code, delivery) => {
  const pace = makePace();
  for (let submits = 0; submits < 4; submits += 1) pace.noteSubmit(failure(code, delivery));
  expect(pace.isOutage()).toBe(false);
  pace.noteSubmit(failure(code, delivery));
  expect(pace.isOutage()).toBe(true);
  expect(pace.submitRefusal()).toBe("UNAVAILABLE");
});

test("A good read between submits of unknown fate shows that the fault is theirs", () => {
  const pace = makePace();
  for (let submits = 0; submits < 20; submits += 1) {
    if (submits % 4 === 0) pace.noteRead(null);
    pace.noteSubmit(failure("UNAVAILABLE"));
  }
  expect(pace.isOutage()).toBe(false);
});

test("Submits that were refused, or answered with garbage, are no outage", () => {
  const pace = makePace();
  for (let submits = 0; submits < 20; submits += 1) {
    pace.noteSubmit(failure("RATE_LIMITED", "refused"));
    pace.noteSubmit(failure("UNAVAILABLE", "refused"));
    pace.noteSubmit(failure("INVALID_RESPONSE"));
  }
  expect(pace.isOutage()).toBe(false);
});

test("In an outage no submit may go however long it lasts, and one that was under way can end it", () => {
  const pace = makePace();
  expect(pace.submitRefusal()).toBeNull();
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
  now += 3_600_000;
  expect([pace.submitRefusal(), pace.submitRefusal()]).toEqual(["UNAVAILABLE", "UNAVAILABLE"]);
  pace.noteSubmit(failure("INSUFFICIENT_FUNDS", "refused"));
  expect(pace.submitRefusal()).toBeNull();
});

test("In an outage one probe at a time passes, ever more rarely, at last every 8 seconds", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let probes = 0; probes < 5; probes += 1) {
    const waitMs = pace.claimProbe();
    waits.push(waitMs);
    now += waitMs;
    expect(pace.claimProbe()).toBe(0);
    expect(pace.claimProbe()).toBe(8_000);
    pace.noteProbe(failure("UNAVAILABLE"));
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  pace.notePause(60_000);
  expect(pace.claimProbe()).toBe(60_000);
  pace.noteProbe(failure("NOT_FOUND"));
  expect(pace.isOutage()).toBe(false);
});

test("One job whose looks always fail, and take each place for a look, keeps no probe away", () => {
  const pace = makeOutage();
  for (let looks = 0; looks < 10; looks += 1) {
    now += pace.claimLook();
    expect(pace.claimLook()).toBe(0);
    pace.noteRead(failure("UNAVAILABLE"));
  }
  expect(pace.claimProbe()).toBe(0);
  pace.noteProbe(null);
  expect(pace.isOutage()).toBe(false);
});

test("A call that hung is waited for no longer than one that failed at once", () => {
  const pace = makeOutage();
  now += 1_000;
  expect([pace.claimLook(), pace.claimProbe()]).toEqual([0, 0]);
  now += 5_000;
  pace.noteProbe(failure("TIMEOUT"));
  pace.noteRead(failure("TIMEOUT"));
  expect([pace.claimLook(), pace.claimProbe()]).toEqual([0, 0]);
});

test("Where probes are answered and all else fails, the outages that follow are probed ever more rarely", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let outages = 0; outages < 5; outages += 1) {
    const waitMs = pace.claimProbe();
    waits.push(waitMs);
    now += waitMs;
    pace.claimProbe();
    pace.noteProbe(null);
    if (outages === 3) now += 60_000;
    for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 1_000]);
});

test("The beginning of each outage is told once", () => {
  const pace = makePace();
  let told = 0;
  pace.onOutage(() => (told += 1));
  for (const expected of [1, 2]) {
    for (let reads = 0; reads < 10; reads += 1) pace.noteRead(failure("UNAVAILABLE"));
    expect(told).toBe(expected);
    pace.noteRead(null);
  }
});

test("A submit that an unaccepted token holds back is told of the token", () => {
  const pace = makePace();
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAUTHORIZED"));
  expect(pace.submitRefusal()).toBe("UNAUTHORIZED");
});

test("A pause that is longer than before is told once, and one that others were told is not told again", () => {
  const pace = makePace();
  let told = 0;
  pace.onPause(() => (told += 1));
  for (let answers = 0; answers < 20; answers += 1) pace.notePause(7_000);
  expect(told).toBe(1);
  pace.adoptPause(60_000);
  pace.notePause(7_000);
  expect(told).toBe(1);
  expect(pace.pausedForMs()).toBe(60_000);
});
