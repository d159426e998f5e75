import { expect, test } from "vitest";

import { createFixture } from "./feed-fixture.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("who asks while a read is under way shares the next one, which knows what the first may not", async () => {
  const fixture = createFixture();
  const read = Promise.withResolvers<void>();
  fixture.holdPages(() => read.promise);
  const first = fixture.feed.readPage("0");
  await settle();
  fixture.change("job_late");
  const others = [fixture.feed.readPage("0"), fixture.feed.readPage("0")];
  read.resolve();
  expect((await first)?.changes).toEqual([]);
  for (const other of others) expect((await other)?.changes).toHaveLength(1);
  expect(fixture.reads).toEqual(["0", "0"]);
});

test("a read that fails leaves the next one a chance, and fails only those who shared it", async () => {
  const fixture = createFixture();
  const read = Promise.withResolvers<void>();
  fixture.holdReads(() => read.promise);
  const first = fixture.feed.readPage("0");
  await settle();
  const second = fixture.feed.readPage("0");
  fixture.holdReads(() => undefined);
  read.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  expect(await second).toMatchObject({ isLast: true });
  expect(await fixture.feed.readPage("0")).toMatchObject({ isLast: true });
  expect(fixture.reads).toHaveLength(2);
});

test("all who ask in one turn read up to one place, and the place is read once", async () => {
  const fixture = createFixture();
  fixture.change("job");
  let reads = 0;
  fixture.holdReads(() => void (reads += 1));
  const { feed } = fixture;
  const [head, page, other] = await Promise.all([
    feed.readHead(),
    feed.readPage("0"),
    feed.readPage("1"),
  ]);
  expect([head, page?.cursor, other?.cursor]).toEqual(["1", "1", "1"]);
  expect(reads).toBe(3);
});

test("all who have one cursor share a read, and no other owner does", async () => {
  const fixture = createFixture();
  const pages = [
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "theirs"),
  ];
  await Promise.all(pages);
  expect(fixture.reads).toEqual(["0", "0"]);
});
