import { expect, test } from "vitest";

import { createFixture as createFeedFixture } from "./feed-fixture.ts";

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("who asks while a read is under way shares the next one, which knows what the first may not", async () => {
  const fixture = createFeedFixture();
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

test("all who have one cursor share a read, and no other owner does", async () => {
  const fixture = createFeedFixture();
  const pages = [
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "theirs"),
  ];
  await Promise.all(pages);
  expect(fixture.reads).toEqual(["0", "0"]);
});
