import { expect, onTestFinished, test, vi } from "vitest";

import { Queue, type Release, SLICE_MS } from "../../src/runtime/queue.ts";

/** Acts that go on until they are told to end. */
function createActs() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    end: (name: string) => ends.get(name)?.(),
    act: (name: string) => () => {
      begun.push(name);
      const { promise, resolve } = Promise.withResolvers<string>();
      ends.set(name, () => resolve(name));
      return promise;
    },
  };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("so many acts of one key run at once, the others in their order, and those of others beside them", async () => {
  const queue = new Queue({ perKey: 2 });
  const { begun, end, act } = createActs();
  const results = ["a1", "a2", "a3", "a4"].map((name) => queue.run("a", act(name)));
  const other = queue.run("b", act("b1"));
  expect(begun).toEqual(["a1", "a2", "b1"]);
  end("a2");
  expect(await results[1]).toBe("a2");
  await nextTurn();
  expect(begun).toEqual(["a1", "a2", "b1", "a3"]);
  end("a1");
  end("b1");
  await Promise.all([results[0], other]);
  await nextTurn();
  expect(begun.at(-1)).toBe("a4");
  end("a3");
  end("a4");
  expect(await Promise.all(results)).toEqual(["a1", "a2", "a3", "a4"]);
});

test("an act that fails makes room for the next one", async () => {
  const queue = new Queue({ perKey: 1 });
  const failing = queue.run("a", () => Promise.reject(new Error("no")));
  const next = queue.run("a", async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});

test("acts leave a turn of the event loop to everybody else between two of them", async () => {
  const queue = new Queue({ perKey: 1 });
  let turn = 0;
  const turning = setInterval(() => (turn += 1), 0);
  const turns: number[] = [];
  const waitForTurn = () => new Promise<void>((resolve) => void setTimeout(resolve, 2));
  await waitForTurn();
  const acts = Array.from({ length: 50 }, () =>
    queue.run("a", async () => {
      turns.push(turn);
      // As a statement of SQLite does.
      const until = performance.now() + 1;
      while (performance.now() < until);
    }),
  );
  await Promise.all(acts);
  clearInterval(turning);
  expect(new Set(turns).size).toBeGreaterThan(10);
});

test("where few may run of all, the keys come one after the other, however much one of them asks", async () => {
  const queue = new Queue({ perKey: 1, total: 1 });
  const { begun, end, act } = createActs();
  const greedy = ["a1", "a2", "a3"].map((name) => queue.run("a", act(name)));
  const others = [queue.run("b", act("b1")), queue.run("c", act("c1"))];
  expect(begun).toEqual(["a1"]);
  for (const [index, name] of ["a1", "b1", "c1", "a2", "a3"].entries()) {
    await nextTurn();
    expect(begun.slice(index)).toEqual([name]);
    end(name);
    await nextTurn();
  }
  await Promise.all([...greedy, ...others]);
});

test("acts that take little follow each other in one turn of the event loop, and after a long one its key rests", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new Queue({ perKey: 1, sliceMs: SLICE_MS });
  const { begun, act, end } = createActs();
  const first = queue.run("a", async () => "done");
  const second = queue.run("a", async () => void vi.advanceTimersByTime(20));
  const third = queue.run("a", act("a3"));
  const other = queue.run("b", act("b1"));
  expect(await first).toBe("done");
  await second;
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  expect(begun).toEqual(["b1"]);
  // No rest is longer.
  await vi.advanceTimersByTimeAsync(100);
  expect(begun).toEqual(["b1", "a3"]);
  end("a3");
  end("b1");
  await Promise.all([third, other]);
});

test("what has released its slot goes on after it, and fails only for its own caller", async () => {
  const queue = new Queue({ perKey: 1, sliceMs: SLICE_MS });
  const { begun, act, end } = createActs();
  const first = queue.run("a", (release) => {
    release();
    return act("a1")();
  });
  const failing = queue.run("a", () => Promise.reject(new Error("no")));
  const third = queue.run("a", async () => "done");
  await expect(failing).rejects.toThrow("no");
  expect(await third).toBe("done");
  expect(begun).toEqual(["a1"]);
  end("a1");
  expect(await first).toBe("a1");
});

