import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import type { UpstreamErrorCode } from "../../src/job/errors.ts";
import type { Delivery } from "../../src/runcomfy/runcomfy-error.ts";
import type { Pace, Probe } from "../../src/runcomfy/pace.ts";
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

/** Without an answer. */
function failure(code: UpstreamErrorCode, delivery: Delivery = "unknown") {
  return new RunComfyError("It failed.", { code, delivery });
}

function answered(httpStatus: number, code: UpstreamErrorCode = "UNAVAILABLE") {
  return new RunComfyError("It failed.", { code, delivery: "unknown", httpStatus });
}

function failReads(pace: Pace, deploymentId: string, count = 5): void {
  for (let reads = 0; reads < count; reads += 1) pace.noteRead(answered(500), deploymentId);
}

const ALL: Probe = { call: "list", deploymentId: null };

/** As `claimProbe`, 0 for any probe. */
function waitForProbe(pace: Pace): number {
  const claimed = pace.claimProbe();
  return typeof claimed === "number" ? claimed : 0;
}

function makeOutage(random = 1) {
  const pace = makePace(random);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
  return pace;
}

test("Without failures everybody may look at any time", () => {
  const pace = makePace();
  expect([pace.claimLook("dep"), pace.claimLook("dep"), pace.pausedForMs()]).toEqual([0, 0, 0]);
});

test("A pause that was asked for runs down and holds up looks as well", () => {
  const pace = makePace();
  pace.notePause(7_000);
  now += 2_500;
  expect(pace.pausedForMs()).toBe(4_500);
  expect(pace.claimLook("dep")).toBe(4_500);
  now += 4_500;
  expect(pace.pausedForMs()).toBe(0);
  expect(pace.claimLook("dep")).toBe(0);
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
    for (let reads = 0; reads < 4; reads += 1) pace.noteRead(failure(code), "dep");
    expect(pace.claimLook("dep")).toBe(0);
    pace.noteRead(failure(code), "dep");
    expect(pace.claimLook("dep")).toBe(1_000);
  },
);

test("A success between failures starts their count anew", () => {
  const pace = makePace();
  for (let reads = 0; reads < 20; reads += 1) {
    pace.noteRead(reads % 5 === 4 ? null : failure("UNAVAILABLE"), "dep");
  }
  expect(pace.claimLook("dep")).toBe(0);
});

test("An answer about one job shows that the upstream is there; garbage shows nothing", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook("dep")).toBe(0);
  pace.noteRead(failure("INVALID_RESPONSE"), "dep");
  expect(pace.claimLook("dep")).toBe(2_000);
  pace.noteRead(failure("NOT_FOUND"), "dep");
  expect(pace.claimLook("dep")).toBe(0);
});

test("In an outage one look at a time passes, ever more rarely, at last every 8 seconds", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let looks = 0; looks < 6; looks += 1) {
    const waitMs = pace.claimLook("dep");
    waits.push(waitMs);
    now += waitMs;
    expect(pace.claimLook("dep")).toBe(0);
    expect(pace.claimLook("dep")).toBeGreaterThan(0);
    pace.noteRead(failure("TIMEOUT"), "dep");
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

test("The waits of an outage are jittered, down to a half", () => {
  expect(makeOutage(0).claimLook("dep")).toBe(500);
  expect(makeOutage(0.5).claimLook("dep")).toBe(750);
});

test("Looks that were under way when the outage began do not lengthen its waits", () => {
  const pace = makeOutage();
  for (let reads = 0; reads < 50; reads += 1) pace.noteRead(failure("TIMEOUT"), "dep");
  expect(pace.claimLook("dep")).toBe(1_000);
});

test("A look whose end is never noted gives up its place after 8 seconds", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook("dep")).toBe(0);
  expect(pace.claimLook("dep")).toBe(8_000);
  now += 8_000;
  expect(pace.claimLook("dep")).toBe(0);
});

test("A look that ended before any read gives its place to the next", () => {
  const pace = makeOutage();
  now += 1_000;
  expect(pace.claimLook("dep")).toBe(0);
  pace.releaseLook("dep");
  expect(pace.claimLook("dep")).toBe(0);
  expect(pace.claimLook("dep")).toBe(8_000);
  pace.noteRead(failure("TIMEOUT"), "dep");
  expect(pace.claimLook("dep")).toBe(2_000);
});

