import { expect, test } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { createRequestRates } from "../../src/api/operations/owner-limits.ts";
import { createViewer } from "../support/viewers.ts";

const channels = createChannels();
const viewer = (ownerId: string, requestsPerSecond: number): Viewer =>
  createViewer({ ownerId, limits: { requestsPerSecond } });

test("an owner's requests beyond its limit are refused until the second is over", () => {
  let nowMs = 1;
  const rates = createRequestRates(channels, () => nowMs);
  const greedy = viewer("greedy", 3);
  for (const _ of [1, 2, 3]) rates.take(greedy);
  nowMs += 999;
  const reported = { code: "RATE_LIMITED", retryAfterSeconds: 1, limit: 3 };
  expect(() => rates.take(greedy)).toThrow(expect.objectContaining(reported));
  // Requests that are refused don't put it off.
  nowMs += 2;
  rates.take(greedy);
});

test("an owner may sign in sixty times a minute, whatever its other limits are", () => {
  let nowMs = 1;
  const rates = createRequestRates(channels, () => nowMs);
  const greedy = createViewer({ ownerId: "greedy" });
  for (let count = 0; count < 60; count += 1) rates.takeSignIn(greedy);
  nowMs += 59_000;
  const reported = { code: "RATE_LIMITED", retryAfterSeconds: 60, limit: 60 };
  expect(() => rates.takeSignIn(greedy)).toThrow(expect.objectContaining(reported));
  rates.take(greedy);
  rates.takeSignIn(createViewer({ ownerId: "other" }));
  nowMs += 2_000;
  rates.takeSignIn(greedy);
});

test("of ten thousand other owners one is forgotten", () => {
  const rates = createRequestRates(channels, () => 1);
  const take = (ownerId: string) => rates.take(viewer(ownerId, 1));
  for (const owner of ["first", ...Array(10_000).keys()]) take(String(owner));
  take("first");
  expect(() => take("9999")).toThrow("in a second");
});
