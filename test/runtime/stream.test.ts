import { expect, test, vi } from "vitest";

import { OVER, Stream } from "../../src/runtime/stream.ts";

/** Gives what it is told to. */
function open() {
  let asked = Promise.withResolvers<IteratorResult<number, undefined>>();
  const release = vi.fn(() => asked.resolve(OVER));
  const pull = vi.fn(() => (asked = Promise.withResolvers()).promise);
  const give = (value: number): void => asked.resolve({ value, done: false });
  return { stream: new Stream(pull, release), pull, release, give };
}

test.each(["itself", "what is made of it"])(
  "a reader who leaves %s while waiting leaves at once, and once",
  async (what) => {
    const { stream, pull, release } = open();
    const read = what === "itself" ? stream : stream.map((value) => value);
    const waiting = read.next();
    expect(await read.return()).toBe(OVER);
    expect(await waiting).toBe(OVER);
    expect(await read.next()).toBe(OVER);
    await read.return();
    expect(stream.isOver).toBe(true);
    expect([pull.mock.calls.length, release.mock.calls.length]).toEqual([1, 1]);
  },
);

test("a value that was waited for before is given to the first who asks", async () => {
  const { stream, pull, give } = open();
  const peeking = stream.peek();
  give(1);
  await peeking;
  expect(await stream.next()).toEqual({ value: 1, done: false });
  void stream.next();
  expect(pull).toHaveBeenCalledTimes(2);
});

test("what is made undefined is left out, and so is nothing else", async () => {
  const { stream, give } = open();
  const even = stream.map(async (value) => (value % 2 === 0 ? value / 2 : undefined));
  const next = even.next();
  for (const value of [1, 3, 0]) {
    give(value);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await next).toEqual({ value: 0, done: false });
});
