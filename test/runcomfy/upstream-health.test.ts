import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";

import type { UpstreamErrorCode } from "../../src/engine/job/errors.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import type { Delivery } from "../../src/engine/runcomfy/runcomfy-error.ts";
import { RunComfyError } from "../../src/engine/runcomfy/runcomfy-error.ts";

let now = 0;
let logged: string[] = [];
let health: UpstreamHealth;

beforeEach(() => {
  now = 1_000_000;
  logged = [];
  health = makeHealth();
});

function makeHealth(random = 1): UpstreamHealth {
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  return createHealth({ now: () => now, random: () => random, log });
}

/** Without an answer. */
function failure(code: UpstreamErrorCode, delivery: Delivery = "unknown") {
  return new RunComfyError("It failed.", { code, delivery });
}

function answered(httpStatus: number, code: UpstreamErrorCode = "UNAVAILABLE") {
  return new RunComfyError("It failed.", { code, delivery: "unknown", httpStatus });
}

/** Five failures of all of RunComfy by default. */
function failReads(error = failure("UNAVAILABLE"), deploymentId = "dep", count = 5): void {
  for (let reads = 0; reads < count; reads += 1) health.noteRead(error, deploymentId);
}

/** Failures of a deployment while others are answered. */
function failAlone(deploymentId: string, count = 5): void {
  for (let reads = 0; reads < count; reads += 1) {
    health.noteRead(null, "good");
    health.noteRead(answered(500), deploymentId);
  }
}

/** Waits for so many probes, each of which ends with this error; returns how long it waited for each. */
function failProbes(
  count: number,
  error = failure("UNAVAILABLE"),
  deploymentId: string | null = null,
): number[] {
  return Array.from({ length: count }, () => {
    const waitMs = health.nextProbeMs(deploymentId) ?? NaN;
    now += waitMs;
    health.noteProbe(error, deploymentId);
    return waitMs;
  });
}

test("An outage reports how long it has lasted, of all and of a deployment alone", () => {
  const readMs = () => [health.outageMs(), health.outageMs("bad"), health.outageMs("good")];
  failAlone("bad");
  now += 2_000;
  expect(readMs()).toEqual([null, 2_000, null]);
  failReads();
  now += 500;
  expect(readMs()).toEqual([500, 2_500, null]);
  health.noteRead(null, "bad");
  expect(readMs()).toEqual([null, null, null]);
});

describe("A pause", () => {
  test("runs down and holds up polls; the longest of several counts, for at most five minutes", () => {
    health.notePause(7_000);
    health.notePause(1_000);
    now += 2_500;
    expect([health.pausedForMs(), health.pollDelayMs()]).toEqual([4_500, 4_500]);
    now += 4_500;
    expect([health.pausedForMs(), health.pollDelayMs()]).toEqual([0, 0]);
    health.notePause(86_400_000);
    expect(health.pausedForMs()).toBe(300_000);
  });

  test("that is longer than before is reported once, and one that others reported is not reported again", () => {
    let reported = 0;
    health.on("pause", () => (reported += 1));
    for (let answers = 0; answers < 20; answers += 1) health.notePause(7_000);
    expect(reported).toBe(1);
    health.adoptPause(60_000);
    health.notePause(7_000);
    expect(reported).toBe(1);
    expect(health.pausedForMs()).toBe(60_000);
  });
});

