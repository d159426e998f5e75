import { expect, test } from "vitest";

import { createTargets } from "../../../src/parts/webhooks/target.ts";

test.each([
  "https://example.com/hook?a=1",
  "https://example.com:8443/",
  "https://8.8.8.8/",
  "https://[2606:4700::1111]/",
])("%s may be called", (url) => {
  expect(createTargets([]).findProblem(url)).toBeNull();
});

test.each([
  ["http://example.com/", /https on port/],
  ["https://example.com:8080/", /https on port/],
  ["https://me:secret@example.com/", /no user name/],
  ["https:me:secret@example.com/", /full URL/],
  ["https:///me:secret@example.com/", /full URL/],
  ["https:/example.com/", /full URL/],
  ["https://127.0.0.1/", /public host/],
  ["https://localhost/", /public host/],
  ["https://169.254.169.254/", /public host/],
  ["https://[::ffff:10.0.0.1]/", /public host/],
  ["https://10.0.0.1:8443/", /public host/],
  ["ftp://example.com/", /https URL/],
  ["https://example.com/ a", /https URL/],
  [`https://example.com/${"a".repeat(2_048)}`, /https URL/],
  ["https://example.com/\ud800", /https URL/],
  ["https://example.com/\0", /https URL/],
  ["", /https URL/],
])("%s may not, and the reason never repeats it", (url, reason) => {
  const problem = createTargets([]).findProblem(url);
  expect(problem).toMatch(reason);
  expect(problem).not.toContain("secret");
});

test.each(["https:me:pw@shop.example/", "https:///me:pw@shop.example/", "http://me@shop.example/"])(
  "%s may not, whatever the operator allows",
  (url) => {
    expect(createTargets(["10.0.0.0/8"]).findProblem(url)).not.toBeNull();
  },
);

test("where the operator allows addresses, http and any port will do, but never link-local ones", () => {
  const targets = createTargets(["127.0.0.0/8", "::1/128", "169.254.0.0/16"]);
  expect(targets.findProblem("http://127.0.0.1:9000/")).toBeNull();
  expect(targets.findProblem("http://[::1]:9000/")).toBeNull();
  expect(targets.findProblem("https://10.0.0.1/")).toMatch(/WEBHOOKS_ALLOW/);
  expect(targets.findProblem("http://169.254.169.254/")).not.toBeNull();
  // What a name leads to is known when the connection is made.
  expect(targets.findProblem("http://receiver.internal:9000/")).toBeNull();
  const admits = targets.toAdmission(new URL("http://receiver.internal:9000/"));
  expect(["127.0.0.1", "::1", "8.8.8.8", "10.0.0.1", "169.254.169.254"].map(admits)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  const admitsPublic = targets.toAdmission(new URL("https://example.com/"));
  expect(["127.0.0.1", "8.8.8.8", "10.0.0.1"].map(admitsPublic)).toEqual([true, true, false]);
});
