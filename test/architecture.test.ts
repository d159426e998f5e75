import { globSync, readFileSync } from "node:fs";
import { builtinModules, isBuiltin } from "node:module";
import { basename, dirname, join, normalize, sep } from "node:path";

import { expect, test } from "vitest";

import { findCircles } from "./support/find-circles.ts";

const PROJECT = join(import.meta.dirname, "..");
const ROOT = join(PROJECT, "src");

/** A file of these folders imports from its own or from one further left. */
const ORDER = [
  "runtime",
  "config",
  "auth",
  "engine/job",
  "engine/diagnostics",
  "engine/runcomfy",
  "engine/deployments",
  "engine/store",
  "engine/watch",
  "engine/tracking",
  "engine/files",
  "engine/reads",
  "engine",
  "engine/use-cases",
  "api/schema",
  "api/operations",
  "api/server",
  "parts/downloads",
  "parts/webhooks",
  "parts/mcp",
  "parts/money",
  "parts/console",
  "parts/metrics",
  "parts/traces",
  "commands",
] as const;
/** Folders of folders that count as one each. */
const HOUSES = new Set(["engine", "api", "parts"]);
/** Packages of their own, which import nothing from the others, and who imports them. */
const PACKAGES = [
  { folder: "client", name: "runcomfy-graphql-client", by: "gateway.ts" },
  { folder: "sandbox", name: "runcomfy-sandbox", by: "engine/runcomfy/start-upstream.ts" },
];
/** What stands beside the folders, and may know all of them. */
const TOP_LEVEL = [
  "bin.ts",
  "create-log.ts",
  "gateway.ts",
  "main.ts",
  "manage-deployments.ts",
  "manage-keys.ts",
  "open-parts.ts",
  "part.ts",
  "parts.ts",
  "print-schema.ts",
  "verify-upstream.ts",
];
const PROCESS_FILES = [
  "bin.ts",
  "main.ts",
  "manage-deployments.ts",
  "manage-keys.ts",
  "print-schema.ts",
  "verify-upstream.ts",
];

type SourceFile = {
  /** Below `src`. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  /** What it imports, types included: files below `src`, or the names of packages. */
  readonly imports: readonly string[];
};

const FILES = globSync("**/*.ts", { cwd: ROOT }).map((path) => readSource(path));
const SHARED_TESTS = globSync("test/**/*.ts", { cwd: PROJECT })
  .filter((path) => !path.startsWith("test/parts/"))
  .map((path) => readSource(path, PROJECT));

test("src has the folders of ARCHITECTURE.md and nothing else", () => {
  const folders = new Set(FILES.map(({ folder }) => folder));
  expect([...folders].toSorted()).toEqual([".", ...ORDER].toSorted());
  expect(filesIn(".").map(({ path }) => path)).toEqual(TOP_LEVEL);
});

test("imports point one way: to the own folder or to one further left, or to the type of a part", () => {
  const wrong = ORDER.flatMap((folder, place) =>
    importsOf(filesIn(folder)).filter(({ to }) => {
      const target = ORDER.findIndex((other) => other === folderOf(to));
      return isSource(to) && to !== "part.ts" && (target === -1 || target > place);
    }),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself in a circle, types included", () => {
  expect(findCircles(new Map(FILES.map(({ path, imports }) => [path, imports])))).toEqual([]);
});

test.each(PACKAGES)(
  "$name knows nothing of the gateway, of which one file imports it",
  ({ folder, name, by }) => {
    const own = join(PROJECT, folder);
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(join(own, "package.json"), "utf8"),
    );
    const known = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
    const files = globSync("src/**/*.ts", { cwd: own }).map((path) => readSource(path, own));
    expect(files.length).toBeGreaterThan(5);
    const outwards = importsOf(files).filter(({ to }) => {
      if (isSource(to)) return !to.startsWith("src/");
      return !isBuiltin(`node:${to}`) && !known.has(to.replace(/\/.*/, ""));
    });
    expect(outwards).toEqual([]);
    const inwards = importsOf(FILES).filter(({ to }) => to.startsWith(name));
    expect(inwards).toEqual([{ from: by, to: name }]);
  },
);

