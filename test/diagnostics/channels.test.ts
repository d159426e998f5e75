import { AsyncLocalStorage } from "node:async_hooks";

import { expect, test } from "vitest";

import { createChannels, createSubscriptions } from "../../src/engine/diagnostics/channels.ts";

const MESSAGE = { call: "status", method: "GET", startedAt: 0 };
const scope = new AsyncLocalStorage<string | null>();

test("a gateway's channels are its own, and nobody is notified any more once the subscriptions are closed", async () => {
  const [one, other] = [createChannels(), createChannels()];
  const received: unknown[] = [];
  const { on, bind, close } = createSubscriptions({ error: () => undefined });
  on(one.refused, (limit) => received.push(limit));
  on(one.call.asyncEnd, ({ call, result }) => received.push([call, result]));
  bind(one.call.start, scope, ({ method }) => method);
  const publish = async ({ refused, call }: typeof one) => {
    refused.publish("sockets");
    await call.tracePromise(async () => scope.getStore(), { ...MESSAGE });
  };
  for (const channels of [one, other]) await publish(channels);
  expect(received.splice(0)).toEqual(["sockets", ["status", "GET"]]);
  close();
  expect([one.call.hasSubscribers, one.refused.hasSubscribers]).toEqual([false, false]);
  await publish(one);
  expect(received).toEqual([]);
});

test("what a subscriber throws is logged once, and reaches neither what it observes nor the process", async () => {
  const { refused, call } = createChannels();
  const lines: unknown[] = [];
  const { on, bind } = createSubscriptions({
    error: (...line: unknown[]) => void lines.push(line),
  });
  const fail = () => {
    throw new Error("a mistake");
  };
  on(refused, fail);
  on(call.asyncEnd, fail);
  bind(call.start, scope, fail);
  refused.publish("sockets");
  expect(await call.tracePromise(async () => 1, { ...MESSAGE })).toBe(1);
  // Node lets an uncaught error end the process a tick later.
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines).toEqual([[{ err: new Error("a mistake") }, expect.stringContaining("report")]]);
});