describe("An outage of all", () => {
  test.each([
    { error: failure("UNAVAILABLE"), count: 5 },
    { error: answered(401, "UNAUTHORIZED"), count: 5 },
    { error: answered(429, "RATE_LIMITED"), count: 5 },
  ])(
    "begins with $count reads in a row that end as $error.code, whichever deployments they are of",
    ({ error, count }) => {
      failReads(error, "dep", count - 1);
      expect(health.isOutage()).toBe(false);
      failReads(error, "other", 1);
      expect([health.isOutage(), health.failingDeployments()]).toEqual([true, []]);
      const refusal = error.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
      expect([health.pollDelayMs(), health.submitRefusal("dep")]).toEqual([Infinity, refusal]);
    },
  );

  test.each([
    { error: answered(302), count: 4 },
    { error: answered(500), count: 4 },
    { error: failure("TIMEOUT"), count: 2 },
  ])(
    "begins with the list, which is asked after $count reads of whichever deployments that end as $error.code in a row, if that fails too",
    ({ error, count }) => {
      let asked = 0;
      health.on("suspicion", () => (asked += 1));
      for (let reads = 1; reads < count; reads += 1) failReads(error, `dep-${reads}`, 1);
      expect(asked).toBe(0);
      failReads(error, "other", 1);
      expect([asked, health.isOutage()]).toEqual([1, false]);
      health.noteProbe(error, null);
      expect([health.isOutage(), health.failingDeployments()]).toEqual([true, []]);
      expect([health.pollDelayMs(), health.submitRefusal("new")]).toEqual([
        Infinity,
        "UNAVAILABLE",
      ]);
    },
  );

  test.each([
    { who: "the list", deploymentId: null },
    { who: "another deployment", deploymentId: "good" },
  ])(
    "does not begin with bad answers and time-outs of many deployments where $who is answered",
    ({ deploymentId }) => {
      const failing = ["a", "b", "c", "d", "e"];
      health.on("suspicion", () => health.noteProbe(null, deploymentId));
      for (const error of [failure("TIMEOUT"), answered(302)])
        for (let reads = 0; reads < 5; reads += 1)
          for (const id of failing) {
            failReads(error, id, 1);
            expect([health.isOutage(), health.submitRefusal("idle")]).toEqual([false, null]);
          }
      expect(health.failingDeployments()).toEqual(failing.toReversed());
    },
  );

  test("does not begin where a good answer comes between failures", () => {
    for (let reads = 0; reads < 20; reads += 1) {
      failReads(failure("UNAVAILABLE"), "dep", 4);
      health.noteRead(null, "dep");
      failReads(failure("TIMEOUT"), "dep", 1);
      health.noteRead(answered(404, "NOT_FOUND"), "dep");
    }
    expect(logged).toEqual([]);
  });

  test("does not begin with failures of jobs, with garbage, or with refusals that ask for a pause", () => {
    const options = { code: "RATE_LIMITED", delivery: "refused", httpStatus: 429 } as const;
    const paused = new RunComfyError("It failed.", { ...options, retryAfterMs: 7_000 });
    for (const error of [failure("REJECTED"), answered(200, "INVALID_RESPONSE"), paused]) {
      failReads(error, "dep", 20);
    }
    expect(health.isOutage("dep")).toBe(false);
  });

  test("is probed ever more rarely, at last every 8 seconds, less up to a half", () => {
    failReads();
    expect(failProbes(5)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
    health = makeHealth(0);
    failReads();
    expect(failProbes(5)).toEqual([500, 1_000, 2_000, 4_000, 4_000]);
  });

  test("is lengthened by no call that was under way when it began, and ended by no garbage", () => {
    failReads();
    failReads(failure("TIMEOUT"), "dep", 50);
    failReads(answered(500), "dep", 50);
    health.noteRead(answered(200, "INVALID_RESPONSE"), "dep");
    expect(health.failingDeployments()).toEqual([]);
    expect(failProbes(2, answered(200, "INVALID_RESPONSE"))).toEqual([1_000, 2_000]);
    expect(health.isOutage()).toBe(true);
  });

  test.each<[string, () => void]>([
    ["a probe", () => health.noteProbe(null, null)],
    ["a probe that finds no such job", () => health.noteProbe(answered(404, "NOT_FOUND"), "dep")],
    ["a read", () => health.noteRead(null, "dep")],
    ["an answer about one job", () => health.noteRead(answered(404, "NOT_FOUND"), "dep")],
    ["a submit", () => health.noteSubmit(null, "dep")],
    ["a refusal of a submit", () => health.noteSubmit(answered(400, "REJECTED"), "dep")],
  ])("ends with %s, which is reported at once, and logged once", (_, note) => {
    const delays: number[] = [];
    const outages: unknown[] = [];
    health.on("recovery", () => delays.push(health.pollDelayMs()));
    health.on("outage", (deploymentId) => outages.push(deploymentId));
    failReads(failure("UNAVAILABLE"), "dep", 20);
    note();
    note();
    expect([health.isOutage(), health.submitRefusal("dep")]).toEqual([false, null]);
    expect([outages, delays]).toEqual([[null], [0]]);
    expect(health.nextProbeMs(null)).toBe(null);
    expect(logged).toHaveLength(2);
    expect(logged[0]).toContain('"msg":"RunComfy keeps failing');
    expect(logged[1]).toContain('"msg":"RunComfy answers again');
  });

  test("that follows another within a minute goes on with its back-off", () => {
    const waits: number[] = [];
    for (let outages = 0; outages < 5; outages += 1) {
      failReads();
      waits.push(...failProbes(1));
      health.noteProbe(null, null);
      now += outages === 3 ? 60_000 : 59_999;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 1_000]);
  });
});

