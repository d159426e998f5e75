import { expect, test } from "vitest";

import { readBearer } from "../../src/auth/authenticator.ts";

test("a credential has up to 8,192 characters, after a scheme in any case", () => {
  for (const given of ["Bearer abc.d-_~+/e==", "bearer abc.d-_~+/e==", "BEARER   abc.d-_~+/e=="])
    expect(readBearer(given)).toBe("abc.d-_~+/e==");
  expect(readBearer(`Bearer ${"a".repeat(8_192)}`)).toHaveLength(8_192);
});

test.each([undefined, ""])("nothing is a missing credential: %j", (authorization) => {
  expect(() => readBearer(authorization)).toThrow(
    expect.objectContaining({ reason: "missing", message: expect.stringContaining("Bearer <") }),
  );
});

test.each([
  "Basic dTpw",
  "Bearer ",
  "Bearer a b",
  "Bearer abc, Bearer def",
  "Bearer a\r\nx-owner: b",
  "Bearer ä",
  `Bearer ${"a".repeat(8_193)}`,
  "Bearer ".repeat(100_000),
])("what is not one credential of bounded length is invalid: %.20j", (authorization) => {
  expect(() => readBearer(authorization)).toThrow(
    expect.objectContaining({
      name: "AuthenticationError",
      reason: "invalid",
      // No longer than the reason that a socket may close with.
      message: expect.stringMatching(/^.{1,123}$/),
    }),
  );
});
