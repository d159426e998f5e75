import { expect, test } from "vitest";

import { isConnectionRefused, toNetworkError } from "../../src/runcomfy/network-error.ts";

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
  [thrown(failure("UND_ERR_SOCKET"))],
  [thrown(failure("ECONNREFUSED", "connect"), failure("ECONNRESET", "read"))],
  [new AggregateError([])],
  [new Error("odd")],
  ["odd"],
])("What fails later, or nobody knows when, has an unknown outcome: case %#", (error) => {
  expect(toNetworkError("submit", error)).toMatchObject({
    code: "UNAVAILABLE",
    delivery: "unknown",
  });
});

test("Only a connection that every address refused counts as refused", () => {
  const refused = failure("ECONNREFUSED", "connect");
  expect(isConnectionRefused(thrown(refused))).toBe(true);
  expect(isConnectionRefused(thrown(refused, refused))).toBe(true);
  expect(isConnectionRefused(thrown(refused, failure("ETIMEDOUT", "connect")))).toBe(false);
  expect(isConnectionRefused("odd")).toBe(false);
});

test("Errors that cause each other are read to a depth and no further", () => {
  const error = new Error("circle");
  error.cause = error;
  expect(toNetworkError("status", error).delivery).toBe("unknown");
});