test("only the programs' first files touch the process", () => {
  // `nextTick` is a place in the event loop, as `setImmediate` is.
  const touching = FILES.filter(
    ({ text, imports }) =>
      /\bprocess\s*(?:\.(?!nextTick\b)|\[)/.test(withoutComments(text)) ||
      imports.includes("process"),
  );
  expect(touching.map(({ path }) => path).toSorted()).toEqual(PROCESS_FILES.toSorted());
});

test("time and chance come from one place", () => {
  // Everything else that shows either is a rule of the linter.
  const own = new Set([
    "runtime/environment.ts",
    "engine/store/database.ts",
    "engine/store/first-migration.ts",
  ]);
  const client = globSync("client/src/*.ts", { cwd: PROJECT }).map((path) =>
    readSource(path, PROJECT),
  );
  expect(client.length).toBeGreaterThan(5);
  const telling = [...FILES, ...client].filter(
    ({ path, text }) =>
      !own.has(path) &&
      /new Date\(\)|\bglobalThis\??\.(Date|Math|performance|crypto|AbortSignal|(set|clear)\w+)\b|\b(unixepoch|julianday|strftime|clock_timestamp|current_timestamp|gen_random_uuid|randomblob)\b|sql`[^`]*\b(random|now)\(\)/i.test(
        withoutComments(text),
      ),
  );
  expect(telling.map(({ path }) => path)).toEqual([]);
});

test("what a job is does no input or output", () => {
  const used = importsOf(filesIn("engine/job")).filter(
    ({ to }) => builtinModules.includes(to) || !isSource(to),
  );
  expect(used.filter(({ to }) => to !== "crypto")).toEqual([]);
  const reachingOut = filesIn("engine/job").filter(({ text }) =>
    /\b(fetch|setTimeout|setInterval|Date\.now|Math\.random|console)\b/.test(withoutComments(text)),
  );
  expect(reachingOut.map(({ path }) => path)).toEqual([]);
});

const PARTS_TEXT = readFileSync(join(ROOT, "parts.ts"), "utf8");

test("a part imports what jobs run on, its own files, the type of a part, and types of the API", () => {
  const below = new Set(["runtime", "config", "auth", "engine"]);
  const parts = FILES.filter(({ folder }) => folder.startsWith("parts/"));
  const wrong = parts.flatMap(({ path, folder, text, imports }) =>
    imports
      .filter((to) => {
        if (!isSource(to) || folderOf(to) === folder || to === "part.ts") return false;
        // As a type.
        if (to.startsWith("api/"))
          return new RegExp(`^import (?!type )[^;]*${to.slice("api".length)}"`, "m").test(text);
        return !below.has(to.split("/")[0] ?? "");
      })
      .map((to) => ({ path, to })),
  );
  expect(wrong).toEqual([]);
});

