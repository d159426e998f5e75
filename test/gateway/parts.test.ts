import { expect, test } from "vitest";

import { start } from "./open-gateway.ts";

test("a viewer sees which parts are on", async () => {
  const names = async (settings: Readonly<Record<string, string>>) =>
    (await (await start(settings)).ask("{ viewer { parts } }")).viewer.parts;
  expect(await names({ METRICS_PORT: "0" })).toContain("metrics");
  expect(await names({})).not.toContain("metrics");
});
