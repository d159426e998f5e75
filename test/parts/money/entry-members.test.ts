import { expect, test } from "vitest";

import { toUnlisted } from "../../../src/engine/deployments/catalogue.ts";
import { readMembers } from "../../../src/parts/money/entry-members.ts";
import { readPage } from "../../support/pages.ts";
import { readEntries } from "./make-quotes.ts";

const NAMES = ["usdPerHour", "maxUsd", "budgetUsdPerDay", "budgetUsdPerMonth"];
const LORA = { id: "a", name: "A", model: "flux" };
const MODEL = { id: "a/b", name: "B", kind: "model", inputSchema: { properties: { a: {} } } };

test("an entry says what its deployment costs and may spend", () => {
  const money = { maxUsd: 0.5, budgetUsdPerDay: 10, budgetUsdPerMonth: 100.5 };
  const { catalogue, problems, warnings } = readEntries(
    { ...LORA, ...money, usdPerHour: 2.5 },
    { ...MODEL, ...money },
    { id: "c", name: "C", model: "flux", maxUsd: null },
  );
  expect([...problems, ...warnings]).toEqual([]);
  expect(readMembers(catalogue.find("a"))).toEqual({ ...money, usdPerHour: 2.5 });
  expect(readMembers(catalogue.find("a/b"))).toEqual({ ...money, usdPerHour: null });
  const nothing = Object.fromEntries(NAMES.map((name) => [name, null]));
  for (const deployment of [catalogue.find("c"), toUnlisted("d"), null])
    expect(readMembers(deployment)).toEqual(nothing);
});

test.each(NAMES)("%s is an amount above 0, or left out", (name) => {
  for (const value of [0, -1, 1e-7, 1e9, "5", true]) {
    const { problems } = readEntries({ ...LORA, [name]: value });
    expect(problems).toEqual([
      expect.stringMatching(
        new RegExp(
          `\\.${name}: must be a number of US dollars above 0 and at most 100 million; leave it out where`,
        ),
      ),
    ]);
  }
});

test("the page on the deployments file describes each of them", () => {
  const described = readPage("docs/deployments.md").matchAll(/^\| `(\w+)`/gm);
  expect(Array.from(described, ([, name]) => name)).toEqual(expect.arrayContaining(NAMES));
});

test("a model is not paid by the hour", () => {
  const { problems } = readEntries({ ...MODEL, usdPerHour: 2 });
  expect(problems).toEqual([
    "deployments[0].usdPerHour: says nothing of a model, which is paid by the run; leave it out",
  ]);
});

test("a misspelt member is a warning", () => {
  const { warnings } = readEntries({ ...LORA, maxUSd: 1, budgetUsdPerDays: 1 });
  expect(warnings).toEqual([
    "deployments[0].maxUSd: is not known; did you mean maxUsd?",
    "deployments[0].budgetUsdPerDays: is not known; did you mean budgetUsdPerDay?",
  ]);
});
