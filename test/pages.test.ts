import { existsSync, globSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { expect, test } from "vitest";

import { HTTP_STATUSES } from "../src/runtime/coded-error.ts";
import { PAGES, readPage, ROOT } from "./support/pages.ts";

/** The lines and characters that each kind of page may have, by how its path begins. */
const MAX = [
  ["README.md", 160, 10_000],
  ["SECURITY.md", 150, 12_000],
  ["ARCHITECTURE.md", 200, 15_000],
  ["docs/", 250, 16_000],
] as const;

/** Idioms of another century or language: say expired, again, except, nobody, declared. */
const TWICE =
  /\b(?:anew|but for|no such|such a one|(?:has|had|have) come|r[au]ns? out|tells? of|reckon\w*|(?:was|were) said|as good as|all else|nothing but|one's own)\b/gi;

const SOURCES = globSync("src/**/*.ts", { cwd: ROOT }).map(readPage).join("\n");

test("every link of the pages leads somewhere", () => {
  const links = PAGES.flatMap((page) =>
    [...withoutBlocks(readPage(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = ""]) => ({
      page,
      to,
    })),
  ).filter(({ to }) => !/^https?:/.test(to));
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter(({ page, to }) => !leadsSomewhere(page, to))).toEqual([]);
});

test("every page of docs is linked from another one", () => {
  const linked = new Set(
    PAGES.flatMap((page) =>
      [...readPage(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, to = ""]) =>
        relative(ROOT, join(ROOT, dirname(page), to)),
      ),
    ),
  );
  expect(PAGES.filter((page) => page.startsWith("docs/") && !linked.has(page))).toEqual([]);
});

test("a page is short, and a page of docs begins with who it is for", () => {
  for (const [start, mostLines, mostCharacters] of MAX) {
    for (const page of PAGES.filter((one) => one.startsWith(start))) {
      expect.soft(readPage(page).split("\n").length, page).toBeLessThanOrEqual(mostLines);
      expect.soft(readPage(page).length, page).toBeLessThanOrEqual(mostCharacters);
    }
  }
  for (const page of PAGES.filter((one) => one.startsWith("docs/"))) {
    expect(readPage(page), page).toMatch(/^# .+\n\nFor /);
  }
});

test("every line of the log that the page on the log lists is one of the gateway's", () => {
  const rows = readPage("docs/log.md").matchAll(/^\| (?:fatal|error|warn) +\| ([^|]+?) +\|/gm);
  const lines = [...rows].map(([, line = ""]) => line.replace(/^… /, ""));
  expect(lines.length).toBeGreaterThan(30);
  expect(lines.filter((line) => !SOURCES.includes(line))).toEqual([]);
});

test("the two pages on errors have every code", () => {
  const ofGateway = [...SOURCES.matchAll(/\bcode: "([A-Z_]+)"/g)].map(([, code = ""]) => code);
  const ofMutations = [...readPage("schema.graphql").matchAll(/^ +- ([A-Z_, ]+): /gm)].flatMap(
    ([, codes = ""]) => codes.split(", "),
  );
  const codes = new Set([...Object.keys(HTTP_STATUSES), ...ofGateway, ...ofMutations]);
  codes.delete("TOO_LONG"); // Only in the log.
  expect(codes.size).toBeGreaterThan(25);
  const pages = readPage("docs/errors.md") + readPage("docs/error-codes.md");
  expect([...codes].filter((code) => !pages.includes(`\`${code}\``))).toEqual([]);
});

test("no page, setting or description has a turn of phrase that a reader has to read twice", () => {
  const texts = [...PAGES.filter((page) => page !== "CHANGELOG.md"), "schema.graphql"];
  const found = [...texts, ".env.example"].flatMap((page) =>
    [...readPage(page).matchAll(TWICE)].map(([phrase]) => `${page}: ${phrase}`),
  );
  expect(found).toEqual([]);
});

/** The owner of a name on npm that is not this project's would get the keys that are passed to it. */
test("no page, help or line of the log has an npx that may fetch a package", () => {
  const texts = globSync(
    ["*.md", "package.json", "{bench,client,console,docs,examples,ops,sandbox,src}/**/*.*"],
    { cwd: ROOT, exclude: (path) => /\b(node_modules|dist|public)$/.test(path) },
  ).filter((path) => /\.(cjs|html|json|md|tsx?|yaml)$/.test(path));
  expect(texts.length).toBeGreaterThan(300);
  const found = texts.flatMap((path) =>
    [
      ...readPage(path).matchAll(
        /.*\bnpx\b(?! --no -- | mcp-remote|",\s+"?args"?: \[[^\]]*mcp-remote).*/g,
      ),
    ].map(([line]) => `${path}: ${line}`),
  );
  expect(found).toEqual([]);
});

test("the files that ARCHITECTURE.md names exist", () => {
  const named = [...readPage("ARCHITECTURE.md").matchAll(/`((?:[\w.*-]+\/)+[\w.*-]*)`/g)].map(
    ([, name = ""]) => name,
  );
  expect(named.length).toBeGreaterThan(15);
  const missing = named.filter(
    (name) => globSync([name, `src/{,*/,api/server/}${name}`], { cwd: ROOT }).length === 0,
  );
  expect(missing).toEqual([]);
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, target))) return false;
  return heading === undefined || toHeadings(readPage(target)).has(heading);
}

/** The headings of a page as GitHub names them in links. */
function toHeadings(text: string): ReadonlySet<string> {
  return new Set(
    [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```/gm, "");
}
