import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createMetrics } from "../../src/metrics/create-metrics.ts";

const FILE = join(import.meta.dirname, "../../ops/alerts.yaml");
const RULES = readFileSync(FILE, "utf8");
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test("every metric that an alert names exists, and every alert has its line in the docs", async () => {
  const metrics = createMetrics();
  metrics.follow({
    version: "1",
    store: { jobs: { count: async () => 0 } },
    pace: { outageMs: () => null, failingDeployments: () => [] },
    counts: () => ({ sockets: 0, subscriptions: 0 }),
  });
  const told = await metrics.read();
  const names = [...RULES.matchAll(/runcomfy_gateway_\w+/g)].map(([name]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(told).toContain(`# TYPE ${name.replace(/_bucket$/, "")} `);
  const page = readFileSync(join(import.meta.dirname, "../../docs/monitoring.md"), "utf8");
  for (const [, alert] of RULES.matchAll(/alert: (\w+)/g)) expect(page).toContain(`\`${alert}\``);
});

test.skipIf(!hasPromtool)("Prometheus' own tool finds nothing wrong with the rules", () => {
  const { status, stderr } = spawnSync("promtool", ["check", "rules", FILE], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
