import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

import { expect, test } from "vitest";

import { loadConfig, PARTS } from "../support/parts.ts";
import { printEnvExample, printSettingsPage } from "../../src/config/print-settings.ts";
import { VARIABLE_GROUPS, VARIABLES } from "../../src/config/variables.ts";

const ROOT = join(import.meta.dirname, "../..");
const OF_PARTS = PARTS.flatMap(({ settings = {} }) => Object.keys(settings));
const NAMES = [...Object.keys(VARIABLES.shape), ...OF_PARTS];

test("every variable is in one group, and is documented wherever settings are", () => {
  const grouped = VARIABLE_GROUPS.flatMap(({ variables }) => Object.keys(variables));
  expect([...grouped, ...OF_PARTS].toSorted()).toEqual(NAMES.toSorted());
  for (const name of NAMES) {
    expect(printEnvExample(PARTS)).toMatch(new RegExp(`^#?${name}=`, "m"));
    expect(printSettingsPage(PARTS)).toContain(`\n| \`${name}\` | `);
  }
});

test("a copy of .env.example changes nothing, and neither does it with all defaults written out", () => {
  const example = printEnvExample(PARTS);
  expect(loadConfig(parseEnv(example))).toEqual(loadConfig({}));
  const whole = parseEnv(example.replaceAll(/^#(?=[A-Z])/gm, ""));
  expect(Object.keys(whole).toSorted()).toEqual(NAMES.toSorted());
  // With an owner to have limits, which are off without one unless they are written out.
  const owners = { AUTH: "api-keys" };
  expect(loadConfig({ ...whole, ...owners })).toEqual(loadConfig(owners));
});

test("the help fits into a terminal of 100 columns", () => {
  const widest = printEnvExample(PARTS)
    .split("\n")
    .toSorted((a, b) => b.length - a.length)[0];
  expect(widest?.length).toBeLessThanOrEqual(100);
});

test("a text that is no page names pages by their path, from wherever it is read", () => {
  const pages = (text: string) => text.match(/\S+\.md\b/g) ?? [];
  expect(printEnvExample(PARTS)).not.toContain("](");
  expect(pages(printEnvExample(PARTS)).filter((page) => !existsSync(join(ROOT, page)))).toEqual([]);
  const elsewhere = pages(printEnvExample(PARTS, "/opt/docs"));
  expect(elsewhere).toEqual(pages(printEnvExample(PARTS)).map((page) => `/opt/${page}`));
  expect(elsewhere.length).toBeGreaterThan(2);
});

test("no sentence breaks a table of docs/settings.md", () => {
  const rows = printSettingsPage(PARTS)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  expect(rows.filter((row) => row.split("|").length !== 5)).toEqual([]);
});