test("A place that nobody has can't be given back: pauses and the waits of an outage stay", () => {
  const pace = makePace();
  pace.notePause(7_000);
  pace.releaseLook("dep");
  expect(pace.claimLook("dep")).toBe(7_000);
  const outage = makeOutage();
  outage.releaseLook("dep");
  expect(outage.claimLook("dep")).toBe(1_000);
  now += 1_000;
  expect(outage.claimLook("dep")).toBe(0);
  outage.noteRead(failure("TIMEOUT"), "dep");
  outage.releaseLook("dep");
  expect(outage.claimLook("dep")).toBe(2_000);
});

test("The first success ends an outage at once, and the log tells its start and end once each", () => {
  const pace = makeOutage();
  pace.noteRead(failure("TIMEOUT"), "dep");
  pace.noteRead(null, "dep");
  pace.noteRead(null, "dep");
  expect([pace.claimLook("dep"), pace.claimLook("dep")]).toEqual([0, 0]);
  expect(logged).toHaveLength(2);
  expect(logged[0]).toContain("keeps failing");
  expect(logged[1]).toContain("answers again");
});

test("Several gateways share the looks of an outage, and none is told of its end later than alone", () => {
  const pace = makeOutage();
  pace.setGateways(3);
  const waits: number[] = [];
  for (let looks = 0; looks < 4; looks += 1) {
    const waitMs = pace.claimLook("dep");
    waits.push(waitMs);
    now += waitMs;
    pace.claimLook("dep");
    pace.noteRead(failure("TIMEOUT"), "dep");
  }
  expect(waits).toEqual([1_000, 6_000, 8_000, 8_000]);
});

test("The upstream's last answer is told with its age, and an outage as such", () => {
  const pace = makePace();
  expect(pace.reach()).toEqual({ isOutage: false, isCutOff: false, answeredMsAgo: null });
  pace.noteSubmit(null, "dep");
  now += 5_000;
  expect(pace.reach().answeredMsAgo).toBe(5_000);
  pace.noteRead(failure("NOT_FOUND"), "dep");
  expect(pace.reach().answeredMsAgo).toBe(0);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
  expect(pace.reach()).toEqual({ isOutage: true, isCutOff: false, answeredMsAgo: 0 });
});

test("An answer that another gateway got in an outage lets one look and one probe go at once, and only the first", () => {
  const pace = makeOutage();
  for (let looks = 0; looks < 2; looks += 1) {
    now += pace.claimLook("dep");
    pace.claimLook("dep");
    pace.noteRead(failure("UNAVAILABLE"), "dep");
  }
  now += 500;
  // So little after the first failure a slow database may tell of an answer from before it.
  pace.noteAnswerElsewhere(2_500);
  expect(pace.claimLook("dep")).toBe(3_500);
  pace.noteAnswerElsewhere(100);
  expect(pace.claimLook("dep")).toBe(0);
  expect(waitForProbe(pace)).toBe(0);
  pace.noteRead(failure("UNAVAILABLE"), "dep");
  pace.noteAnswerElsewhere(0);
  expect(pace.claimLook("dep")).toBe(8_000);
});

test("Who fails for long, also after another gateway had an answer, is cut off until it has one too", () => {
  const pace = makeOutage();
  now += 7_000;
  // That was before the first failure.
  pace.noteAnswerElsewhere(7_001);
  pace.noteRead(failure("UNAVAILABLE"), "dep");
  expect(pace.reach().isCutOff).toBe(false);
  now += 2_000;
  pace.noteAnswerElsewhere(1_000);
  expect(pace.reach().isCutOff).toBe(false);
  now += 1_000;
  pace.noteRead(failure("UNAVAILABLE"), "dep");
  expect(pace.reach().isCutOff).toBe(true);
  pace.noteRead(null, "dep");
  expect(pace.reach().isCutOff).toBe(false);
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
  now += 7_000;
  pace.noteRead(failure("UNAVAILABLE"), "dep");
  expect(pace.reach().isCutOff).toBe(false);
});

