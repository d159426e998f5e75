import { expect, test } from "vitest";

import {
  type Cost,
  groupByPrice,
  tellCost,
  tellJobCost,
  tellPrices,
  UNKNOWN_COST,
} from "../../../../console/src/model/costs";
import { readFields } from "../../../../console/src/model/fields";

const EXACT: Cost = { source: "EXACT", usd: 0.028315, minUsd: null, maxUsd: null };
const toEstimate = (usd: number): Cost => ({ ...EXACT, source: "ESTIMATED", usd });
const toRange = (minUsd: number, maxUsd: number): Cost => ({
  ...{ source: "ESTIMATED", usd: null },
  ...{ minUsd, maxUsd },
});

test("an exact amount has all its digits, an estimate as few as say how large it is", () => {
  const amounts = [0.028315, 0.0004, 0.96, 12.3456].map(toEstimate);
  expect(tellCost(EXACT)).toBe("$0.028315");
  expect(amounts.map(tellCost)).toEqual([
    "about $0.028",
    "about $0.0004",
    "about $0.96",
    "about $12.35",
  ]);
  expect(tellCost(toRange(0.0312, 0.214))).toBe("$0.031 to $0.21");
  expect(tellCost(toRange(0.0399, 0.04001))).toBe("about $0.04");
});

test("an amount that is not known is never nothing, and nothing is said only where it is exact", () => {
  expect(tellCost(UNKNOWN_COST)).toBe("unknown");
  expect(tellCost({ ...UNKNOWN_COST, source: "ESTIMATED", maxUsd: 2 })).toBe("unknown");
  expect(tellCost({ ...EXACT, usd: 0 })).toBe("$0.00");
  expect(tellPrices([])).toBe("price unknown");
});

test("a job that RunComfy may have taken without an answer may have cost something", () => {
  const failed = { code: "SUBMISSION_UNKNOWN", message: "", retryable: false };
  const unsent = { ...failed, code: "NOT_SENT_IN_TIME" };
  const tell = (cost: Cost, error: typeof failed | null) => tellJobCost({ cost, error });
  expect(tell(UNKNOWN_COST, failed)).toBe("may have cost");
  expect(tell(toEstimate(0.04), failed)).toBe("may have cost about $0.04");
  expect(tell({ ...EXACT, usd: 0 }, unsent)).toBe("$0.00");
  expect([tell(EXACT, failed), tell(UNKNOWN_COST, null)]).toEqual(["$0.028315", "unknown"]);
});

test("the price of several runs sums up what is known, and counts what is not", () => {
  const cost = toEstimate(0.04);
  expect(tellPrices([cost])).toBe("about $0.04");
  expect(tellPrices([cost, cost, cost, cost])).toBe("about $0.16");
  expect(tellPrices([cost, toRange(0.03, 0.21)])).toBe("$0.07 to $0.25");
  expect(tellPrices([UNKNOWN_COST, cost, UNKNOWN_COST])).toBe(
    "about $0.04, and 2 at an unknown price",
  );
  expect(tellPrices([UNKNOWN_COST, UNKNOWN_COST])).toBe("price unknown");
});

test("jobs cost the same again whatever their texts, files and seeds, and not with other settings or of another deployment", () => {
  const fields = readFields({
    properties: {
      prompt: { type: "string" },
      image_url: { type: "string", format: "uri" },
      seed: { type: "integer" },
      resolution: { enum: ["480p", "1080p"] },
      count: { type: "integer" },
    },
  });
  const toJob = (id: string, input: unknown) => ({ deployment: { id, name: id }, input });
  const jobs = [
    toJob("film", { prompt: "A kite", seed: 1, resolution: "480p" }),
    toJob("film", { resolution: "1080p", prompt: "A kite", count: 2 }),
    toJob("film", { prompt: "A boat", seed: 2, count: 2, resolution: "1080p" }),
    toJob("other", { prompt: "A boat", count: 2, resolution: "1080p" }),
    toJob("other", "no object"),
  ];
  const groups = groupByPrice(jobs, (id) => (id === "film" ? fields : readFields(null)));
  expect(groups.map((group) => group.map((job) => jobs.indexOf(job)))).toEqual([
    [1, 2],
    [0],
    [3],
    [4],
  ]);
});
