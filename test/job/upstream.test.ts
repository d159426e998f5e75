import { expect, test } from "vitest";

import { advance } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { conclude, deadlineMs } from "../../src/engine/job/polls.ts";
import type { PollOutcome } from "../../src/engine/job/polls.ts";
import {
  describeUpstream,
  isPaused,
  nameJobUpstream,
  namesOf,
  ownership,
  nameUpstream,
} from "../../src/engine/job/upstream.ts";
import { makeJob } from "../store/store-jobs.ts";

const VENDOR = "https://api.runcomfy.net";
const TEAM = `${VENDOR}#team`;
const MODELS = `${VENDOR} https://models.example`;
const START = new Date("2026-01-01T00:00:00Z");
const HOUR_MS = 3_600_000;
const NOT_FOUND: PollOutcome = { kind: "not-found" };
const RUNNING: PollOutcome = { kind: "seen", observation: { kind: "running" } };

function at(hours: number): Date {
  return new Date(START.getTime() + hours * HOUR_MS);
}

function queuedAt(upstream: string): Job {
  const queued = { status: "IN_QUEUE", requestId: "r", queuePosition: 2 } as const;
  return makeJob({ upstream, createdAt: at(-24), sentAt: START, ...queued });
}

test("an upstream is an origin, with the account's name where one is given", () => {
  const name = (baseUrl: string, account: string | null) =>
    nameUpstream({ baseUrl, modelUrl: null }, account);
  expect(name("https://api.runcomfy.net/path/", null)).toBe(VENDOR);
  expect(name(VENDOR, "team")).toBe(TEAM);
  const modelUrl = "https://models.example/v1/";
  expect(nameUpstream({ baseUrl: VENDOR, modelUrl }, "team")).toBe(`${MODELS}#team`);
  expect(nameJobUpstream(`${MODELS}#team`, "deployments")).toBe(TEAM);
  expect(nameJobUpstream(`${MODELS}#team`, "models")).toBe(`${MODELS}#team`);
  expect(nameJobUpstream("sandbox", "models")).toBe("sandbox");
  expect([VENDOR, MODELS, TEAM, "sandbox"].map(describeUpstream)).toEqual([
    VENDOR,
    `${VENDOR} and https://models.example`,
    `${VENDOR} (account team)`,
    "the sandbox",
  ]);
  expect(namesOf(TEAM)).toEqual([TEAM, VENDOR]);
  expect(namesOf(`${MODELS}#team`)).toEqual([TEAM, `${MODELS}#team`, VENDOR, MODELS]);
  expect(namesOf("sandbox")).toEqual(["sandbox"]);
});

test.each([
  [VENDOR, VENDOR, "ours"],
  [TEAM, TEAM, "ours"],
  [VENDOR, TEAM, "unknown"],
  [TEAM, VENDOR, "another's"],
  [TEAM, `${VENDOR}#other`, "another's"],
  ["sandbox", VENDOR, "another's"],
  [VENDOR, "sandbox", "another's"],
  [VENDOR, "https://api.runcomfy.net.evil", "another's"],
  [VENDOR, MODELS, "ours"],
  [MODELS, MODELS, "ours"],
  [TEAM, `${MODELS}#team`, "ours"],
  [MODELS, `${MODELS}#team`, "unknown"],
  [MODELS, VENDOR, "another's"],
  [MODELS, `${VENDOR} https://other.example`, "another's"],
  [MODELS, "https://other.example https://models.example", "another's"],
  [`${MODELS}#team`, `${MODELS}#other`, "another's"],
])("a job of %s is, to a gateway of %s, %s", (upstream, own, whose) => {
  expect(ownership({ upstream }, own)).toBe(whose);
});

test("an accepted job of another upstream is paused until it has ended; one that is being submitted is not", () => {
  const job = queuedAt(VENDOR);
  expect(isPaused(job, "sandbox")).toBe(true);
  expect(isPaused(job, VENDOR)).toBe(false);
  expect(isPaused(job, TEAM)).toBe(false);
  expect(isPaused({ ...job, status: "SUBMITTING" }, "sandbox")).toBe(false);
  expect(isPaused({ ...job, status: "SUCCEEDED" }, "sandbox")).toBe(false);
});

test("a job that its upstream calls another account's is away, once, until it is known again", () => {
  const away = advance(queuedAt(VENDOR), { kind: "not-ours" }, at(1), VENDOR);
  expect(away).toMatchObject({ detachedSince: at(1), queuePosition: null, version: 2 });
  expect(isPaused(away, VENDOR)).toBe(true);
  expect(advance(away, { kind: "not-ours" }, at(2), VENDOR)).toBe(away);
  const back = advance(away, { kind: "queued", queuePosition: null }, at(3), VENDOR);
  expect(back).toMatchObject({ detachedSince: null, detachedMs: 2 * HOUR_MS, version: 3 });
  const again = advance(back, { kind: "not-ours" }, at(4), VENDOR);
  const running = advance(again, { kind: "running" }, at(5), VENDOR);
  expect(running).toMatchObject({ status: "IN_PROGRESS", detachedMs: 3 * HOUR_MS, version: 5 });
});

test("the first account that knows a job of its origin has it from then on", () => {
  const ofTeam = advance(queuedAt(VENDOR), { kind: "queued", queuePosition: 2 }, at(1), TEAM);
  expect(ofTeam).toMatchObject({ upstream: TEAM, version: 2, detachedMs: 0 });
});

test("a submit that nobody answered belongs where it was sent", () => {
  const job: Job = { ...queuedAt(VENDOR), status: "SUBMITTING", requestId: null };
  const ended = advance(job, { kind: "unanswered" }, at(1), "sandbox");
  expect(ended).toMatchObject({ status: "FAILED", upstream: VENDOR });
  expect(advance(job, { kind: "not-ours" }, at(1), "sandbox")).toBe(job);
  const ofTeam = queuedAt(TEAM);
  expect(advance(ofTeam, { kind: "running" }, at(1), VENDOR)).toBe(ofTeam);
});

test("time away does not count towards the deadline, and nothing ends a job that may be another's", () => {
  const following = { upstream: VENDOR, deadlineSeconds: 3_600 };
  const job = queuedAt(VENDOR);
  expect(deadlineMs(job, following)).toBe(at(1).getTime());
  expect(deadlineMs({ ...job, detachedMs: HOUR_MS }, following)).toBe(at(2).getTime());
  const forLong = { failures: 9, notFoundForMs: HOUR_MS, unreadForMs: null };
  const read = (one: Job, outcome: PollOutcome, by = following) =>
    conclude(one, forLong, outcome, at(2), by);
  expect(read(job, NOT_FOUND)).toMatchObject({ kind: "failed", error: { code: "LOST" } });
  expect(read(job, RUNNING)).toMatchObject({ kind: "failed", error: { code: "EXPIRED" } });
  const unsure = [
    [{ ...job, detachedSince: at(1) }, following],
    [job, { ...following, upstream: TEAM }],
  ] as const;
  for (const [one, by] of unsure) {
    expect(deadlineMs(one, by)).toBe(Infinity);
    expect(read(one, NOT_FOUND, by)).toEqual({ kind: "not-ours" });
    expect(read(one, RUNNING, by)).toEqual({ kind: "running" });
  }
  expect(read(job, { kind: "not-ours" })).toEqual({ kind: "not-ours" });
});
