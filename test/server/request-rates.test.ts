import { expect, test } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { createChannels } from "../../src/diagnostics/channels.ts";
import { createRequestRates } from "../../src/operations/owner-limits.ts";
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
  const told = { code: "RATE_LIMITED", retryAfterSeconds: 1, limit: 3 };
  expect(() => rates.take(greedy)).toThrow(expect.objectContaining(told));
  // Requests that are refused don't put it off.
  nowMs += 2;
  rates.take(greedy);
});

test("of ten thousand other owners one is forgotten", () => {
  const rates = createRequestRates(channels, () => 1);
  const take = (ownerId: string) => rates.take(viewer(ownerId, 1));
  for (const owner of ["first", ...Array(10_000).keys()]) take(String(owner));
  take("first");
  expect(() => take("9999")).toThrow("in a second");
});