describe("Submits", () => {
  test.each([
    ["UNAVAILABLE", "never-arrived", 5],
    ["UNAVAILABLE", "unknown", 5],
    ["TIMEOUT", "unknown", 2],
  ] as const)("that end as %s, %s, begin an outage: %d in a row", (code, delivery, count) => {
    for (let submits = 1; submits < count; submits += 1) {
      health.noteSubmit(failure(code, delivery), "dep");
    }
    expect(health.isOutage("dep")).toBe(false);
    health.noteSubmit(failure(code, delivery), "dep");
    expect(health.isOutage("dep")).toBe(true);
  });

  test("that were refused, or answered with garbage, begin none", () => {
    for (let submits = 0; submits < 20; submits += 1) {
      health.noteSubmit(failure("RATE_LIMITED", "refused"), "dep");
      health.noteSubmit(failure("UNAUTHORIZED", "refused"), "dep");
      health.noteSubmit(failure("UNAVAILABLE", "refused"), "dep");
      health.noteSubmit(failure("INVALID_RESPONSE"), "dep");
    }
    expect(health.isOutage("dep")).toBe(false);
  });

  test("are no probes, however long an outage without answers lasts", () => {
    failReads();
    failProbes(500);
    expect(health.submitRefusal("dep")).toBe("UNAVAILABLE");
  });

  test.each([
    { about: "all", probed: null, deploymentId: "other" },
    { about: "a deployment", probed: "bad", deploymentId: "bad" },
  ])(
    "find out, one in 8 seconds, once probes of $about have been answered badly for two minutes",
    ({ probed, deploymentId }) => {
      if (probed === null) failReads();
      else failAlone(probed);
      const refusal = () => health.submitRefusal(deploymentId);
      // The last of them comes 118 seconds after the first.
      failProbes(17, answered(302, "INVALID_RESPONSE"), probed);
      expect(refusal()).toBe("UNAVAILABLE");
      for (let submits = 0; submits < 2; submits += 1) {
        failProbes(1, answered(500), probed);
        expect([refusal(), refusal()]).toEqual([null, "UNAVAILABLE"]);
      }
      failProbes(1, failure("TIMEOUT"), probed);
      expect(refusal()).toBe("UNAVAILABLE");
      health.noteSubmit(null, deploymentId);
      expect([refusal(), refusal()]).toEqual([null, null]);
      // An outage that follows such a one waits as long again.
      failReads();
      expect(refusal()).toBe("UNAVAILABLE");
    },
  );
});

