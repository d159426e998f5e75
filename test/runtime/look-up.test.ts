import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { once } from "node:events";
import { createServer } from "node:http";

import { expect, onTestFinished, test, vi } from "vitest";

import { lookUp } from "../../src/runtime/look-up.ts";
import { sendRequest } from "../../src/runtime/send-request.ts";
import { listen } from "../support/listen.ts";

const fail = () => new Error("failed");
const FAILURES = {
  notAdmitted: () => new Error("not admitted"),
  tooSlow: fail,
  broken: (_stage: string, error: Error | null) => error ?? fail(),
};
const LOOPBACK = [127, 0, 0, 1];

/** A name server that says of every name that it is at an IPv4 address, or nothing at all. */
async function startNameServer(address: readonly number[] | null) {
  const socket = createSocket("udp4");
  const asked = new Set<string>();
  socket.on("message", (query, { port }) => {
    const label = query.subarray(13, 13 + (query[12] ?? 0)).toString();
    asked.add(label);
    if (address === null) return;
    const isOfIPv4 = query.readUInt16BE(query.indexOf(0, 12) + 1) === 1;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const head = [0x81, 0x80, 0, 1, 0, isOfIPv4 ? 1 : 0, 0, 0, 0, 0];
    const answer = isOfIPv4 ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, ...address] : [];
    const id = query.subarray(0, 2);
    socket.send(Buffer.concat([id, Buffer.from(head), question, Buffer.from(answer)]), port);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { asked, nameServers: [`127.0.0.1:${socket.address().port}`] };
}

function send(url: string, nameServers: string[], signal: AbortSignal, isAdmitted = true) {
  const admits = () => isAdmitted;
  const options = { admits, signal, patienceMs: 60_000, failures: FAILURES, nameServers };
  return sendRequest(new URL(url), options);
}

test("names whose servers are silent hold up no other look-up, and are given up with their requests", async () => {
  const { asked, nameServers } = await startNameServer(null);
  const leaving = new AbortController();
  const { signal } = leaving;
  const names = Array.from({ length: 16 }, (_, index) => `n${index}`);
  const urls = names.map((name) => `http://${name}.example.com/`);
  const sent = Promise.allSettled(urls.map((url) => send(url, nameServers, signal)));
  const lookingUp = lookUp("last.example.com", { signal, nameServers });
  const lost = expect(lookingUp).rejects.toMatchObject({ code: "ECANCELLED" });
  await expect.poll(() => asked).toEqual(new Set([...names, "last"]));
  expect(await dns.lookup("localhost")).toMatchObject({ address: expect.any(String) });
  leaving.abort();
  await lost;
  expect(new Set((await sent).map(({ status }) => status))).toEqual(new Set(["rejected"]));
});

test("a name is asked at the addresses that its server gives, where they are admitted", async () => {
  const { port, connections } = await listen(createServer((_, response) => response.end()));
  const { nameServers } = await startNameServer(LOOPBACK);
  const { signal } = new AbortController();
  const url = `http://shop.example.com:${port}/`;
  const response = await send(url, nameServers, signal);
  expect(response.statusCode).toBe(200);
  response.destroy();
  await expect(send(url, nameServers, signal, false)).rejects.toThrow("not admitted");
  expect(connections()).toBe(1);
});

test("of names that only the system knows, one is looked up at a time, also where nobody waits any more", async () => {
  const underWay: PromiseWithResolvers<void>[] = [];
  vi.spyOn(dns, "lookup").mockImplementation(async () => {
    const ending = Promise.withResolvers<void>();
    underWay.push(ending);
    await ending.promise;
    return { address: "127.0.0.1", family: 4 };
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const leaving = new AbortController();
  const hosts = ["localhost", "receiver", "a.internal", "b.local"];
  const [first, ...others] = hosts.map((host) => lookUp(host, leaving));
  const left = Promise.allSettled(others);
  leaving.abort();
  expect((await left).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  const later = lookUp("later", new AbortController());
  await new Promise((resolve) => setImmediate(resolve));
  expect(underWay).toHaveLength(1);
  underWay[0]?.resolve();
  await first;
  await expect.poll(() => underWay.length).toBe(2);
  underWay[1]?.resolve();
  await later;
});

test.each(["10.evil.example", "a_b.evil.example", "x.2.0.0.1.ip6.arpa"])(
  "%s, whose servers anybody may have, is asked of DNS",
  async (name) => {
    const { nameServers } = await startNameServer(LOOPBACK);
    const { signal } = new AbortController();
    const found = await lookUp(name, { signal, nameServers });
    expect(found).toEqual([{ address: "127.0.0.1", family: 4 }]);
  },
);