/** Slots that are given back at once. */
const INSTANT = { sliceMs: Infinity };

test("the key that has taken least comes next", async () => {
  const queue = new Queue({ ...INSTANT, total: 3 });
  const [first] = [queue.tryEnter("a"), queue.tryEnter("a"), queue.tryEnter("b")];
  const begun: string[] = [];
  for (const key of ["a", "b", "c"]) void queue.enter(key).then(() => begun.push(key));
  expect(queue.hasWaiting()).toBe(true);
  first?.();
  first?.();
  await nextTurn();
  expect(begun).toEqual(["c"]);
  expect([queue.count(), queue.count("a"), queue.tryEnter("d")]).toEqual([3, 1, null]);
});

test("all who wait weigh no more than may be, and those of one key no more than they leave free", async () => {
  const refuse = (key: string) => new Error(`no room for ${key}`);
  const queue = new Queue({ ...INSTANT, total: 1, maxWaiting: 10, refuse });
  const release = queue.tryEnter("a");
  const waiting = [queue.enter("a", { weight: 5 })];
  await expect(queue.enter("a")).rejects.toThrow("no room for a");
  waiting.push(queue.enter("b", { weight: 2 }));
  await expect(queue.enter("b")).rejects.toThrow("no room for b");
  release?.();
  for (const one of waiting.toReversed()) (await one)();
  expect(queue.tryEnter("a")).not.toBeNull();
});

test("who waits for too long, or no longer, leaves the queue to the others", async () => {
  const refuse = () => new Error("too long");
  const queue = new Queue({ ...INSTANT, total: 1, maxWaitMs: 20, refuse });
  const release = queue.tryEnter("a");
  const signal = AbortSignal.abort(new Error("gone"));
  const leaving = new AbortController();
  const left = queue.enter("a", leaving);
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  await expect(queue.enter("a", { signal })).rejects.toThrow("gone");
  await expect(queue.enter("a")).rejects.toThrow("too long");
  const next = queue.enter("a");
  release?.();
  expect(await next).toBeTypeOf("function");
  queue.close(new Error("closed"));
  await expect(queue.enter("a")).rejects.toThrow("closed");
});

test("of amounts, what finds no room waits behind others of its key, and less comes next once more has left", async () => {
  const queue = new Queue({ perKey: 10, total: 15 });
  queue.adjust("a", 8);
  const leaving = new AbortController();
  const large = queue.take("a", 10, leaving);
  const small = queue.take("a", 2);
  expect(queue.tryTake("a", 3)).toBe(false);
  expect(queue.tryTake("b", 6)).toBe(true);
  leaving.abort(new Error("left"));
  await expect(large).rejects.toThrow("left");
  expect(queue.count("a")).toBe(8);
  queue.adjust("b", -6);
  await small;
  expect(queue.count("a")).toBe(10);
});

test("of one key so much may be taken as what is free allows, so that latecomers find some", async () => {
  const queue = new Queue({ total: 16, perKey: (free) => Math.ceil(free / 4) });
  const takeAll = (key: string): Release[] => {
    const releases: Release[] = [];
    for (let release; (release = queue.tryEnter(key)) !== null;) releases.push(release);
    return releases;
  };
  const released = takeAll("a");
  const waiting = queue.enter("a");
  for (const key of ["b", "c", "d", "e"]) released.push(...takeAll(key));
  expect(["a", "b", "c", "d", "e"].map((key) => queue.count(key))).toEqual([4, 3, 2, 2, 1]);
  expect(queue.count()).toBeLessThan(16);
  for (const release of released.slice(4)) release();
  await nextTurn();
  // Still as much as it may have.
  expect(queue.count("a")).toBe(4);
  released[0]?.();
  await waiting;
  expect(queue.count("a")).toBe(4);
});

test("a queue that is closed lets nobody go on, whatever each waits for", async () => {
  const queue = new Queue({ perKey: 6 });
  queue.adjust("a", 4);
  const waiting = [5, 3, 1].map((amount) => queue.take("a", amount));
  queue.close(new Error("closed"));
  const ends = await Promise.allSettled(waiting);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(queue.count("a")).toBe(4);
});
