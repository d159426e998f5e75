import { expect, test } from "vitest";

import { openInProcessGateway } from "./in-process-gateway.ts";

test("what is made for each operation has no getters of its own, which V8 would keep until a major collection", async () => {
  const { openContext } = await openInProcessGateway();
  const context = openContext();
  for (const made of [context, context.loaders]) {
    const own = Object.values(Object.getOwnPropertyDescriptors(made));
    expect(own.filter(({ get }) => get !== undefined)).toEqual([]);
  }
  expect(context.loaders).toBe(context.loaders);
  expect(context.reads).toBe(context.reads);
});
