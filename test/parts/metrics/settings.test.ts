import { expect, test } from "vitest";

import { loadConfig } from "../../support/parts.ts";

test("a port that something else has is refused, unless it takes a free one or that is not started", () => {
  for (const METRICS_PORT of ["4000", "4001"])
    expect(() => loadConfig({ METRICS_PORT })).toThrow(/METRICS_PORT must be another port .*PORT/);
  expect(() => loadConfig({ PORT: "0", SANDBOX_PORT: "0", METRICS_PORT: "0" })).not.toThrow();
  expect(() => loadConfig({ RUNCOMFY_API_TOKEN: "t", METRICS_PORT: "4001" })).not.toThrow();
});
