import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import { UpstreamError } from "../../src/job/errors.ts";
import type { SubmitTurn, SubmitTurns } from "../../src/tracking/submit-turns.ts";
import { createSubmitTurns } from "../../src/tracking/submit-turns.ts";

let nowMs = 0;
let logged: string[] = [];

beforeEach(() => {
  nowMs = 0;
  logged = [];
});

function createTurns(atOnce: number, longestWaitMs = 10_000): SubmitTurns {
  return createSubmitTurns({
    atOnce,
    longestWaitMs,
    monotonic: () => nowMs,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
  });
}

/** Teaches it how long a turn takes. */
function sendMany(turns: SubmitTurns, durationMs: number): void {
  for (let posts = 0; posts < 200; posts++) {
    const turn = turns.join("anybody", 0);
    nowMs += durationMs;
    turn.end(true);
  }
}

function refusalOf(join: () => SubmitTurn): unknown {
  try {
    join();
  } catch (error) {
    return error;
  }
  return null;
}

test("so many have their turn at once, and the next one when one of them ends, once", async () => {
  const turns = createTurns(2);
  const first = turns.join("a", 0);
  const second = turns.join("a", 0);
  const third = turns.join("a", 0);
  const begun: string[] = [];
  void third.begun.then(() => begun.push("third"));
  const fourth = turns.join("a", 0);
  void fourth.begun.then(() => begun.push("fourth"));
  expect([await first.begun, await second.begun]).toEqual([false, false]);
  expect(begun).toEqual([]);
  first.end();
  first.end();
  expect(await third.begun).toBe(true);
  expect(begun).toEqual(["third"]);
  second.end();
  expect(await fourth.begun).toBe(true);
});

test("owners take turns, and each owner's submits go in order, however many one of them has", async () => {
  const turns = createTurns(1);
  const running = turns.join("greedy", 0);
  const order: string[] = [];
  const join = async (ownerId: string, name: string): Promise<void> => {
    const turn = turns.join(ownerId, 0);
    await turn.begun;
    order.push(name);
    turn.end();
  };
  const all = [
    ...Array.from({ length: 50 }, (_, index) => join("greedy", `greedy ${index}`)),
    join("quiet", "quiet 0"),
    join("quiet", "quiet 1"),
    join("other", "other 0"),
  ];
  running.end();
  await Promise.all(all);
  expect(order.slice(0, 7)).toEqual([
    "greedy 0",
    "quiet 0",
    "other 0",
    "greedy 1",
    "quiet 1",
    "greedy 2",
    "greedy 3",
  ]);
  expect(order).toHaveLength(53);
});

test("who would wait for too long is refused at once, with the seconds that the last turns let expect", () => {
  const turns = createTurns(2, 10_000);
  sendMany(turns, 4_000);
  for (let joined = 0; joined < 2 + 5; joined++) turns.join("greedy", 0);
  const error = refusalOf(() => turns.join("greedy", 0));
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true, retryAfterSeconds: 12 });
  expect(String(error)).toContain("Submit it again in 12 seconds.");
});

test("a long line of one owner's does not refuse another one", () => {
  const turns = createTurns(2, 10_000);
  sendMany(turns, 4_000);
  for (let joined = 0; joined < 2 + 5; joined++) turns.join("greedy", 0);
  expect(refusalOf(() => turns.join("greedy", 0))).not.toBeNull();
  expect(refusalOf(() => turns.join("quiet", 0))).toBeNull();
});

test("who has waited for too long is refused and leaves the line", async () => {
  const turns = createTurns(1, 20);
  sendMany(turns, 1);
  const running = turns.join("a", 0);
  const late = turns.join("a", 0);
  await expect(late.begun).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 1 });
  running.end();
  expect(await turns.join("a", 0).begun).toBe(false);
});

test("who leaves the line gets no turn, and holds nobody up", async () => {
  const turns = createTurns(1);
  const running = turns.join("a", 0);
  turns.join("a", 0).end();
  const next = turns.join("a", 0);
  running.end();
  expect(await next.begun).toBe(true);
});

test("what waits is bounded by its size, leaves room to other owners, and counts no longer once it has left", () => {
  const turns = createTurns(1);
  turns.join("a", 0);
  const large = 1_000_000;
  const waiting: SubmitTurn[] = [];
  const join = (): SubmitTurn => turns.join("a", large);
  for (let joined = 0; joined < 33; joined++) waiting.push(join());
  expect(refusalOf(join)).toMatchObject({ code: "RATE_LIMITED" });
  for (let joined = 0; joined < 17; joined++) waiting.push(turns.join("b", large));
  expect(refusalOf(() => turns.join("b", large))).toMatchObject({ code: "RATE_LIMITED" });
  expect(refusalOf(() => turns.join("c", large))).toBeNull();
  for (const turn of waiting) turn.end();
  expect(refusalOf(join)).toBeNull();
});

test("a stop refuses all who wait, and everyone who comes", async () => {
  const turns = createTurns(1);
  const running = turns.join("a", 0);
  const waiting = [turns.join("a", 0), turns.join("b", 0)];
  const stopping = new Error("stopping");
  turns.stop(stopping);
  for (const { begun } of waiting) await expect(begun).rejects.toBe(stopping);
  expect(refusalOf(() => turns.join("c", 0))).toBe(stopping);
  running.end();
  expect(refusalOf(() => turns.join("c", 0))).toBe(stopping);
});

test("the log tells of refusals once, and again only after half of the turns were free", () => {
  const turns = createTurns(1, 10_000);
  sendMany(turns, 20_000);
  const running = turns.join("a", 0);
  for (let tries = 0; tries < 5; tries++)
    expect(refusalOf(() => turns.join("a", 0))).not.toBeNull();
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? "")).toMatchObject({ underWay: 1, waiting: 0, level: 40 });
  running.end();
  turns.join("a", 0);
  expect(refusalOf(() => turns.join("a", 0))).not.toBeNull();
  expect(logged).toHaveLength(2);
});

test("turns that ended without a POST teach nothing of how long one takes", () => {
  const turns = createTurns(1);
  sendMany(turns, 4_000);
  for (let refused = 0; refused < 200; refused++) turns.join("anybody", 0).end();
  for (let joined = 0; joined < 3; joined++) turns.join("a", 0);
  expect(refusalOf(() => turns.join("a", 0))).toBeInstanceOf(UpstreamError);
});
