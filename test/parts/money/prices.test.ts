import { expect, test } from "vitest";

import { findHourlyPrice } from "../../../src/parts/money/prices.ts";

test("an hour has the price of its hardware by the account's plan", () => {
  expect(findHourlyPrice(["AMPERE_48"], "list")).toBe(2.5);
  expect(findHourlyPrice(["AMPERE_48"], "pro")).toBe(1.99);
  expect(findHourlyPrice(["HOPPER_141"], "pro")).toBe(6.99);
});

test("of several machines the dearest counts, and one that is not listed leaves the price unknown", () => {
  expect(findHourlyPrice(["AMPERE_24", "AMPERE_80", "AMPERE_48"], "list")).toBe(4.99);
  expect(findHourlyPrice(["AMPERE_24", "BLACKWELL_96"], "list")).toBeNull();
  expect(findHourlyPrice([], "list")).toBeNull();
});