test("Who fails for a short time is not cut off, and whose call hangs is, after a while", () => {
  const pace = makeOutage();
  now += 2_000;
  pace.noteAnswerElsewhere(500);
  pace.noteRead(failure("UNAVAILABLE"), "dep");
  now += 3_999;
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
  for (let submits = 0; submits < 4; submits += 1) pace.noteSubmit(failure(code, delivery), "dep");
  expect(pace.isOutage()).toBe(false);
  pace.noteSubmit(failure(code, delivery), "dep");
  expect(pace.isOutage()).toBe(true);
  expect(pace.submitRefusal("dep")).toBe("UNAVAILABLE");
});

test("A good read between submits of unknown fate shows that the fault is theirs", () => {
  const pace = makePace();
  for (let submits = 0; submits < 20; submits += 1) {
    if (submits % 4 === 0) pace.noteRead(null, "dep");
    pace.noteSubmit(failure("UNAVAILABLE"), "dep");
  }
  expect(pace.isOutage()).toBe(false);
});

test("Submits that were refused, or answered with garbage, are no outage", () => {
  const pace = makePace();
  for (let submits = 0; submits < 20; submits += 1) {
    pace.noteSubmit(failure("RATE_LIMITED", "refused"), "dep");
    pace.noteSubmit(failure("UNAVAILABLE", "refused"), "dep");
    pace.noteSubmit(failure("INVALID_RESPONSE"), "dep");
  }
  expect(pace.isOutage()).toBe(false);
});

test("In an outage no submit may go however long it lasts, and one that was under way can end it", () => {
  const pace = makePace();
  expect(pace.submitRefusal("dep")).toBeNull();
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
  now += 3_600_000;
  expect([pace.submitRefusal("dep"), pace.submitRefusal("dep")]).toEqual([
    "UNAVAILABLE",
    "UNAVAILABLE",
  ]);
  pace.noteSubmit(failure("INSUFFICIENT_FUNDS", "refused"), "dep");
  expect(pace.submitRefusal("dep")).toBeNull();
});

test("In an outage one probe at a time passes, ever more rarely, at last every 8 seconds", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let probes = 0; probes < 5; probes += 1) {
    const waitMs = waitForProbe(pace);
    waits.push(waitMs);
    now += waitMs;
    expect(waitForProbe(pace)).toBe(0);
    expect(waitForProbe(pace)).toBe(8_000);
    pace.noteProbe(failure("UNAVAILABLE"), ALL);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  pace.notePause(60_000);
  expect(waitForProbe(pace)).toBe(60_000);
  pace.noteProbe(failure("NOT_FOUND"), ALL);
  expect(pace.isOutage()).toBe(false);
});

test("One job whose looks always fail, and take each place for a look, keeps no probe away", () => {
  const pace = makeOutage();
  for (let looks = 0; looks < 10; looks += 1) {
    now += pace.claimLook("dep");
    expect(pace.claimLook("dep")).toBe(0);
    pace.noteRead(failure("UNAVAILABLE"), "dep");
  }
  expect(waitForProbe(pace)).toBe(0);
  pace.noteProbe(null, ALL);
  expect(pace.isOutage()).toBe(false);
});

test("A call that hung is waited for no longer than one that failed at once", () => {
  const pace = makeOutage();
  now += 1_000;
  expect([pace.claimLook("dep"), waitForProbe(pace)]).toEqual([0, 0]);
  now += 5_000;
  pace.noteProbe(failure("TIMEOUT"), ALL);
  pace.noteRead(failure("TIMEOUT"), "dep");
  expect([pace.claimLook("dep"), waitForProbe(pace)]).toEqual([0, 0]);
});

test("Where probes are answered and all else fails, the outages that follow are probed ever more rarely", () => {
  const pace = makeOutage();
  const waits: number[] = [];
  for (let outages = 0; outages < 5; outages += 1) {
    const waitMs = waitForProbe(pace);
    waits.push(waitMs);
    now += waitMs;
    waitForProbe(pace);
    pace.noteProbe(null, ALL);
    if (outages === 3) now += 60_000;
    for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 1_000]);
});

test("The beginning of each outage is told once", () => {
  const pace = makePace();
  let told = 0;
  pace.onDoubt(() => (told += 1));
  for (const expected of [1, 2]) {
    for (let reads = 0; reads < 10; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "dep");
    expect(told).toBe(expected);
    pace.noteRead(null, "dep");
  }
});

