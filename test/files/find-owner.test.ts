import { expect, test } from "vitest";

import { createFindOwner } from "../../src/files/find-owner.ts";

test("all who ask while the database is asked share the next statement, which knows what was deleted by then", async () => {
  const owners = new Map([
    ["a.png", "a"],
    ["b.png", "b"],
  ]);
  const asked: (readonly string[])[] = [];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const findOwner = createFindOwner({
    async findOwners(names) {
      asked.push(names);
      const found = new Map(owners);
      if (asked.length === 1) await answered;
      return found;
    },
  });
  const first = findOwner("a.png");
  await expect.poll(() => asked.length).toBe(1);
  owners.delete("a.png");
  const others = ["a.png", "b.png", "a.png", "c.png"].map(findOwner);
  answer();
  expect(await first).toBe("a");
  expect(await Promise.all(others)).toEqual([null, "b", null, null]);
  expect(asked).toEqual([["a.png"], ["a.png", "b.png", "a.png", "c.png"]]);
});

test("a statement that fails fails those who share it, and the next one is asked all the same", async () => {
  let isAway = true;
  const findOwner = createFindOwner({
    async findOwners(names) {
      if (isAway) throw new Error("the database is away");
      return new Map(names.map((name) => [name, "a"]));
    },
  });
  await expect(findOwner("a.png")).rejects.toThrow("away");
  isAway = false;
  expect(await findOwner("a.png")).toBe("a");
});
