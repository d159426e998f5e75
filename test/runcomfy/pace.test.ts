import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";

import type { UpstreamErrorCode } from "../../src/job/errors.ts";
import type { Pace, Probe } from "../../src/runcomfy/pace.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import type { Delivery } from "../../src/runcomfy/runcomfy-error.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";

let now = 0;
let logged: string[] = [];
let pace: Pace;

beforeEach(() => {
  now = 1_000_000;
  logged = [];
  pace = makePace();
});

function makePace(random = 1): Pace {
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

/** Five failures of all of RunComfy, if not told otherwise. */
function failReads(error = failure("UNAVAILABLE"), deploymentId = "dep", count = 5): void {
  for (let reads = 0; reads < count; reads += 1) pace.noteRead(error, deploymentId);
}

/** Failures of a deployment while others are answered. */
function failAlone(deploymentId: string, count = 5): void {
  for (let reads = 0; reads < count; reads += 1) {
    pace.noteRead(null, "good");
    pace.noteRead(answered(500), deploymentId);
  }
}

const LIST: Probe = { call: "list", deploymentId: null };
const STATUS: Probe = { call: "status", deploymentId: null };

/** Waits for so many probes, each of which ends with this error; returns how long it waited for each. */
function failProbes(count: number, error = failure("UNAVAILABLE")): number[] {
  return Array.from({ length: count }, () => {
    const waitMs = pace.claimProbe();
    if (typeof waitMs === "object") throw new Error("The probe came before its time.");
    now += waitMs;
    const probe = pace.claimProbe();
    if (typeof probe === "number") throw new Error("The probe did not come in time.");
    pace.noteProbe(error, probe);
    return waitMs;
  });
}

test("Without failures polls and submits may start at any time, and there is nothing to probe", () => {
  expect([pace.pollDelayMs(), pace.pausedForMs(), pace.claimProbe()]).toEqual([0, 0, Infinity]);
  expect([pace.isOutage(), pace.isOutage("dep"), pace.submitRefusal("dep")]).toEqual([
    false,
    false,
    null,
  ]);
  expect(pace.failingDeployments()).toEqual([]);
});

test("An outage tells how long it has lasted, of all and of a deployment alone", () => {
  failAlone("bad");
  now += 2_000;
  expect([pace.outageMs(), pace.outageMs("bad"), pace.outageMs("good")]).toEqual([
    null,
    2_000,
    null,
  ]);
  failReads();
  now += 500;
  expect([pace.outageMs(), pace.outageMs("bad"), pace.outageMs("good")]).toEqual([
    500,
    2_500,
    null,
  ]);
  pace.noteRead(null, "bad");
  expect([pace.outageMs(), pace.outageMs("bad")]).toEqual([null, null]);
});

describe("A pause", () => {
  test("runs down and holds up polls", () => {
    pace.notePause(7_000);
    now += 2_500;
    expect([pace.pausedForMs(), pace.pollDelayMs()]).toEqual([4_500, 4_500]);
    now += 4_500;
    expect([pace.pausedForMs(), pace.pollDelayMs()]).toEqual([0, 0]);
  });

  test("that is the longest of several counts, and none counts for more than five minutes", () => {
    pace.notePause(9_000);
    pace.notePause(1_000);
    expect(pace.pausedForMs()).toBe(9_000);
    pace.notePause(86_400_000);
    expect(pace.pausedForMs()).toBe(300_000);
  });

  test("that is longer than before is told once, and one that others were told is not told again", () => {
    let told = 0;
    pace.onPause(() => (told += 1));
    for (let answers = 0; answers < 20; answers += 1) pace.notePause(7_000);
    expect(told).toBe(1);
    pace.adoptPause(60_000);
    pace.notePause(7_000);
    expect(told).toBe(1);
    expect(pace.pausedForMs()).toBe(60_000);
  });

  test("that is longer than the wait for a probe holds up polls and probes in an outage", () => {
    failReads();
    pace.notePause(60_000);
    expect([pace.pollDelayMs(), pace.claimProbe()]).toEqual([60_000, 60_000]);
    now += 60_000;
    expect(pace.claimProbe()).toEqual(LIST);
  });
});

describe("An outage of all", () => {
  test.each([failure("UNAVAILABLE"), answered(401, "UNAUTHORIZED"), answered(429, "RATE_LIMITED")])(
    "begins with the fifth read in a row that ends as $code",
    (error) => {
      failReads(error, "dep", 4);
      expect(pace.isOutage()).toBe(false);
      failReads(error, "other", 1);
      expect(pace.isOutage()).toBe(true);
      expect(pace.failingDeployments()).toEqual([]);
    },
  );

  test("begins with the second poll in a row that hangs", () => {
    failReads(failure("TIMEOUT"), "dep", 1);
    expect(pace.isOutage()).toBe(false);
    failReads(failure("TIMEOUT"), "other", 1);
    expect(pace.isOutage()).toBe(true);
  });

  test("does not begin where a good answer comes between failures", () => {
    for (let reads = 0; reads < 20; reads += 1) {
      failReads(failure("UNAVAILABLE"), "dep", 4);
      pace.noteRead(null, "dep");
      failReads(failure("TIMEOUT"), "dep", 1);
      pace.noteRead(failure("NOT_FOUND"), "dep");
    }
    expect(logged).toEqual([]);
  });

  test("does not begin with failures of jobs, with garbage, or with refusals that ask for a pause", () => {
    const options = { code: "RATE_LIMITED", delivery: "refused", httpStatus: 429 } as const;
    const paused = new RunComfyError("It failed.", { ...options, retryAfterMs: 7_000 });
    for (const error of [failure("REJECTED"), answered(200, "INVALID_RESPONSE"), paused]) {
      failReads(error, "dep", 20);
    }
    expect([pace.isOutage("dep"), pace.claimProbe()]).toEqual([false, Infinity]);
  });

  test("holds up polls until its next probe, and refuses submits", () => {
    failReads();
    expect([pace.pollDelayMs(), pace.submitRefusal("dep")]).toEqual([1_000, "UNAVAILABLE"]);
    now += 999.5;
    expect(pace.pollDelayMs()).toBe(1);
    now += 60_000;
    expect(pace.pollDelayMs()).toBe(1);
    expect(pace.claimProbe()).toEqual(LIST);
    expect(pace.pollDelayMs()).toBe(2_000);
  });

  test("tells a submit of a token that is not accepted", () => {
    failReads(answered(401, "UNAUTHORIZED"));
    expect(pace.submitRefusal("dep")).toBe("UNAUTHORIZED");
  });

  test("is probed ever more rarely, at last every 8 seconds, less up to a half", () => {
    failReads();
    expect(failProbes(5)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
    pace = makePace(0);
    failReads();
    expect(failProbes(5)).toEqual([500, 1_000, 2_000, 4_000, 4_000]);
  });

  test("is probed by the list and the status in turns", () => {
    failReads();
    for (const probe of [LIST, STATUS, LIST, STATUS]) {
      now += 8_000;
      expect(pace.claimProbe()).toEqual(probe);
      pace.noteProbe(failure("UNAVAILABLE"), probe);
    }
  });

  test("is probed again no later after a probe that hung than after one that failed at once", () => {
    failReads();
    failProbes(3);
    now += 8_000;
    const probe = pace.claimProbe();
    now += 5_000;
    if (typeof probe === "object") pace.noteProbe(failure("TIMEOUT"), probe);
    expect(pace.claimProbe()).toBe(3_000);
  });

  test("is lengthened by no call that was under way when it began, and neither ended nor probed later for garbage", () => {
    failReads();
    failReads(failure("TIMEOUT"), "dep", 50);
    failReads(answered(500), "dep", 50);
    pace.noteRead(answered(200, "INVALID_RESPONSE"), "dep");
    expect(pace.failingDeployments()).toEqual([]);
    expect(failProbes(2, answered(200, "INVALID_RESPONSE"))).toEqual([1_000, 2_000]);
    expect(pace.isOutage()).toBe(true);
  });

  test.each<[string, () => void]>([
    ["a probe", () => pace.noteProbe(null, LIST)],
    ["a probe that finds no such job", () => pace.noteProbe(answered(404, "NOT_FOUND"), STATUS)],
    ["a read", () => pace.noteRead(null, "dep")],
    ["an answer about one job", () => pace.noteRead(answered(404, "NOT_FOUND"), "dep")],
    ["a submit", () => pace.noteSubmit(null, "dep")],
    [
      "a refusal of a submit",
      () => pace.noteSubmit(failure("INSUFFICIENT_FUNDS", "refused"), "dep"),
    ],
  ])("ends with %s, which is told at once, and logged once", (_, note) => {
    const delays: number[] = [];
    pace.onRecovery(() => delays.push(pace.pollDelayMs()));
    failReads(failure("UNAVAILABLE"), "dep", 20);
    note();
    note();
    expect([pace.isOutage(), pace.submitRefusal("dep"), delays]).toEqual([false, null, [0]]);
    expect(pace.claimProbe()).toBe(Infinity);
    expect(logged).toHaveLength(2);
    expect(logged[0]).toContain('"msg":"RunComfy keeps failing');
    expect(logged[1]).toContain('"msg":"RunComfy answers again');
  });

  test("that follows another within a minute goes on with its back-off", () => {
    const waits: number[] = [];
    for (let outages = 0; outages < 5; outages += 1) {
      failReads();
      waits.push(...failProbes(1));
      pace.noteProbe(null, LIST);
      now += outages === 3 ? 60_000 : 59_999;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 1_000]);
  });

  test("is told when it begins, once for each", () => {
    let told = 0;
    pace.onDoubt(() => (told += 1));
    for (const expected of [1, 2]) {
      failReads(failure("UNAVAILABLE"), "dep", 10);
      expect(told).toBe(expected);
      pace.noteRead(null, "dep");
    }
  });
});

describe("Submits", () => {
  test.each([
    ["UNAVAILABLE", "never-arrived", 5],
    ["UNAVAILABLE", "unknown", 5],
    ["TIMEOUT", "unknown", 2],
  ] as const)("that end as %s, %s, begin an outage: %d in a row", (code, delivery, count) => {
    for (let submits = 1; submits < count; submits += 1) {
      pace.noteSubmit(failure(code, delivery), "dep");
    }
    expect(pace.isOutage()).toBe(false);
    pace.noteSubmit(failure(code, delivery), "dep");
    expect(pace.isOutage()).toBe(true);
  });

  test("that were refused, or answered with garbage, begin none", () => {
    for (let submits = 0; submits < 20; submits += 1) {
      pace.noteSubmit(failure("RATE_LIMITED", "refused"), "dep");
      pace.noteSubmit(failure("UNAUTHORIZED", "refused"), "dep");
      pace.noteSubmit(failure("UNAVAILABLE", "refused"), "dep");
      pace.noteSubmit(failure("INVALID_RESPONSE"), "dep");
    }
    expect(pace.isOutage("dep")).toBe(false);
  });

  test("are no probes, however long an outage without answers lasts", () => {
    failReads();
    failProbes(500);
    expect(pace.submitRefusal("dep")).toBe("UNAVAILABLE");
  });

  test.each([
    { about: "all", deploymentId: "other" },
    { about: "a deployment", deploymentId: "bad" },
  ])(
    "find out, one in 8 seconds, once probes of $about have been answered badly for two minutes",
    ({ about, deploymentId }) => {
      if (about === "all") failReads();
      else failAlone("bad");
      const refusal = () => pace.submitRefusal(deploymentId);
      // The last of them comes 118 seconds after the first.
      failProbes(17, answered(302, "INVALID_RESPONSE"));
      expect(refusal()).toBe("UNAVAILABLE");
      for (let submits = 0; submits < 2; submits += 1) {
        failProbes(1, answered(500));
        expect([refusal(), refusal()]).toEqual([null, "UNAVAILABLE"]);
      }
      failProbes(1, failure("TIMEOUT"));
      expect(refusal()).toBe("UNAVAILABLE");
      pace.noteSubmit(null, deploymentId);
      expect([refusal(), refusal()]).toEqual([null, null]);
    },
  );

  test("do not find out at once in the outage that follows such a one", () => {
    failReads();
    failProbes(20, answered(500));
    pace.noteSubmit(null, "dep");
    failReads();
    expect(pace.submitRefusal("dep")).toBe("UNAVAILABLE");
  });
});

describe("A deployment", () => {
  const status: Probe = { call: "status", deploymentId: "bad" };

  test("that answers badly five times in a row has an outage, and others go on untouched", () => {
    failAlone("bad", 4);
    expect(pace.isOutage("bad")).toBe(false);
    failAlone("bad", 1);
    expect([pace.isOutage("bad"), pace.isOutage("good"), pace.isOutage()]).toEqual([
      true,
      false,
      false,
    ]);
    expect(pace.failingDeployments()).toEqual(["bad"]);
    expect([pace.submitRefusal("bad"), pace.submitRefusal("good")]).toEqual(["UNAVAILABLE", null]);
    expect(pace.pollDelayMs()).toBe(0);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/"bad".*"msg":"A deployment keeps failing.*dashboard/);
  });

  test("that hangs while other calls are answered has an outage of its own", () => {
    const before = pace.countAnswers();
    pace.noteRead(null, "good");
    pace.noteRead(failure("TIMEOUT"), "bad", before);
    pace.noteSubmit(failure("TIMEOUT"), "bad", before);
    expect([pace.isOutage(), pace.isOutage("bad")]).toEqual([false, true]);
  });

  test("that hangs while no other is called is told from RunComfy as a whole by one probe", () => {
    failReads(failure("TIMEOUT"), "bad", 2);
    expect(pace.isOutage()).toBe(true);
    pace.noteProbe(null, LIST);
    expect([pace.isOutage(), pace.isOutage("bad")]).toEqual([false, true]);
  });

  test("whose answer does not end in time has an outage of its own", () => {
    failReads(answered(200, "TIMEOUT"), "bad", 2);
    expect([pace.isOutage(), pace.isOutage("bad")]).toEqual([false, true]);
  });

  test("whose connection breaks fails with RunComfy as a whole, whatever else was answered", () => {
    const before = pace.countAnswers();
    pace.noteRead(null, "good");
    for (let reads = 0; reads < 5; reads += 1) {
      pace.noteRead(failure("UNAVAILABLE"), "bad", before);
    }
    expect([pace.isOutage(), pace.failingDeployments()]).toEqual([true, []]);
  });

  test("is probed by its status, ever more rarely, and its probes put nothing else in doubt", () => {
    failAlone("bad");
    now += 1_000;
    expect(pace.claimProbe()).toEqual(status);
    pace.noteProbe(answered(500), status);
    expect(failProbes(10).slice(0, 4)).toEqual([2_000, 4_000, 8_000, 8_000]);
    failProbes(10, failure("TIMEOUT"));
    expect([pace.isOutage(), pace.isOutage("bad")]).toEqual([false, true]);
  });

  test("is answered well again by its own calls, which is told, and not by those of others", () => {
    let told = 0;
    pace.onRecovery(() => (told += 1));
    failAlone("bad");
    pace.noteRead(null, "good");
    pace.noteProbe(null, LIST);
    expect([pace.failingDeployments(), told]).toEqual([["bad"], 0]);
    pace.noteProbe(answered(404, "NOT_FOUND"), status);
    expect([pace.failingDeployments(), told, pace.claimProbe()]).toEqual([[], 1, Infinity]);
    expect(logged).toHaveLength(2);
    expect(logged[1]).toMatch(/"bad".*"msg":"A deployment answers again/);
    failAlone("bad");
    pace.noteSubmit(null, "bad");
    expect([pace.failingDeployments(), told]).toEqual([[], 2]);
  });

  test("that is due for longest is probed first", () => {
    failAlone("a");
    now += 100;
    failAlone("b");
    now += 8_000;
    const deployments = Array.from({ length: 4 }, () => {
      const probe = pace.claimProbe();
      now += 8_000;
      return typeof probe === "object" && probe.deploymentId;
    });
    expect(deployments).toEqual(["a", "b", "a", "b"]);
  });

  test("is not probed in an outage of all, and at once after it", () => {
    failAlone("bad");
    failReads();
    failProbes(4);
    now += 8_000;
    expect(pace.claimProbe()).toEqual(LIST);
    pace.noteProbe(null, LIST);
    expect(pace.claimProbe()).toEqual(status);
  });

  test("that has not failed for longest is forgotten when more than a thousand fail", () => {
    failAlone("first");
    for (let index = 0; index < 1_000; index += 1) {
      expect(pace.isOutage("first")).toBe(true);
      failAlone(`d-${index}`, 1);
    }
    expect(pace.isOutage("first")).toBe(false);
  });
});

describe("Five bad answers without a good one between them", () => {
  test.each([
    { of: "one deployment", ids: ["bad", "bad", "bad", "bad", "bad"] },
    { of: "several deployments", ids: ["a", "b", "c", "d", "e"] },
  ])("of $of make the list be probed at once, which is told", ({ ids }) => {
    const claimed: (Probe | number)[] = [];
    pace.onDoubt(() => claimed.push(pace.claimProbe()));
    for (const id of ids) {
      expect(claimed).toEqual([]);
      failReads(answered(500), id, 1);
    }
    expect(claimed).toEqual([LIST]);
    expect(pace.isOutage()).toBe(false);
  });

  test("are no outage of all if the list is answered", () => {
    failReads(answered(500), "bad");
    pace.claimProbe();
    pace.noteProbe(null, LIST);
    expect([pace.isOutage(), pace.claimProbe()]).toEqual([false, 1_000]);
  });

  test("are no outage of all however many more follow before the list has answered", () => {
    failReads(answered(500), "bad", 20);
    pace.claimProbe();
    for (const id of ["a", "b", "c", "d", "e", "f"]) failReads(answered(500), id, 4);
    expect([pace.isOutage(), pace.failingDeployments()]).toEqual([false, ["bad"]]);
  });

  test.each([answered(503), failure("TIMEOUT"), answered(401, "UNAUTHORIZED")])(
    "are an outage of all if the list fails as well, $code",
    (error) => {
      failReads(answered(500), "bad");
      pace.claimProbe();
      pace.noteProbe(error, LIST);
      expect([pace.isOutage(), pace.pollDelayMs()]).toEqual([true, 1_000]);
      pace.noteRead(null, "good");
      expect([pace.isOutage(), pace.failingDeployments()]).toEqual([false, ["bad"]]);
    },
  );

  test("are no outage of all if something was answered well before the list failed", () => {
    failReads(answered(500), "bad");
    pace.claimProbe();
    pace.noteRead(null, "good");
    pace.noteProbe(answered(503), LIST);
    expect(pace.isOutage()).toBe(false);
  });

  test("are asked about again only after five more if the list is answered with garbage", () => {
    failReads(answered(500), "bad");
    pace.claimProbe();
    pace.noteProbe(answered(200, "INVALID_RESPONSE"), LIST);
    failProbes(1, answered(500));
    expect([pace.isOutage(), pace.claimProbe()]).toEqual([false, 2_000]);
    failReads(answered(500), "other");
    expect(pace.claimProbe()).toEqual(LIST);
  });

  test("put nothing in doubt where they are all of a deployment that has an outage", () => {
    failAlone("bad");
    failReads(answered(500), "bad", 20);
    expect(pace.claimProbe()).toBe(1_000);
  });
});
