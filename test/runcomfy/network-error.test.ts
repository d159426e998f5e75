import { expect, test } from "vitest";

import { toNetworkError } from "../../src/engine/runcomfy/runcomfy-error.ts";

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

test("What fails before a byte is sent never arrived", () => {
  const reported = { code: "UNAVAILABLE", delivery: "never-arrived" };
  for (const error of NEVER_ARRIVED)
    expect(toNetworkError("submit", error)).toMatchObject(reported);
});

const UNKNOWN = [
  thrown(failure("ECONNRESET", "read")),
  thrown(failure("EHOSTUNREACH", "read")),
  thrown(failure("EHOSTUNREACH")),
  thrown(failure("EHOSTUNREACH", "connect"), failure("EHOSTUNREACH", "read")),
  thrown(failure("UND_ERR_SOCKET")),
  new AggregateError([]),
  new Error("odd"),
  "odd",
];

test("What fails later has an unknown outcome, and so has an error that causes itself", () => {
  const circle = new Error("circle");
  circle.cause = circle;
  for (const error of [...UNKNOWN, circle])
    expect(toNetworkError("submit", error)).toMatchObject({
      code: "UNAVAILABLE",
      delivery: "unknown",
      message: expect.stringMatching(/answered the submit( \([A-Z_, ]+\))?\. Check/),
    });
});
