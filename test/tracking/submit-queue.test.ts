import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";

import type { Release } from "../../src/runtime/queue.ts";
import { createSubmitQueue } from "../../src/tracking/submit-queue.ts";

let nowMs = 0;
let logged: string[] = [];

beforeEach(() => {
  nowMs = 0;
  logged = [];
});

function createSubmits(atOnce: number, maxWaitMs = 10_000) {
  const queue = createSubmitQueue({
    atOnce,
    maxWaitMs,
    monotonic: () => nowMs,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
  });
  const sent: string[] = [];
  const releases = new Map<string, Release>();
  return {
    close: queue.close,
    sent,
    end: (name: string) => releases.get(name)?.(),
    /** One that goes on until it is ended. */
    submit: (name: string, bytes = 0) =>
      queue.run(name.slice(0, 1), bytes, (release) => {
        const { promise, resolve } = Promise.withResolvers<string>();
        releases.set(name, () => {
          release();
          resolve(name);
        });
        sent.push(name);
        return promise;
      }),
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("so many are sent at once, and then each owner's next one, however many one of them has", async () => {
  const { sent, submit, end } = createSubmits(2);
  const names = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"];
  const all = names.map((name) => submit(name));
  expect(sent).toEqual(["a1", "a2"]);
  const expected = ["a1", "a2", "b1", "c1", "a3", "b2", "a4"];
  for (const [index, name] of expected.entries()) {
    end(name);
    await settle();
    expect(sent).toEqual(expected.slice(0, index + 3));
  }
  expect(await Promise.all(all)).toEqual(names);
});

test("who has waited for too long is told when to come back: after what the last one waited", async () => {
  const { submit, end, sent } = createSubmits(1, 20);
  const first = submit("a1");
  const second = submit("a2");
  nowMs += 11_500;
  end("a1");
  await first;
  await expect(submit("a3")).rejects.toMatchObject({
    code: "RATE_LIMITED",
    retryAfterSeconds: 12,
    message: expect.stringContaining("Submit it again in 12 seconds."),
  });
  end("a2");
  await second;
  void submit("a4");
  expect(sent).toEqual(["a1", "a2", "a4"]);
});

test("what waits is bounded by its size, and leaves room to other owners", async () => {
  const { submit, close } = createSubmits(1);
  void submit("a");
  const waiting: Promise<unknown>[] = [];
  const add = (name: string, count: number): void => {
    while (count-- > 0) waiting.push(submit(name, 1_000_000).catch((error: unknown) => error));
  };
  add("a", 33);
  await expect(submit("a", 1_000_000)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  add("b", 17);
  await expect(submit("b", 1_000_000)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  add("c", 1);
  const stopping = new Error("stopping");
  close(stopping);
  for (const end of await Promise.all(waiting)) expect(end).toBe(stopping);
  await expect(submit("c")).rejects.toBe(stopping);
});

test("the log tells of refusals once, and again only after half of the slots were free", async () => {
  const { submit, end } = createSubmits(1, 1);
  for (const name of ["a1", "a2"]) {
    const running = submit(name);
    for (let tries = 0; tries < 3; tries++)
      await expect(submit("a")).rejects.toMatchObject({ retryAfterSeconds: 1 });
    end(name);
    await running;
  }
  expect(logged.map((line) => JSON.parse(line))).toMatchObject([{ level: 40 }, { level: 40 }]);
});
