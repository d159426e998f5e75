import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

import { expect, test } from "vitest";

import { findCircles } from "../../../support/find-circles.ts";

const ROOT = join(import.meta.dirname, "../../../../console/src");

/** A file of these rooms imports from its own or from one further left, and from `gql.ts`. */
const ORDER = [
  "model",
  "session",
  "ui",
  "parts/webhooks",
  "parts/mcp",
  "parts/downloads",
  "parts/money",
  "actions",
  "lightbox",
  "form",
  "filters",
  "jobs",
  "waiting",
  "gallery",
  "deployments",
  "screens",
  "frame",
];

const PATHS: readonly string[] = globSync("**/*.{ts,tsx}", { cwd: ROOT });
const IMPORTS: ReadonlyMap<string, readonly string[]> = new Map(
  PATHS.map((path) => [path, readImports(path)]),
);

test("imports of the console point one way: to the own room or to one further left", () => {
  const rooms = new Set<string>(PATHS.map((path) => dirname(path)));
  expect([...rooms].toSorted()).toEqual([".", ...ORDER].toSorted());
  const wrong = [...IMPORTS].flatMap(([from, targets]) =>
    targets.flatMap((to) => {
      const isFine = dirname(from) === "." || to === "gql.ts" || isBelow(to, from);
      return isFine ? [] : `${from} → ${to}`;
    }),
  );
  expect(wrong).toEqual([]);
});

test("no file of the console imports itself in a circle, types included", () => {
  expect(findCircles(IMPORTS)).toEqual([]);
});

test("model/ needs neither React nor the gateway", () => {
  const outwards = PATHS.filter(
    (path) =>
      path.startsWith("model/") && /from "[^.]/.test(readFileSync(join(ROOT, path), "utf8")),
  );
  expect(outwards).toEqual([]);
});

test("nothing but parts.ts knows of a part of the gateway", () => {
  const others = PATHS.filter((path) => !/^(parts\b|gql)/.test(path));
  const knowing = others.filter(
    (path) =>
      IMPORTS.get(path)?.some((to) => to.startsWith("parts/")) ||
      /webhook|\bmcp\b|createDownload|balance|\busage\b/i.test(
        readFileSync(join(ROOT, path), "utf8"),
      ),
  );
  expect(knowing).toEqual([]);
});

test("no part of the console imports another", () => {
  const isForeign = (from: string, to: string) =>
    to.startsWith("parts/") && dirname(to) !== dirname(from);
  const parts = [...IMPORTS].filter(([from]) => from.startsWith("parts/"));
  expect(parts.length).toBeGreaterThan(5);
  const wrong = parts.flatMap(([from, targets]) =>
    targets.filter((to) => isForeign(from, to)).map((to) => `${from} → ${to}`),
  );
  expect(wrong).toEqual([]);
});

/** Whether one file is in the other's room or in one further left. */
function isBelow(one: string, other: string): boolean {
  const [place, limit = -1] = [one, other].map((path) => ORDER.indexOf(dirname(path)));
  return place !== undefined && place >= 0 && place <= limit;
}

/** The files of the console that one imports. */
function readImports(path: string): readonly string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  return [...text.matchAll(/(?:\bfrom|\bimport\()\s*"(\.[^"]+)"/g)].flatMap(
    ([, specifier = ""]) => {
      const target = normalize(join(dirname(path), specifier));
      return [target, `${target}.ts`, `${target}.tsx`].find((one) => PATHS.includes(one)) ?? [];
    },
  );
}
