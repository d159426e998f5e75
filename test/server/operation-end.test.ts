import { expect, test } from "vitest";

import { closing, greet, nextMessage, openConnection, subscribe } from "./open-socket.ts";
import { post, serve } from "./serve.ts";

/** A server that keeps the names of the operations whose answers are over. */
async function serveKeeping() {
  const ended: unknown[] = [];
  const server = await serve({
    createContext({ viewer, whenOver }) {
      let name: string | undefined;
      whenOver(() => ended.push(name));
      return { viewer, onEcho: (text: string) => (name = text) };
    },
  });
  return { ...server, ended };
}

const toQuery = (field: string) => `query ($name: String!) { echo(text: $name) ${field} }`;

const toRequest = (name: string, field: string) =>
  `GET /graphql?query=${encodeURIComponent(toQuery(field))}&variables={%22name%22:%22${name}%22} HTTP/1.1\r\nHost: x\r\n\r\n`;

test.each(["node { name }", "fail"])(
  "an answer is over once it was sent, of %s over HTTP and a socket",
  async (field) => {
    const { graphqlUrl, ended } = await serveKeeping();
    const operation = { query: toQuery(field), variables: { name: "http" } };
    await post(graphqlUrl, operation);
    await expect.poll(() => ended).toEqual(["http"]);
    const socket = await greet(graphqlUrl);
    const payload = { ...operation, variables: { name: "socket" } };
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
    await expect.poll(() => ended).toEqual(["http", "socket"]);
    socket.close();
    await closing(socket);
    expect(ended).toEqual(["http", "socket"]);
  },
);

test("an answer that waits behind another one on its connection is not over", async () => {
  const { port, ended, counts, release } = await serveKeeping();
  const connection = await openConnection(port);
  connection.write(toRequest("first", "wait") + toRequest("second", "fail"));
  await expect.poll(() => counts.waiting).toBe(1);
  const other = await openConnection(port);
  other.write(toRequest("other", "fail"));
  await expect.poll(() => ended).toEqual(["other"]);
  release();
  await expect.poll(() => ended).toEqual(["other", "first", "second"]);
});

test("the answers of a client that has left are over, however many it waited for", async () => {
  const { port, graphqlUrl, ended, counts, release } = await serveKeeping();
  const connections = [await openConnection(port), await openConnection(port)];
  for (const [index, name] of ["first", "second"].entries())
    connections[index]?.write(toRequest(name, "wait"));
  const socket = await greet(graphqlUrl);
  const payload = { query: toQuery("wait"), variables: { name: "third" } };
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
  await expect.poll(() => counts.waiting).toBe(3);
  expect(ended).toEqual([]);
  for (const connection of connections) connection.destroy();
  socket.terminate();
  await expect.poll(() => new Set(ended)).toEqual(new Set(["first", "second", "third"]));
  release();
});

test("a stream that a client has said is complete is over", async () => {
  const { graphqlUrl, ended } = await serveKeeping();
  const socket = await greet(graphqlUrl);
  socket.send(subscribe("1", "subscription { ticks }"));
  await nextMessage(socket);
  expect(ended).toEqual([]);
  socket.send('{"id":"1","type":"complete"}');
  await expect.poll(() => ended).toHaveLength(1);
});
