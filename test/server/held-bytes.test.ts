import { once } from "node:events";

import { expect, test } from "vitest";

import { ByteLimit, TOO_MUCH_SENT, TOO_MUCH_UNREAD } from "../../src/runtime/byte-limit.ts";
import { closing, greet, keepMessages, openConnection } from "./open-socket.ts";
import { createMemory, post, serve } from "./serve.ts";

const QUERY = `query ($text: String!) { ${Array.from({ length: 150 }, (_, at) => `e${at}: echo(text: $text)`).join(" ")} }`;
const toHead = (bytes: number) =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;

/** Asks for an answer 150 times as large as this text. */
async function echo(url: string, bytes: number) {
  const response = await post(url, { query: QUERY, variables: { text: "x".repeat(bytes) } });
  const retryAfter = response.headers.get("retry-after");
  return [response.status, retryAfter, (await response.text()).slice(0, 80)];
}

const refused = (problem: string) => [503, "5", expect.stringContaining(problem)];

test("bodies beyond what may be received at once are refused, until others have come or gone", async () => {
  const memory = { ...createMemory(), bodies: new ByteLimit(TOO_MUCH_SENT, 100_000) };
  const { port, graphqlUrl } = await serve({ memory });
  const slow = await openConnection(port);
  slow.write(toHead(200_000) + " ".repeat(60_000));
  await expect.poll(() => echo(graphqlUrl, 50_000)).toEqual(refused(TOO_MUCH_SENT));
  expect((await echo(graphqlUrl, 10))[0]).toBe(200);
  slow.destroy();
  await expect.poll(async () => (await echo(graphqlUrl, 50_000))[0]).toBe(200);
});

test("answers beyond what may wait for its readers are refused, but small ones", async () => {
  const memory = { ...createMemory(), answers: new ByteLimit(TOO_MUCH_UNREAD, 40_000_000) };
  const { port, graphqlUrl } = await serve({ memory });
  expect((await echo(graphqlUrl, 10))[0]).toBe(200);
  const reader = await openConnection(port);
  const body = JSON.stringify({ query: QUERY, variables: { text: "x".repeat(200_000) } });
  reader.write(toHead(body.length) + body);
  await once(reader, "data");
  reader.pause();
  expect(await echo(graphqlUrl, 200_000)).toEqual(refused(TOO_MUCH_UNREAD));
  expect((await echo(graphqlUrl, 10))[0]).toBe(200);
  reader.destroy();
  await expect.poll(async () => (await echo(graphqlUrl, 200_000))[0]).toBe(200);
});

test("a socket whose answer has no room is told to come back, and others get small ones", async () => {
  const memory = { ...createMemory(), answers: new ByteLimit(TOO_MUCH_UNREAD, 1_000_000) };
  const { graphqlUrl } = await serve({ memory });
  const [large, small] = [await greet(graphqlUrl), await greet(graphqlUrl)];
  const payload = { query: QUERY, variables: { text: "x".repeat(10_000) } };
  large.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
  expect(await closing(large)).toEqual({
    code: 1013,
    reason: `${TOO_MUCH_UNREAD} Try again in a few seconds.`,
  });
  // What has left takes no room any more.
  const answer = { ...payload, variables: { text: "x".repeat(5_000) } };
  const messages = keepMessages(small);
  for (let count = 1; count <= 3; count++) {
    small.send(JSON.stringify({ id: String(count), type: "subscribe", payload: answer }));
    await expect.poll(() => messages.length).toBe(2 * count);
  }
  expect(messages.filter(({ length }) => length > 750_000)).toHaveLength(3);
});
