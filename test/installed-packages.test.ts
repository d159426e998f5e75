import { expect, test } from "vitest";

import { printPackages, readShipped } from "../ops/print-packages.ts";
import { readPage } from "./support/pages.ts";

/** They ask for no more than that their text comes along. */
const PERMISSIVE = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "Unlicense",
]);

const PAGE = readPage("docs/dependencies.md");
const shipped = readShipped();

test("the page on dependencies says what each package is for that package.json asks for", () => {
  const [table = ""] = PAGE.split("## Licences");
  const names = table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => line.split("|")[1]?.match(/(?<=`)[^`, ]+(?=`)/g) ?? []);
  expect(new Set(names)).toEqual(new Set(shipped.installed.map(({ own }) => own.name)));
});

test("the page on dependencies lists what is shipped, as `npm run codegen` prints it", () => {
  expect(PAGE).toBe(printPackages(PAGE, shipped));
});

test("every licence is permissive, but that of the library that sharp brings", () => {
  const all = [
    ...shipped.installed.flatMap(({ own, brings }) => [own, ...brings]),
    ...shipped.inImage,
    ...shipped.bundled,
  ];
  expect(all.length).toBeGreaterThan(100);
  const others = all.filter(({ license }) => !PERMISSIVE.has(license));
  expect(others.length).toBeGreaterThan(0);
  for (const { name, license } of others) {
    expect(name).toMatch(/^@img\/sharp-(libvips-|wasm32$|win32-)/);
    const terms = license.split(" AND ").filter((term) => !PERMISSIVE.has(term));
    expect(terms).toEqual(["LGPL-3.0-or-later"]);
  }
});

test("what the console's page is built of is found in its sources", () => {
  const licences = readPage("console/dist/licenses.md").matchAll(/^## (\S+) - /gm);
  expect(new Set(shipped.bundled.map(({ name }) => name))).toEqual(
    new Set(Array.from(licences, ([, name]) => name)),
  );
});
