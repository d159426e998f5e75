import { deflateSync, gzipSync } from "node:zlib";

import { afterAll, describe, expect, test } from "vitest";

import { startAttackedGateway } from "./attacked-gateway.ts";
import { AMBIGUOUS, BODIES, toRequest, UNUSUAL } from "./hostile-requests.ts";
import { expectOthersServed } from "./others-served.ts";
import { exchange, toStatuses } from "../support/raw-socket.ts";

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

describe("HTTP", () => {
  test("a request with two possible ends is refused, and what follows is not read", async () => {
    for (const [name, bytes] of AMBIGUOUS) {
      const { text, isClosed } = await exchange(gateway.port, bytes);
      expect({ name, isClosed, statuses: toStatuses(text) }).toEqual({
        name,
        isClosed: true,
        statuses: [
          expect.toSatisfy((status: number) => status === 400 || status === 413 || status === 501),
        ],
      });
      expectDiscreet(text);
    }
    await gateway.expectUnharmed();
  });

  test("what is no request of GraphQL is refused or closed", async () => {
    for (const [name, bytes] of UNUSUAL) {
      const { text, isClosed } = await exchange(gateway.port, bytes);
      const [status = 400] = toStatuses(text);
      const isServed = text.includes('"data"') || status >= 500;
      expect({ name, isClosed, isServed }).toEqual({ name, isClosed: true, isServed: false });
      expect(text).not.toContain("Bearer canary");
      expectDiscreet(text);
    }
    await gateway.expectUnharmed();
  });

  test("a hostile body is answered, and never with a 5xx", async () => {
    for (const [name, body] of BODIES) {
      const { text } = await exchange(gateway.port, toRequest(body));
      const [status = 0] = toStatuses(text);
      expect({ name, isAnswered: status >= 200 && status < 500 }).toEqual({
        name,
        isAnswered: true,
      });
      expect(text, name).not.toContain("INTERNAL_SERVER_ERROR");
      expectDiscreet(text);
    }
    await gateway.expectUnharmed();
  });

  test("batches run nothing", async () => {
    const submit =
      '{"query":"mutation { submitJob(deploymentId: \\"d\\", input: {}) { __typename } }"}';
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `[${submit},${submit}]`,
    });
    expect(response.status).toBe(400);
    await gateway.expectUnharmed();
    expect(gateway.upstream.count("submit")).toBe(0);
  });

  test("a mutation by GET runs nothing", async () => {
    const query = 'mutation { submitJob(deploymentId: "d", input: {}) { __typename } }';
    for (const headers of [
      {},
      { "content-type": "application/json" },
      { "x-http-method-override": "POST" },
    ]) {
      const response = await fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers,
      });
      expect(response.status).toBe(405);
    }
    await gateway.expectUnharmed();
    expect(gateway.upstream.count("submit")).toBe(0);
  });

  test("a compressed body is not unpacked", async () => {
    const bomb = Buffer.alloc(100 * 1024 * 1024, " ");
    for (const [coding, body] of [
      ["gzip", gzipSync(bomb)],
      ["deflate", deflateSync(bomb)],
    ] as const) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", "content-encoding": coding },
        body,
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      await response.text();
    }
    await gateway.expectUnharmed();
  });

  test("100 requests in one go are all answered in their order, and more cut the connection", async () => {
    const requests = Array.from(
      { length: 100 },
      (_, index) => `GET /graphql?query={a${index}:__typename} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    const last = '"a99":"Query"';
    const { text } = await exchange(gateway.port, requests.join(""), (text) => text.includes(last));
    const order = [...text.matchAll(/"a(\d+)":"Query"/g)].map(([, index]) => Number(index));
    expect(order).toEqual(requests.map((_, index) => index));
    const more = await exchange(gateway.port, requests.join("").repeat(10));
    expect(more.isClosed).toBe(true);
    await gateway.expectUnharmed();
  });

  test("others are served meanwhile", async () => {
    const requests = [
      ...[...AMBIGUOUS, ...UNUSUAL].map(([, bytes]) => bytes),
      ...BODIES.map(([, body]) => toRequest(body)),
    ];
    await expectOthersServed(
      gateway,
      requests.map((bytes) => () => exchange(gateway.port, bytes)),
    );
    await gateway.expectUnharmed();
  });
});

function expectDiscreet(text: string): void {
  expect(text).not.toContain(gateway.upstream.token);
  expect(text).not.toContain(gateway.upstream.url);
  expect(text).not.toMatch(/node_modules|node:internal|\.ts:\d|\n\s+at /);
}
