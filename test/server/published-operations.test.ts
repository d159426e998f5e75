import { pino } from "pino";
import { expect, test } from "vitest";

import { createChannels, createSubscriptions } from "../../src/engine/diagnostics/channels.ts";
import { greet, init, nextMessage, subscribe } from "./open-socket.ts";
import { post, serve } from "./serve.ts";

test("each operation is published once, with the code that clients get", async () => {
  const received: unknown[] = [];
  const channels = createChannels();
  createSubscriptions(pino()).on(channels.operation.asyncEnd, ({ kind, code }) =>
    received.push([kind, code]),
  );
  const { graphqlUrl } = await serve({ channels });
  // The first goes Yoga's way, and the second is answered without it.
  for (const query of ["{ fail }", "{ fail }", "{ node { name } }"])
    await post(graphqlUrl, { query });
  expect(received.splice(0)).toEqual([
    ["query", "INTERNAL_SERVER_ERROR"],
    ["query", "INTERNAL_SERVER_ERROR"],
    ["query", null],
  ]);
  const socket = await greet(graphqlUrl, init({}));
  socket.send(subscribe("1", "{ fail }"));
  await nextMessage(socket);
  expect(received.splice(0)).toEqual([["query", "INTERNAL_SERVER_ERROR"]]);
  socket.send(subscribe("2", "subscription { ticks }"));
  await expect.poll(() => received).toEqual([["subscription", null]]);
});
