import { expect, onTestFinished, test, vi } from "vitest";

import { beginInTurn, createSlices, createTurns } from "../../src/runtime/turns.ts";

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

test("so many acts of one name run at once, the others in their order, and those of others beside them", async () => {
  const inTurn = createTurns(2);
  const { begun, end, act } = createActs();
  const results = ["a1", "a2", "a3", "a4"].map((name) => inTurn("a", act(name)));
  const other = inTurn("b", act("b1"));
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
  const inTurn = createTurns(1);
  const failing = inTurn("a", () => Promise.reject(new Error("no")));
  const next = inTurn("a", async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});

test("acts leave a turn of the event loop to everybody else between two of them", async () => {
  const inTurn = createTurns(1);
  let turn = 0;
  const turning = setInterval(() => (turn += 1), 0);
  const turns: number[] = [];
  const waitForTurn = () => new Promise<void>((resolve) => void setTimeout(resolve, 2));
  await waitForTurn();
  const acts = Array.from({ length: 50 }, () =>
    inTurn("a", async () => {
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

test("where few may run of all, names take turns, however much one of them asks", async () => {
  const inTurn = createTurns(1, { inAll: 1 });
  const { begun, end, act } = createActs();
  const greedy = ["a1", "a2", "a3"].map((name) => inTurn("a", act(name)));
  const others = [inTurn("b", act("b1")), inTurn("c", act("c1"))];
  expect(begun).toEqual(["a1"]);
  for (const [index, name] of ["a1", "b1", "c1", "a2", "a3"].entries()) {
    await nextTurn();
    expect(begun.slice(index)).toEqual([name]);
    end(name);
    await nextTurn();
  }
  await Promise.all([...greedy, ...others]);
});

test("acts that take little follow each other in one turn of the event loop, and after a long one its name rests", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const inTurn = createSlices();
  const { begun, act, end } = createActs();
  const burn = async () => {
    const { user } = process.cpuUsage();
    while (process.cpuUsage({ user, system: 0 }).user < 20_000);
  };
  const first = inTurn("a", async () => "done");
  const second = inTurn("a", burn);
  const third = inTurn("a", act("a3"));
  const other = inTurn("b", act("b1"));
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

test("what is begun in a turn goes on after it, and fails for whoever began it alone", async () => {
  const inTurn = createSlices();
  const { begun, act, end } = createActs();
  const first = beginInTurn(inTurn, "a", (leave) => {
    leave();
    return act("a1")();
  });
  const failing = beginInTurn(inTurn, "a", () => Promise.reject(new Error("no")));
  const third = beginInTurn(inTurn, "a", async () => "done");
  await expect(failing).rejects.toThrow("no");
  expect(await third).toBe("done");
  expect(begun).toEqual(["a1"]);
  end("a1");
  expect(await first).toBe("a1");
});
