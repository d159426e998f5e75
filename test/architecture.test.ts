import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, sep } from "node:path";

import { expect, test } from "vitest";

const PROJECT = join(import.meta.dirname, "..");
const ROOT = join(PROJECT, "src");

/** A file of these folders imports from its own or from one further left. */
const ORDER = [
  "runtime",
  "job",
  "config",
  "auth",
  "deployments",
  "runcomfy",
  "store",
  "tracking",
  "files",
  "watch",
  "schema",
  "operations",
  "server",
  "metrics",
  "traces",
] as const;
/** What imports nothing from the others. */
const APART = ["sandbox"];
/** Packages of their own. */
const PACKAGES = ["client"];
/** What stands beside the folders, and may know all of them. */
const TOP_LEVEL = [
  "bin.ts",
  "create-log.ts",
  "gateway.ts",
  "logged-error.ts",
  "main.ts",
  "manage-keys.ts",
  "print-schema.ts",
  "read-version.ts",
  "run-sandbox.ts",
  "start-upstream.ts",
];
const PROCESS_FILES = ["bin.ts", "main.ts", "manage-keys.ts", "print-schema.ts", "run-sandbox.ts"];

type SourceFile = {
  /** Below `src`. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  /** What it imports, types included: files below `src`, or the names of packages. */
  readonly imports: readonly string[];
};

const FILES = globSync("**/*.ts", { cwd: ROOT }).map((path) => readSource(path));

test("src has the folders of ARCHITECTURE.md and nothing else", () => {
  const folders = new Set(FILES.map(({ folder }) => folder));
  expect([...folders].toSorted()).toEqual([".", ...ORDER, ...APART].toSorted());
  expect(filesIn(".").map(({ path }) => path)).toEqual(TOP_LEVEL);
});

test("imports point one way: to the own folder or to one further left", () => {
  const wrong = ORDER.flatMap((folder, place) =>
    importsOf(filesIn(folder)).filter(({ to }) => {
      const target = ORDER.findIndex((other) => other === folderOf(to));
      return isSource(to) && (target === -1 || target > place);
    }),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself in a circle, types included", () => {
  const circles = FILES.filter(({ path }) => reach(path).has(path));
  expect(circles.map(({ path }) => path)).toEqual([]);
});

test("the client knows nothing of the gateway, which knows what it sends", () => {
  for (const name of PACKAGES) {
    const paths = globSync("src/**/*.ts", { cwd: join(PROJECT, name) });
    expect(paths.length).toBeGreaterThan(5);
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(join(PROJECT, name, "package.json"), "utf8"),
    );
    const known = Object.keys({ ...dependencies, ...peerDependencies });
    const outwards = importsOf(paths.map((path) => readSource(path, join(PROJECT, name)))).filter(
      ({ to }) =>
        !(isSource(to) ? to.startsWith("src/") : known.includes(to) || builtinModules.includes(to)),
    );
    expect(outwards).toEqual([]);
  }
  const inwards = importsOf(FILES).filter(({ to }) => to.startsWith("runcomfy-graphql-client"));
  expect(inwards).toEqual([{ from: "gateway.ts", to: "runcomfy-graphql-client" }]);
});

test("the sandbox knows nothing of the gateway, which knows how to start it", () => {
  const outwards = APART.flatMap((folder) =>
    importsOf(filesIn(folder)).filter(({ to }) => isSource(to) && folderOf(to) !== folder),
  );
  expect(outwards).toEqual([]);
  const inwards = importsOf(FILES).filter(
    ({ from, to }) => APART.includes(folderOf(to)) && folderOf(from) !== folderOf(to),
  );
  expect(inwards).toEqual([{ from: "start-upstream.ts", to: "sandbox/sandbox.ts" }]);
});

test("only the programs' first files touch the process", () => {
  // `nextTick` is a place in the event loop, as `setImmediate` is.
  const touching = FILES.filter(
    ({ text, imports }) =>
      /\bprocess\s*(?:\.(?!nextTick\b)|\[)/.test(withoutComments(text)) ||
      imports.includes("process"),
  );
  expect(touching.map(({ path }) => path).toSorted()).toEqual(PROCESS_FILES.toSorted());
});

test("what a job is does no input or output", () => {
  const used = importsOf(filesIn("job")).filter(
    ({ to }) => builtinModules.includes(to) || !isSource(to),
  );
  expect(used.filter(({ to }) => to !== "crypto")).toEqual([]);
  const reachingOut = filesIn("job").filter(({ text }) =>
    /\b(fetch|setTimeout|setInterval|Date\.now|Math\.random|console)\b/.test(withoutComments(text)),
  );
  expect(reachingOut.map(({ path }) => path)).toEqual([]);
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
  return path.includes(sep) ? path.slice(0, path.indexOf(sep)) : ".";
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

/** All files that a file imports, also through others. */
function reach(path: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [path];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    const next = FILES.find((file) => file.path === current)?.imports.filter(isSource) ?? [];
    for (const one of next) {
      if (!reached.has(one)) open.push(one);
      reached.add(one);
    }
  }
  return reached;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}
