import { expect, test } from "vitest";

import { createFixture } from "./feed-fixture.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("who asks while a read is under way shares the next one, which knows what the first may not", async () => {
  const fixture = createFixture();
  const read = Promise.withResolvers<void>();
  fixture.holdReads(() => read.promise);
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
  expect(fixture.reads).toHaveLength(3);
});

test("all who ask where the feed ends share that answer too", async () => {
  const fixture = createFixture();
  let reads = 0;
  fixture.holdReads(() => void (reads += 1));
  expect(await Promise.all([fixture.feed.readHead(), fixture.feed.readHead()])).toEqual(["0", "0"]);
  expect(reads).toBe(1);
});

test("all who stand at one place share a read, whichever cursor of it they have, and no other owner does", async () => {
  const fixture = createFixture();
  const pages = [
    fixture.feed.readPage("0 a", "mine"),
    fixture.feed.readPage("0 b", "mine"),
    fixture.feed.readPage("0 c", "theirs"),
  ];
  await Promise.all(pages);
  expect(fixture.reads).toEqual(["0 a", "0 c"]);
});