test("no file but parts.ts imports a part, and only when it is asked for", () => {
  const wrong = FILES.flatMap(({ path, folder, imports }) =>
    imports
      .filter((to) => to.startsWith("parts/") && folderOf(to) !== folder)
      .map((to) => ({ path, to })),
  );
  expect(wrong.filter(({ path }) => path !== "parts.ts")).toEqual([]);
  expect(PARTS_TEXT).not.toMatch(/^import (?!type )[^;]*"\.\/parts\//m);
});

/** JavaScript's console, to trace, what runs cost, and RunComfy's own webhooks. */
const NOT_PARTS =
  /\bconsole\.(?:error|log)\b|\btrace\b|\b(?:costs?|spend your|spend) money\b|upstream[-_ ]?webhooks?/gi;
/** What still names one, because it has RunComfy call the gateway. */
const NAMING = [
  "engine/runcomfy/adapter.ts",
  "engine/runcomfy/create-runcomfy.ts",
  "engine/runcomfy/kinds/lora/adapter.ts",
  "engine/tracking/send-job.ts",
];

/** Of shared tests, which find by `test/support/load-from-parts.ts` what a part adds to them. */
const TESTS_NAMING = [
  "test/architecture.test.ts",
  // What is installed has all of them.
  "test/end-to-end/package.test.ts",
  // RunComfy has webhooks too.
  "test/gateway/upstream-webhooks.test.ts",
  "test/gateway/without-parts.test.ts",
  "test/ops/container.test.ts",
  // Docs name a package whose name has one.
  "test/pages.test.ts",
  "test/runcomfy/kinds.test.ts",
  "test/sandbox/shapes.test.ts",
  "test/sandbox/webhooks.test.ts",
  "test/support/faulty-upstream/faulty-upstream.ts",
  "test/tracking/upstream-webhooks.test.ts",
];

test("nothing else names a single part", () => {
  const names = [...PARTS_TEXT.matchAll(/^ {2}(\w+): \(\) => import\(/gm)].map(
    ([, name = ""]) => name,
  );
  expect(names).toContain("metrics");
  const others = FILES.filter(({ path }) => !/^parts(?:\/|\.ts$)/.test(path));
  expect(findNaming(others, names)).toEqual(NAMING);
  // The console is a package, too, which is built and installed.
  const except = names.filter((name) => name !== "console");
  expect(findNaming(SHARED_TESTS, except)).toEqual(TESTS_NAMING);
});

test("the tests of a part go with its folder: no other test imports them, or the part", () => {
  const wrong = importsOf(SHARED_TESTS).filter(({ to }) => /^(?:src|test)\/parts\//.test(to));
  expect(wrong).toEqual([]);
});

/** Those of the files in whose code a word is the name of a part. */
function findNaming(files: readonly SourceFile[], names: readonly string[]): readonly string[] {
  const stems = names.map((name) => name.replace(/s$/, ""));
  const pattern = new RegExp(`(?<![a-z])(?:${stems.join("|")})s?(?![a-z])`, "i");
  const naming = files.filter(({ text }) =>
    pattern.test(withoutComments(text).replaceAll(NOT_PARTS, "")),
  );
  return naming.map(({ path }) => path).toSorted();
}

test("a kind of job is named in its folder and the list alone, and nothing compares one by name", () => {
  const ofKinds = "engine/runcomfy/kinds/";
  const names = globSync(`${ofKinds}*/`, { cwd: ROOT }).map((path) => basename(path));
  expect(names.length).toBeGreaterThan(2);
  const literal = `"(?:${names.join("|")})"`;
  // A member of an entry, and the field of it, is called `model` too.
  const isNaming = new RegExp(`(?<!report\\(\\[|exposeString\\()${literal}`);
  const isAsking = new RegExp(`(?:[kK]ind\\b\\)? *[!=]==|\\bcase) *${literal}|${literal} *[!=]==`);
  const folders = names.map((name) => `${ofKinds}${name}/`);
  const isInside = (path: string) => folders.some((folder) => path.startsWith(folder));
  const leaking = FILES.filter(({ path, text, imports }) => {
    if (isInside(path)) return false;
    // Commands read the vendor's catalogue, which knows two of the kinds.
    if (!/^(?:engine|api|parts)\//.test(path)) return isAsking.test(withoutComments(text));
    const isList = path === `${ofKinds}kinds.ts`;
    return isNaming.test(withoutComments(text)) || (!isList && imports.some(isInside));
  });
  expect(leaking.map(({ path }) => path)).toEqual([]);
});

test("no file only hands on what others export", () => {
  const barrels = FILES.filter(
    ({ path, text }) => /(^|\/)index\.ts$/.test(path) || /^export \* |^export .* from /m.test(text),
  );
  expect(barrels.map(({ path }) => path)).toEqual([]);
});

function readSource(path: string, folder = ROOT): SourceFile {
  const text = readFileSync(join(folder, path), "utf8");
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"([^"]+)"/gm),
    ...text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g),
  ].map(([, specifier = ""]) => specifier);
  const imports = specifiers.map((specifier) =>
    specifier.startsWith(".")
      ? normalize(join(dirname(path), specifier))
      : specifier.replace(/^node:/, ""),
  );
  return { path, folder: folderOf(path), text, imports };
}

function folderOf(path: string): string {
  const [first = "", ...others] = dirname(path).split(sep);
  return HOUSES.has(first) ? [first, ...others.slice(0, 1)].join("/") : first;
}

function filesIn(folder: string): readonly SourceFile[] {
  return FILES.filter((file) => file.folder === folder).toSorted((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

function importsOf(files: readonly SourceFile[]): { readonly from: string; readonly to: string }[] {
  return files.flatMap(({ path, imports }) => imports.map((to) => ({ from: path, to })));
}

/** Whether it names a file of the project, and not a package. */
function isSource(path: string): boolean {
  return /\.(ts|json)$/.test(path);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}
