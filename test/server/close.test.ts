import { expect, onTestFinished, test, vi } from "vitest";

import { whenClosed } from "../support/raw-socket.ts";
import { openConnection } from "./open-socket.ts";
import { serve } from "./serve.ts";

const HEAD = "Host: x\r\ncontent-type: application/json\r\n";

/** A connection on which these bytes have been sent, and when it closes. */
async function open(port: number, bytes: string) {
  const socket = await openConnection(port);
  if (bytes !== "") socket.write(bytes);
  return { socket, closed: whenClosed(socket) };
}

test("at shutdown what is idle, half sent or a stream is cut at once, and what is being answered is answered", async () => {
  const { port, graphqlUrl, close, counts, release } = await serve();
  const answer = fetch(`${graphqlUrl}?query={wait}`);
  const cut = await Promise.all(
    [
      "",
      "POST /graphql HT",
      `POST /graphql HTTP/1.1\r\n${HEAD}`,
      `POST /graphql HTTP/1.1\r\n${HEAD}content-length: 100\r\n\r\n{`,
      `GET /health HTTP/1.1\r\n${HEAD}\r\n`,
      `GET /graphql?query=subscription{ticks} HTTP/1.1\r\n${HEAD}accept: text/event-stream\r\n\r\n`,
    ].map((bytes) => open(port, bytes)),
  );
  await expect.poll(() => counts).toEqual({ waiting: 1, open: 1 });
  const closed = close();
  await Promise.all(cut.map((connection) => connection.closed));
  release();
  const response = await answer;
  expect(response.headers.get("connection")).toBe("close");
  expect(await response.json()).toEqual({ data: { wait: "released" } });
  await closed;
});

test("at shutdown all requests that came one behind the other on a connection are answered", async () => {
  const { port, close, counts, release } = await serve();
  const request = `GET /graphql?query={wait} HTTP/1.1\r\n${HEAD}\r\n`;
  const { socket, closed } = await open(port, request.repeat(3));
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  await expect.poll(() => counts.waiting).toBe(1);
  const closing = close();
  release();
  await closed;
  await closing;
  expect(text.match(/"wait":"released"/g)).toHaveLength(3);
  expect(text.match(/connection: close/gi)).toHaveLength(1);
});

test.each([
  [7_900, "answered"],
  [8_000, "cut"],
])("at shutdown a request that still waits after %d ms is %s", async (waitMs, outcome) => {
  const { graphqlUrl, close, counts, release } = await serve();
  const answer = fetch(`${graphqlUrl}?query={wait}`).then(
    () => "answered",
    () => "cut",
  );
  await expect.poll(() => counts.waiting).toBe(1);
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const closed = close();
  await vi.advanceTimersByTimeAsync(waitMs);
  vi.useRealTimers();
  release();
  expect(await answer).toBe(outcome);
  await closed;
});