describe("A deployment", () => {
  test("that answers badly five times in a row has an outage, and others go on untouched", () => {
    failAlone("bad", 4);
    expect(health.isOutage("bad")).toBe(false);
    failAlone("bad", 1);
    const read = (id: string) => [health.isOutage(id), health.submitRefusal(id)];
    expect([read("bad"), read("good")]).toEqual([
      [true, "UNAVAILABLE"],
      [false, null],
    ]);
    expect([health.failingDeployments(), health.pollDelayMs()]).toEqual([["bad"], 0]);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/"bad".*"msg":"A deployment keeps failing.*dashboard/);
  });

  test.each([
    { error: failure("TIMEOUT"), count: 2 },
    { error: answered(200, "TIMEOUT"), count: 2 },
    { error: answered(500), count: 5 },
  ])(
    "that fails while no other is called, $error.code, has an outage of its own, and one of all if the list fails too",
    ({ error, count }) => {
      const reported: unknown[] = [];
      health.on("outage", (deploymentId) => reported.push(deploymentId));
      failReads(error, "bad", count + 50);
      expect([health.isOutage(), reported]).toEqual([false, ["bad"]]);
      health.noteProbe(error, null);
      expect([health.isOutage(), reported]).toEqual([true, ["bad", null]]);
      health.noteRead(null, "good");
      expect([health.isOutage(), health.failingDeployments()]).toEqual([false, ["bad"]]);
    },
  );

  test.each([
    { error: answered(503), meanwhile: null, why: "another is answered well meanwhile" },
    {
      error: answered(200, "INVALID_RESPONSE"),
      meanwhile: failure("INVALID_RESPONSE"),
      why: "the list is garbage",
    },
  ])("that fails is no outage of all where $why", ({ error, meanwhile }) => {
    failReads(answered(500), "bad");
    health.noteRead(meanwhile, "good");
    health.noteProbe(error, null);
    expect([health.isOutage(), health.isOutage("bad")]).toEqual([false, true]);
  });

  test("is probed by a back-off of its own, and its probes begin no outage of all", () => {
    failAlone("bad");
    expect(failProbes(3, answered(500), "bad")).toEqual([1_000, 2_000, 4_000]);
    failProbes(10, failure("TIMEOUT"), "bad");
    expect([health.isOutage(), health.isOutage("bad")]).toEqual([false, true]);
  });

  test("is answered well again by its own calls, which is reported, and not by those of others", () => {
    let reported = 0;
    health.on("recovery", () => (reported += 1));
    failAlone("bad");
    health.noteRead(null, "good");
    health.noteProbe(null, null);
    expect([health.failingDeployments(), reported]).toEqual([["bad"], 0]);
    health.noteProbe(answered(404, "NOT_FOUND"), "bad");
    expect([health.failingDeployments(), reported, health.nextProbeMs("bad")]).toEqual([
      [],
      1,
      null,
    ]);
    expect(logged[1]).toMatch(/"bad".*"msg":"A deployment answers again/);
    failAlone("bad");
    health.noteSubmit(null, "bad");
    expect([health.failingDeployments(), reported]).toEqual([[], 2]);
  });

  test("of a service of its own begins and ends no outage but its own, whatever fails there", () => {
    for (const error of [failure("UNAVAILABLE"), answered(401, "UNAUTHORIZED"), answered(503)])
      for (const id of ["a/model", "another/model", "a-third/model"])
        for (let reads = 0; reads < 5; reads += 1) health.noteRead(error, id, "models");
    expect(health.isOutage()).toBe(false);
    expect(health.failingDeployments()).toHaveLength(3);
    health.noteRead(null, "a/model", "models");
    expect(health.failingDeployments()).toHaveLength(2);
    failReads(failure("UNAVAILABLE"), "dep", 5);
    expect(health.isOutage()).toBe(true);
    health.noteRead(null, "a/model", "models");
    expect(health.isOutage()).toBe(true);
  });

  test("that has not failed for longest is forgotten when more than a thousand fail", () => {
    failAlone("first");
    for (let index = 0; index < 1_000; index += 1) {
      expect(health.isOutage("first")).toBe(true);
      failAlone(`d-${index}`, 1);
    }
    expect(health.isOutage("first")).toBe(false);
  });
});
