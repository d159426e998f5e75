import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";

import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";

import type { JobKind } from "../../src/engine/job/kind.ts";
import type { AnswerReader } from "../../src/engine/runcomfy/answer-reader.ts";
import { createAnswerReader } from "../../src/engine/runcomfy/answer-reader.ts";
import { prepareOutput } from "../../src/engine/runcomfy/prepare-output.ts";
import { NEVER } from "./connect.ts";

const FILE = { url: "https://files.runcomfy.net/a.png", type: "output" };
const OUTPUT = { 9: { images: [FILE] }, 12: { images: [{ ...FILE, url: `${FILE.url}?b` }] } };

let answers: AnswerReader;
let workers: Worker[] = [];
const noteWorker = (worker: Worker): void => void workers.push(worker);

beforeEach(() => {
  answers = createAnswerReader(() => undefined);
  workers = [];
  process.on("worker", noteWorker);
});

afterEach(async () => {
  process.off("worker", noteWorker);
  await answers.close();
});

const toBytes = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));
const toLarge = (bytes: Uint8Array<ArrayBuffer>, kind: JobKind = "lora") => ({
  bytes,
  kind,
  outputs: ["9"],
});
const readLarge = (body: unknown, kind?: JobKind, signal = NEVER) =>
  answers.readLarge("dep", toLarge(toBytes(body), kind), signal);

test.each<[JobKind, string]>([
  ["lora", "output"],
  ["comfyui", "outputs"],
  ["model", "output"],
])(
  "a worker prepares the output of a result of kind %s as the gateway does",
  async (kind, member) => {
    const body = { request_id: "r", status: "succeeded", [member]: OUTPUT, cost: 0.1 };
    expect(await readLarge(body, kind)).toMatchObject({
      requestId: "r",
      report: { kind: "succeeded", prepared: prepareOutput(OUTPUT, kind, ["9"]) },
    });
    const failed = { status: "failed", error: "out of memory" };
    expect((await readLarge(failed, kind)).report).toMatchObject({ reason: "out of memory" });
  },
);

test("a worker says why it can't read a body, and no more of it", async () => {
  const read = (text: string) =>
    answers.readLarge("dep", toLarge(new TextEncoder().encode(text)), NEVER);
  const readings = [await read('{"secret'), await read("[".repeat(201) + "]".repeat(201))];
  expect(readings).toEqual([
    { report: null, requestId: null, body: { kind: "unreadable", why: "not JSON" } },
    { report: null, requestId: null, body: { kind: "unreadable", why: "too deep" } },
  ]);
  expect((await read('{"error_code":404001,"error_message":"secret"}')).body).toEqual({
    kind: "json",
    envelope: { code: 404_001, issues: [], isValidation: false },
  });
});

test("large results are read by one worker, deployments in rotation, and those that waited too long not at all", async () => {
  const order: string[] = [];
  const leaving = new AbortController();
  const read = async (id: string, signal = NEVER) => {
    await answers.readLarge(id, toLarge(toBytes({ status: "failed" })), signal);
    order.push(id);
  };
  const reads = ["greedy", "greedy", "greedy", "other"].map((id) => read(id));
  const left = read("left", leaving.signal);
  leaving.abort(new Error("It took too long."));
  await expect(left).rejects.toThrow("It took too long.");
  await Promise.all(reads);
  expect(order.indexOf("other")).toBeLessThan(3);
  expect(workers).toHaveLength(1);
});

test("results that would fill the memory while they wait are refused as nobody's failure", async () => {
  const first = readLarge({ status: "failed" });
  const many = new Uint8Array(70_000_000);
  await expect(answers.readLarge("dep", toLarge(many), NEVER)).rejects.toMatchObject({
    code: "RATE_LIMITED",
    retryAfterMs: 0,
  });
  await first;
});

test("the worker ends when it was idle for a minute, and at a stop, and starts again when it is needed", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await readLarge({ status: "failed" });
  await readLarge({ status: "failed" });
  expect(workers).toHaveLength(1);
  const [first] = workers;
  const ended = first && once(first, "exit");
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  await ended;
  await readLarge({ status: "failed" });
  expect(workers).toHaveLength(2);
  const underWay = readLarge(Array.from({ length: 1_000_000 }, () => []));
  const waiting = readLarge({ status: "failed" });
  const ends = Promise.allSettled([underWay, waiting]);
  for (const _ of [1, 2]) await nextTurn();
  await answers.close();
  expect(await ends).toMatchObject(
    ["The worker ended", "The gateway ended"].map((message) => ({
      reason: { message: expect.stringContaining(message) },
    })),
  );
  expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]);
});

test("small answers that come together share a turn for a few milliseconds, and a large one has a turn of its own", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  let turns = 0;
  let hasEnded = false;
  const count = (): void => {
    turns += 1;
    if (!hasEnded) setImmediate(count);
  };
  setImmediate(count);
  const seen: number[] = [];
  const note = () => {
    seen.push(turns);
    return null;
  };
  const large = toBytes(Array.from({ length: 100_000 }, () => 1_000));
  await Promise.all(
    [toBytes(1), toBytes(2), large, large, toBytes(3)].map((bytes) =>
      answers.read("dep", bytes, note),
    ),
  );
  hasEnded = true;
  const [one, two, three = 0, four = 0, five = 0] = seen;
  expect(two).toBe(one);
  expect([three > (two ?? 0), four > three, five >= four]).toEqual([true, true, true]);
});

test("an answer about one deployment waits behind none of another's, however many come first", async () => {
  const order: string[] = [];
  const read = async (deploymentId: string, bytes: Uint8Array) => {
    await answers.read(deploymentId, bytes, () => null);
    order.push(deploymentId);
  };
  const lists = new TextEncoder().encode(`[${Array(86_000).fill("[]").join(",")}]`);
  const reads = Array.from({ length: 20 }, () => read("greedy", lists));
  await Promise.all([...reads, read("other", toBytes({ status: "completed" }))]);
  expect(order.indexOf("other")).toBeLessThan(3);
});

test("where no worker can run, a large result is read all the same, but for a stop, and the log says so", async () => {
  const failures: unknown[] = [];
  const program = new URL("data:text/javascript,throw new Error('no')");
  const withoutWorker = createAnswerReader((error) => failures.push(error), program);
  const result = toLarge(toBytes({ status: "succeeded", output: OUTPUT }));
  expect(await withoutWorker.readLarge("dep", result, NEVER)).toMatchObject({
    report: { prepared: prepareOutput(OUTPUT, "lora", ["9"]) },
  });
  expect(failures).toMatchObject([{ message: "no" }]);
  await withoutWorker.close();
  await expect(withoutWorker.readLarge("dep", result, NEVER)).rejects.toThrow("ended before");
  expect(workers).toHaveLength(1);
});
