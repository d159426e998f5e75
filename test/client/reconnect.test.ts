import { once } from "node:events";
import { setImmediate } from "node:timers/promises";

import {
  type ClientOptions,
  createGatewayClient,
  type GatewayError,
  JOB_UPDATED,
} from "runcomfy-graphql-client";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

import { openClient } from "./open-client.ts";

const SOON = { timeout: 20_000, interval: 50 };
const MESSAGE = z.object({ type: z.string(), id: z.string().optional() });
const ADDRESS = z.object({ port: z.number() });
const SUBSCRIPTION = "subscription { viewer { id } }";
const DATA = { viewer: { id: "anna" } };

test("a subscription comes back after a close that may pass, for one's own jobs or all", async () => {
  const codes = [
    1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1013, 4000, 4004, 4408, 4500, 4504,
  ];
  const comeBack = async (code: number) => {
    const { client } = await openClientOf(({ socket, send }, before) => {
      if (before < 2) return socket.close(code);
      send("next", { data: DATA });
      return send("complete");
    });
    const received: unknown[] = [];
    const sink = {
      next: (value: unknown) => received.push(value),
      error: (error: unknown) => received.push(error),
      complete: () => received.push("complete"),
    };
    onTestFinished(client.subscribe(SUBSCRIPTION, {}, sink));
    onTestFinished(client.socket.subscribe({ query: SUBSCRIPTION }, sink));
    await expect.poll(() => received, SOON).toHaveLength(4);
    return { code, received: new Set(received.map((one) => JSON.stringify(one))) };
  };
  const whole = new Set([DATA, { data: DATA }, "complete"].map((one) => JSON.stringify(one)));
  const expected = codes.map((code) => ({ code, received: whole }));
  expect(await Promise.all(codes.map(comeBack))).toEqual(expected);
});

test.each([1009, 4400, 4406, 4409, 4429])(
  "a close with %i, which would come again, ends what is subscribed to and says where to look it up",
  async (code) => {
    const { client, count } = await openClientOf(({ socket }) => socket.close(code, "Too big"));
    const error = await new Promise<GatewayError>((resolve) => {
      onTestFinished(client.subscribe(SUBSCRIPTION, {}, { next: () => undefined, error: resolve }));
    });
    expect(error).toMatchObject({ code: "REFUSED", retryable: false });
    expect(error.message).toMatch(new RegExp(`${code}.*Too big.*docs/error-codes.md`));
    expect(client.connection.get()).toEqual({ kind: "refused", reason: error.message });
    expect(count()).toBe(1);
  },
);

test.each([4401, 4403])(
  "a credential that was accepted and is then refused with %i is asked for anew",
  async (code) => {
    const hints: boolean[] = [];
    const authorization = (wasRefused: boolean) => {
      hints.push(wasRefused);
      return "Bearer anna";
    };
    const { client } = await openClientOf(
      ({ socket, send }, before) =>
        before === 0 ? socket.close(code, "It has expired.") : send("next", { data: DATA }),
      { authorization },
    );
    const data = await new Promise((next, error) => {
      onTestFinished(client.subscribe(SUBSCRIPTION, {}, { next, error }));
    });
    expect(data).toEqual(DATA);
    expect(hints).toEqual([false, true]);
  },
);

test("an error that passes by itself is reported, and what was subscribed to comes afterwards", async () => {
  const full = [{ message: "Full.", extensions: { code: "QUOTA_EXCEEDED", retryAfterSeconds: 1 } }];
  const { client } = await openClientOf(({ send }, before) =>
    before === 0 ? send("error", full) : send("next", { data: DATA }),
  );
  const received: unknown[] = [];
  const sink = {
    next: (data: unknown) => received.push(data),
    error: (error: GatewayError) => received.push(error),
  };
  onTestFinished(client.subscribe(SUBSCRIPTION, {}, sink));
  const reported = expect.objectContaining({ code: "QUOTA_EXCEEDED", retryable: true });
  await expect.poll(() => received, SOON).toEqual([reported, DATA]);
});

/** How often a client asks within half a minute, in which whatever it waits for comes at once. */
async function countTries(answer: Parameters<typeof openClientOf>[0]): Promise<number> {
  const { client, count } = await openClientOf(answer);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  onTestFinished(client.subscribe(SUBSCRIPTION, {}, { next: () => undefined }));
  await vi.waitUntil(() => count() > 0, SOON);
  for (let second = 0; second < 30; second++) {
    for (let turn = 0; turn < 200; turn++) await setImmediate();
    vi.advanceTimersByTime(1_000);
  }
  return count();
}

test("an error that says to try again in 0 s is not asked for again at once, and ever less often", async () => {
  const errors = [
    { message: "Full.", extensions: { code: "QUOTA_EXCEEDED", retryAfterSeconds: 0 } },
  ];
  const tries = await countTries(({ send }) => send("error", errors));
  expect(tries).toBeGreaterThan(2);
  // At 0, 1, 3, 7 and 15 s.
  expect(tries).toBeLessThanOrEqual(5);
});

test.each([1000, 4500])(
  "a server that lets in and closes with %i, whatever comes, is asked ever less often",
  async (code) => {
    const tries = await countTries(({ socket }) => socket.close(code));
    expect(tries).toBeGreaterThan(2);
    // The shortest pauses are 0.5, 1, 2, 4, 8 and 7.5 s.
    expect(tries).toBeLessThanOrEqual(7);
  },
);

test("where there is no WebSocket, as on Node 20, one is asked for with a sentence, and used once given", async () => {
  vi.stubGlobal("WebSocket", undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  expect(() => createGatewayClient({ url: "http://127.0.0.1:4000/graphql" })).toThrow(
    /no WebSocket.*webSocketImpl/,
  );
  const { client } = await openClient({}, { webSocketImpl: WebSocket });
  const error = await new Promise((resolve, reject) => {
    const id = "job_unknown";
    client.subscribe(JOB_UPDATED, { id }, { next: reject, error: resolve });
  });
  expect(error).toMatchObject({ code: "NOT_FOUND" });
});

type Subscription = {
  readonly socket: WebSocket;
  /** Sends a message of the protocol about it. */
  send(type: "next" | "error" | "complete", payload?: unknown): void;
};

/**
 * A client of a server that lets everybody in and hands each subscription to `onSubscribe`, with how many came before it.
 * Both are closed when the test ends.
 */
async function openClientOf(
  onSubscribe: (subscription: Subscription, before: number) => void,
  options: Omit<ClientOptions, "url"> = {},
) {
  let count = 0;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const { type, id } = MESSAGE.parse(JSON.parse(String(data)));
      const send = (answer: string, payload?: unknown) =>
        socket.send(JSON.stringify({ type: answer, id, payload }));
      if (type === "connection_init") send("connection_ack");
      if (type === "subscribe") onSubscribe({ socket, send }, count++);
    });
  });
  await once(server, "listening");
  const { port } = ADDRESS.parse(server.address());
  const client = createGatewayClient({ url: `http://127.0.0.1:${port}/graphql`, ...options });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    // It ends with the pause in which it may be, which is not waited for.
    void Promise.resolve(client.socket.dispose()).catch(() => undefined);
  });
  return { client, count: () => count };
}
