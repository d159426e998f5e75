import { expect, test } from "vitest";

import { createNeedCheck } from "../../src/files/need-check.ts";

test("all who ask while the database is asked share the next statement, which knows what was deleted by then", async () => {
  const needed = new Set(["a.png", "b.png"]);
  const asked: (readonly string[])[] = [];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const isNeeded = createNeedCheck({
    async findNeeded(names) {
      asked.push(names);
      const found = names.filter((name) => needed.has(name));
      if (asked.length === 1) await answered;
      return found;
    },
  });
  const first = isNeeded("a.png");
  await expect.poll(() => asked.length).toBe(1);
  needed.delete("a.png");
  const others = ["a.png", "b.png", "a.png", "c.png"].map(isNeeded);
  answer();
  expect(await first).toBe(true);
  expect(await Promise.all(others)).toEqual([false, true, false, false]);
  expect(asked).toEqual([["a.png"], ["a.png", "b.png", "a.png", "c.png"]]);
});

test("a statement that fails fails those who share it, and the next one is asked all the same", async () => {
  let isAway = true;
  const isNeeded = createNeedCheck({
    async findNeeded(names) {
      if (isAway) throw new Error("the database is away");
      return [...names];
    },
  });
  await expect(isNeeded("a.png")).rejects.toThrow("away");
  isAway = false;
  expect(await isNeeded("a.png")).toBe(true);
});
