import { once } from "node:events";

import { expect, test } from "vitest";

import { AuthenticationError } from "../../src/auth/authenticator.ts";
import { createFindClient } from "../../src/api/server/find-client.ts";
import { toStatuses } from "../support/raw-socket.ts";
import { openConnection } from "./open-socket.ts";
import { HTTP_ACCESS, serve } from "./serve.ts";

const PROXIES = ["10.0.0.0/8", "192.168.1.1", "fd00::/8", "::1"];

test.each([
  ["198.51.100.7", "198.51.100.7"],
  ["::ffff:198.51.100.7", "198.51.100.7"],
  // Its writer may make up what is there.
  ["198.51.100.7", "198.51.100.7", "203.0.113.1"],
  ["10.0.0.1", "203.0.113.1", "203.0.113.1"],
  ["::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"],
  ["192.168.1.1", "203.0.113.1", "203.0.113.1"],
  ["192.168.1.2", "192.168.1.2", "203.0.113.1"],
  ["10.0.0.1", "203.0.113.1", "198.51.100.9, 203.0.113.1"],
  ["10.0.0.1", "203.0.113.1", "198.51.100.9,203.0.113.1 , 10.0.0.2,fd00::1"],
  ["fd12::1", "203.0.113.1", "::ffff:203.0.113.1"],
  ["10.0.0.1", "203.0.113.1", "203.0.113.1:49152"],
  ["10.0.0.1", "2001:db8:1:2::", "[2001:db8:1:2::7]:49152"],
  ["10.0.0.1", "2001:db8:1:2::", "[2001:db8:1:2::7]"],
  // All within; the first that came.
  ["10.0.0.1", "10.0.0.3", "10.0.0.3, 10.0.0.2"],
  // The last that is known.
  ["10.0.0.1", "10.0.0.1"],
  ["10.0.0.1", "10.0.0.1", ""],
  ["10.0.0.1", "10.0.0.1", "unknown"],
  ["10.0.0.1", "10.0.0.2", "203.0.113.1, 010.1.2.3, 10.0.0.2"],
])(
  "a request from %s is of %s, where X-Forwarded-For is %s",
  (remoteAddress, client, ...headers) => {
    const findClient = createFindClient(PROXIES, []);
    const [forwarded] = headers;
    const request = { headers: { "x-forwarded-for": forwarded }, socket: { remoteAddress } };
    const named = { headers: {}, socket: { remoteAddress: client } };
    expect(findClient(request)).toBe(findClient(named));
  },
);

test("clients of one /64 of IPv6 are one, and what asks to be admitted is apart from what need not", () => {
  const findClient = createFindClient([], ["/graphql", "/messages"]);
  const find = (remoteAddress: string, url = "/health") =>
    findClient({ headers: {}, socket: { remoteAddress }, url });
  const name = find("2001:db8:0:1::1");
  expect(find("2001:db8:0:1:ffff:ffff:ffff:ffff")).toBe(name);
  const others = ["/graphql", "/messages"].map((url) => find("2001:db8:0:1::1", url));
  const all = [name, others[0], find("2001:db8:0:2::1"), find("192.0.2.1"), find("192.0.2.2")];
  expect(new Set(all).size).toBe(all.length);
  expect(new Set([...others, find("2001:db8:0:1::2", "/graphql?query={a}")]).size).toBe(1);
});

test("behind trusted proxies a client with many made-up keys delays no newcomer of another address", async () => {
  const asked: string[] = [];
  const authenticate = (authorization = ""): Promise<never> => {
    asked.push(authorization);
    return Promise.reject(new AuthenticationError("invalid", "Go away."));
  };
  const { port } = await serve({
    authenticator: { authenticate },
    httpAccess: { ...HTTP_ACCESS, trustedProxies: ["127.0.0.0/8"] },
  });
  const sockets = await Promise.all(Array.from({ length: 201 }, () => openConnection(port)));
  // Of connections that it has not accepted, a server takes few in a turn.
  for (const socket of sockets) socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await Promise.all(sockets.map((socket) => once(socket, "data")));
  const answers = sockets.map(async (socket) => String(await once(socket, "data")));
  for (const [at, socket] of sockets.entries())
    socket.write(
      `GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${at}\r\nX-Forwarded-For: 192.0.2.${at < 200 ? 1 : 2}\r\n\r\n`,
    );
  const statuses = (await Promise.all(answers)).flatMap(toStatuses);
  expect(statuses).toEqual(statuses.map(() => 401));
  expect(asked.indexOf("Bearer 200")).toBeLessThan(64);
});
