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

test.each([
  [thrown(failure("ECONNREFUSED", "connect"))],
  [thrown(failure("ENOTFOUND", "getaddrinfo"))],
  [thrown(failure("EAI_AGAIN", "getaddrinfo"))],
  [thrown(failure("EHOSTUNREACH", "connect"))],
  [thrown(failure("ENETUNREACH", "connect"))],
  [thrown(failure("ETIMEDOUT", "connect"), failure("ENETUNREACH", "connect"))],
  [thrown(failure("ETIMEDOUT", "connect"), failure("UND_ERR_CONNECT_TIMEOUT"))],
  [thrown(failure("UND_ERR_CONNECT_TIMEOUT"))],
  [thrown(failure("CERT_HAS_EXPIRED"))],
  [thrown(failure("DEPTH_ZERO_SELF_SIGNED_CERT"))],
  [thrown(failure("SELF_SIGNED_CERT_IN_CHAIN"))],
  [thrown(failure("UNABLE_TO_VERIFY_LEAF_SIGNATURE"))],
  [thrown(failure("ERR_TLS_CERT_ALTNAME_INVALID"))],
])("What fails before a byte is sent never arrived: case %#", (error) => {
  expect(toNetworkError("submit", error)).toMatchObject({
    code: "UNAVAILABLE",
    delivery: "never-arrived",
  });
});

test.each([
  [thrown(failure("ECONNRESET", "read"))],
  [thrown(failure("EPIPE", "write"))],
  [thrown(failure("ETIMEDOUT", "read"))],
  [thrown(failure("EHOSTUNREACH", "read"))],
  [thrown(failure("ENETUNREACH", "read"))],
  [thrown(failure("ECONNREFUSED", "read"))],
  [thrown(failure("EHOSTUNREACH", "write"))],
  [thrown(failure("EHOSTUNREACH"))],
  [thrown(failure("EHOSTUNREACH", "connect"), failure("EHOSTUNREACH", "read"))],
  [thrown(failure("UND_ERR_SOCKET"))],
  [thrown(failure("ECONNREFUSED", "connect"), failure("ECONNRESET", "read"))],
  [new AggregateError([])],
  [new Error("odd")],
  ["odd"],
])("What fails later, or nobody knows when, has an unknown outcome: case %#", (error) => {
  expect(toNetworkError("submit", error)).toMatchObject({
    code: "UNAVAILABLE",
    delivery: "unknown",
    message: expect.stringMatching(/answered the submit( \([A-Z_, ]+\))?\. Check/),
  });
});

test.each(["127.0.0.1", "localhost"])(
  "What fetch throws where nobody listens (%s) never arrived",
  async (host) => {
    const gone = createServer().listen(0);
    await once(gone, "listening");
    const address = gone.address();
    const port = typeof address === "object" ? address?.port : null;
    gone.close();
    await once(gone, "close");
    const error: unknown = await fetch(`http://${host}:${port}`, { method: "POST" }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(toNetworkError("submit", error).delivery).toBe("never-arrived");
  },
);

test("What fetch throws for a name without an address never arrived", async () => {
  const error: unknown = await fetch("http://runcomfy.invalid").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(toNetworkError("submit", error).delivery).toBe("never-arrived");
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
