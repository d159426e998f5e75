import { once } from "node:events";
import { createServer } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { toNetworkError } from "../../src/runcomfy/network-error.ts";

function failure(code: string, syscall?: string): Error {
  return Object.assign(new Error(`${code} at 10.0.0.7`), { code, syscall });
}

/** As it comes out of fetch, for a host with one address for each root. */
function thrown(...roots: readonly Error[]): Error {
  const cause = roots.length === 1 ? roots[0] : new AggregateError(roots);
  return new Error("Request failed", { cause: new TypeError("fetch failed", { cause }) });
}

const NEVER_ARRIVED = [
  thrown(failure("ECONNREFUSED", "connect")),
  thrown(failure("EAI_AGAIN", "getaddrinfo")),
  thrown(failure("ETIMEDOUT", "connect"), failure("ENETUNREACH", "connect")),
  thrown(failure("ETIMEDOUT", "connect"), failure("UND_ERR_CONNECT_TIMEOUT")),
  thrown(failure("CERT_HAS_EXPIRED")),
  thrown(failure("DEPTH_ZERO_SELF_SIGNED_CERT")),
  thrown(failure("SELF_SIGNED_CERT_IN_CHAIN")),
  thrown(failure("UNABLE_TO_VERIFY_LEAF_SIGNATURE")),
  thrown(failure("ERR_TLS_CERT_ALTNAME_INVALID")),
];

test.each(NEVER_ARRIVED)("What fails before a byte is sent never arrived: case %#", (error) => {
  const told = { code: "UNAVAILABLE", delivery: "never-arrived" };
  expect(toNetworkError("submit", error)).toMatchObject(told);
});

const UNKNOWN = [
  thrown(failure("ECONNRESET", "read")),
  thrown(failure("EPIPE", "write")),
  thrown(failure("EHOSTUNREACH", "read")),
  thrown(failure("ECONNREFUSED", "read")),
  thrown(failure("EHOSTUNREACH")),
  thrown(failure("EHOSTUNREACH", "connect"), failure("EHOSTUNREACH", "read")),
  thrown(failure("UND_ERR_SOCKET")),
  thrown(failure("ECONNREFUSED", "connect"), failure("ECONNRESET", "read")),
  new AggregateError([]),
  new Error("odd"),
  "odd",
];

test.each(UNKNOWN)("What fails later has an unknown outcome: case %#", (error) => {
  expect(toNetworkError("submit", error)).toMatchObject({
    code: "UNAVAILABLE",
    delivery: "unknown",
    message: expect.stringMatching(/answered the submit( \([A-Z_, ]+\))?\. Check/),
  });
});

test("What fetch throws when the connection breaks after the request has left is unknown", async () => {
  const server = createServer((socket) => void socket.once("data", () => socket.resetAndDestroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : null;
  const error: unknown = await fetch(`http://127.0.0.1:${port}`).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(toNetworkError("submit", error).delivery).toBe("unknown");
});

test("Errors that cause each other are read to a depth and no further", () => {
  const error = new Error("circle");
  error.cause = error;
  expect(toNetworkError("status", error).delivery).toBe("unknown");
});
