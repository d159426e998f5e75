import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { startGateway } from "../../../src/gateway.ts";
import { readPage, ROOT } from "../../support/pages.ts";
import { loadConfig } from "../../support/parts.ts";

const FILE = join(ROOT, "ops/alerts.yaml");
const RULES = readPage("ops/alerts.yaml");
const DASHBOARD = readPage("ops/dashboard.json");
const PAGE = readPage("docs/monitoring.md");
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

/** What Prometheus reads of a gateway that has done nothing yet. */
async function readAtFirst(): Promise<string> {
  const variables = { PORT: "0", METRICS_PORT: "0", DATABASE_URL: ":memory:" };
  const gateway = await startGateway(loadConfig(variables), { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  return await (await fetch(new Map(gateway.urls).get("Metrics") ?? "")).text();
}

test.for([
  ["an alert", RULES],
  ["the dashboard", DASHBOARD],
])("every metric that %s names exists", async ([, text = ""]) => {
  const reported = await readAtFirst();
  const names = [...text.matchAll(/runcomfy_gateway_\w+/g)].map(([name]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(reported).toContain(`# TYPE ${name.replace(/_bucket$/, "")} `);
});

test("every metric of the page on monitoring exists, and the page has every one", async () => {
  const reported = await readAtFirst();
  const own = [...reported.matchAll(/^# TYPE runcomfy_gateway_(\w+) /gm)]
    .map(([, name = ""]) => name)
    .filter((name) => !/^(process|nodejs)_/.test(name));
  const rows = PAGE.split("\n").filter((line) => /^\| `[a-z]+_/.test(line));
  const named = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([a-z_]+)(?=[`{])/g)].map(([, name = ""]) => name),
  );
  expect(own.length).toBeGreaterThan(15);
  expect(named.toSorted()).toEqual(own.toSorted());
});

test("every alert has its line in the page on monitoring", () => {
  const alerts = [...RULES.matchAll(/alert: (\w+)/g)].map(([, alert]) => alert);
  expect(alerts.length).toBeGreaterThan(5);
  for (const alert of alerts) expect(PAGE).toContain(`| \`${alert}\``);
});

test("what an alert counts is there before it first happens, as Prometheus sees no increase otherwise", async () => {
  const reported = await readAtFirst();
  const counted = [...RULES.matchAll(/increase\((\w+)(?:\{(.+?)\})?\[/g)];
  expect(counted.length).toBeGreaterThan(2);
  for (const [, name = "", label = ""] of counted) {
    const rows = reported.split("\n").filter((row) => row.startsWith(name) && row.includes(label));
    expect(rows.length, `${name}{${label}}`).toBeGreaterThan(0);
    for (const row of rows) expect(row).toMatch(/ 0$/);
  }
});

test("every panel of the dashboard asks the data source that is chosen", () => {
  const datasource = z.object({ uid: z.literal("${datasource}") });
  const targets = z.array(z.object({ datasource, expr: z.string() })).min(1);
  const panels = z.array(z.object({ id: z.number(), datasource, targets }));
  const ids = z
    .object({ panels })
    .parse(JSON.parse(DASHBOARD))
    .panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.skipIf(!hasPromtool)("Prometheus' own tool finds nothing wrong with the rules", () => {
  const { status, stderr } = spawnSync("promtool", ["check", "rules", FILE], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