test("A submit that an unaccepted token holds back is told of the token", () => {
  const pace = makePace();
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAUTHORIZED"), "dep");
  expect(pace.submitRefusal("dep")).toBe("UNAUTHORIZED");
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

test("Two calls without an answer are an outage when they lie further apart than a lease", () => {
  const pace = makePace();
  pace.noteRead(failure("TIMEOUT"), "dep");
  now += 5_999;
  pace.noteRead(failure("TIMEOUT"), "other");
  expect(pace.isOutage()).toBe(false);
  now += 1;
  pace.noteRead(failure("TIMEOUT"), "dep");
  expect(pace.isOutage()).toBe(true);
});

test("Five answered failures of a deployment are an outage of that one, and others go on untouched", () => {
  const pace = makePace();
  failReads(pace, "bad", 4);
  expect(pace.isOutage("bad")).toBe(false);
  failReads(pace, "bad", 1);
  expect([pace.isOutage("bad"), pace.isOutage("good"), pace.isOutage()]).toEqual([
    true,
    false,
    false,
  ]);
  expect(pace.submitRefusal("bad")).toBe("UNAVAILABLE");
  expect(pace.submitRefusal("good")).toBeNull();
  expect([pace.lookDelayMs(), pace.claimLook("good"), pace.claimLook("good")]).toEqual([0, 0, 0]);
  const waits: number[] = [];
  for (let looks = 0; looks < 5; looks += 1) {
    waits.push(pace.claimLook("bad"));
    now += pace.claimLook("bad");
    expect([pace.claimLook("bad"), pace.claimLook("bad")]).toEqual([0, 8_000]);
    pace.noteRead(null, "good");
    failReads(pace, "bad", 1);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  expect(pace.isOutage()).toBe(false);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(/"bad".*deployment keeps failing.*dashboard/);
});

test("A good call of a deployment ends its outage, and good ones of others do not", () => {
  const pace = makePace();
  failReads(pace, "bad");
  pace.noteRead(null, "good");
  pace.noteProbe(null, ALL);
  expect(pace.isOutage("bad")).toBe(true);
  pace.noteSubmit(null, "bad");
  expect(pace.isOutage("bad")).toBe(false);
  failReads(pace, "bad", 4);
  pace.noteRead(null, "good");
  failReads(pace, "bad", 1);
  expect(pace.isOutage("bad")).toBe(true);
  pace.noteProbe(failure("NOT_FOUND"), { call: "status", deploymentId: "bad" });
  expect(pace.isOutage("bad")).toBe(false);
});

test("When a deployment begins to fail the list is probed at once, and its status from then on", () => {
  const pace = makePace();
  let told = 0;
  pace.onDoubt(() => (told += 1));
  expect(pace.claimProbe()).toBe(Infinity);
  failReads(pace, "bad");
  expect(told).toBe(1);
  expect(pace.claimProbe()).toEqual(ALL);
  expect(pace.claimProbe()).toBe(1_000);
  pace.noteProbe(null, ALL);
  now += 1_000;
  const status = { call: "status", deploymentId: "bad" } as const;
  expect(pace.claimProbe()).toEqual(status);
  pace.noteProbe(answered(500), status);
  expect(pace.claimProbe()).toBe(2_000);
  expect(pace.isOutage()).toBe(false);
  pace.noteRead(null, "bad");
  expect(pace.claimProbe()).toBe(Infinity);
});

test("If the list fails as well, the outage is that of all, until anything is answered well", () => {
  const pace = makePace();
  failReads(pace, "bad");
  pace.claimProbe();
  pace.noteProbe(answered(503), ALL);
  expect(pace.submitRefusal("good")).toBe("UNAVAILABLE");
  now += 1_000;
  expect(pace.claimLook("good")).toBe(0);
  pace.noteRead(null, "good");
  expect([pace.isOutage(), pace.isOutage("bad")]).toEqual([false, true]);
});

test("Five answered failures of others, with no good call between, are the outage of all", () => {
  const pace = makePace();
  failReads(pace, "bad");
  for (const other of ["a", "b", "c", "d"]) failReads(pace, other, 1);
  expect(pace.isOutage()).toBe(false);
  failReads(pace, "bad", 20);
  expect(pace.isOutage()).toBe(false);
  failReads(pace, "e", 1);
  expect(pace.isOutage()).toBe(true);
});

test("Where no deployment fails five times, as many failures of all together make the list be probed", () => {
  const pace = makePace();
  for (const deploymentId of ["a", "b", "c", "d"]) failReads(pace, deploymentId, 1);
  expect(pace.claimProbe()).toBe(Infinity);
  failReads(pace, "e", 1);
  expect(pace.claimProbe()).toEqual(ALL);
  pace.noteProbe(failure("TIMEOUT"), ALL);
  expect(pace.isOutage()).toBe(true);
});

test("What came back with the upstream is tried at once in each deployment that failed", () => {
  const pace = makePace();
  failReads(pace, "bad");
  pace.noteProbe(answered(503), ALL);
  for (let looks = 0; looks < 4; looks += 1) {
    now += pace.claimLook("bad");
    pace.claimLook("bad");
    failReads(pace, "bad", 1);
  }
  expect(pace.claimLook("bad")).toBe(8_000);
  pace.noteProbe(null, ALL);
  expect(pace.claimLook("bad")).toBe(0);
  expect(pace.claimLook("bad")).toBe(8_000);
});

test("Of more than a thousand deployments that fail the one that has not for longest is forgotten", () => {
  const pace = makePace();
  failReads(pace, "first");
  for (let index = 0; index < 1_000; index += 1) {
    expect(pace.isOutage("first")).toBe(true);
    pace.noteRead(null, "good");
    failReads(pace, `d-${index}`, 1);
  }
  expect(pace.isOutage("first")).toBe(false);
});

test.each([
  { deploymentId: "bad", about: { call: "status", deploymentId: "bad" } as const },
  { deploymentId: "good", about: ALL },
])(
  "When probes of $about have been answered badly for two minutes, a submit may find out, one in 8 seconds",
  ({ deploymentId, about }) => {
    const pace = makePace();
    failReads(pace, "bad");
    if (about === ALL) pace.noteProbe(answered(500), ALL);
    const refusal = () => pace.submitRefusal(deploymentId);
    pace.noteProbe(answered(302, "INVALID_RESPONSE"), about);
    now += 119_999;
    pace.noteProbe(answered(500), about);
    expect(refusal()).toBe("UNAVAILABLE");
    now += 1;
    expect([refusal(), refusal()]).toEqual([null, "UNAVAILABLE"]);
    now += 8_000;
    expect([refusal(), refusal()]).toEqual([null, "UNAVAILABLE"]);
    pace.noteProbe(failure("TIMEOUT"), about);
    now += 8_000;
    expect(refusal()).toBe("UNAVAILABLE");
    pace.noteSubmit(null, deploymentId);
    expect([refusal(), refusal()]).toEqual([null, null]);
  },
);

test("Who gets answers, be they failures, is not cut off, and who is told that its token is none, is", () => {
  const pace = makePace();
  failReads(pace, "bad");
  pace.noteProbe(answered(500), ALL);
  const fail = (error: RunComfyError) => {
    now += 7_000;
    pace.noteAnswerElsewhere(1_000);
    now += 1_000;
    pace.noteRead(error, "bad");
    return pace.reach().isCutOff;
  };
  expect([fail(answered(500)), fail(answered(502))]).toEqual([false, false]);
  const unauthorized = answered(401, "UNAUTHORIZED");
  expect([fail(unauthorized), fail(unauthorized)]).toEqual([false, true]);
  expect(fail(answered(500))).toBe(false);
});

test("A call that is not answered in time while others are tells of its deployment alone", () => {
  const pace = makePace();
  const before = pace.countAnswers();
  pace.noteRead(null, "well");
  for (let reads = 0; reads < 4; reads += 1) pace.noteRead(failure("TIMEOUT"), "slow", before);
  pace.noteSubmit(failure("TIMEOUT"), "slow", before);
  expect([pace.isOutage(), pace.isOutage("slow"), pace.isOutage("well")]).toEqual([
    false,
    true,
    false,
  ]);
});

test("Calls that are not answered in time, and no others since they began, tell of RunComfy as a whole", () => {
  const pace = makePace();
  pace.noteRead(null, "well");
  const before = pace.countAnswers();
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("TIMEOUT"), "slow", before);
  expect(pace.isOutage()).toBe(true);
});

test("A connection that breaks tells of RunComfy as a whole, whatever else was answered", () => {
  const pace = makePace();
  const before = pace.countAnswers();
  pace.noteRead(null, "well");
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(failure("UNAVAILABLE"), "slow", before);
  expect(pace.isOutage()).toBe(true);
});
