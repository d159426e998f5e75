import { expect, test } from "vitest";

import { init, nextMessage, open, subscribe } from "./open-socket.ts";
import { findCode } from "../../src/operations/create-operations.ts";
import { serve } from "./serve.ts";

test("what hears of operations hears of each once, with the code that clients are told", async () => {
  const heard: unknown[] = [];
  const { graphqlUrl } = await serve({
    async aroundOperation({ kind }, run) {
      const result = await run();
      heard.push([kind, findCode(result)]);
      return result;
    },
  });
  const post = (query: string) =>
    fetch(graphqlUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
  // The first goes Yoga's way, and the second is answered without it.
  for (const query of ["{ fail }", "{ fail }", "{ node { name } }"]) await post(query);
  expect(heard.splice(0)).toEqual([
    ["query", "INTERNAL_SERVER_ERROR"],
    ["query", "INTERNAL_SERVER_ERROR"],
    ["query", null],
  ]);
  const socket = await open(graphqlUrl, init({}));
  await nextMessage(socket);
  socket.send(subscribe("1", "{ fail }"));
  await nextMessage(socket);
  expect(heard.splice(0)).toEqual([["query", "INTERNAL_SERVER_ERROR"]]);
  socket.send(subscribe("2", "subscription { ticks }"));
  await expect.poll(() => heard).toEqual([["subscription", null]]);
});
