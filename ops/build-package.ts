import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { PACKAGES } from "./packages.ts";

// Writes `package`, with a folder for each package that npm gets: JavaScript with its types, as Node reads no TypeScript in
// node_modules. The gateway's has the console as it was built, and no Node: who installs it has one.
const ROOT = join(import.meta.dirname, "..");
const TARGET = join(ROOT, "package");
const COMPILER = join(ROOT, "node_modules/typescript/bin/tsc");
const GATEWAY_FILES = [
  "console/dist",
  "docs",
  "ops/alerts.yaml",
  "ops/dashboard.json",
  "CHANGELOG.md",
  "SECURITY.md",
];

rmSync(TARGET, { recursive: true, force: true });
for (const { name, source } of PACKAGES) {
  const folder = join(TARGET, name);
  mkdirSync(folder, { recursive: true });
  compile(join(ROOT, source, "src"), folder);
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  cpSync(join(ROOT, source, "README.md"), join(folder, "README.md"));
  const manifest = toManifest(JSON.parse(readFileSync(join(ROOT, source, "package.json"), "utf8")));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
for (const path of GATEWAY_FILES)
  cpSync(join(ROOT, path), join(TARGET, "runcomfy-graphql", path), { recursive: true });

/** Writes `dist`. Of the other packages it reads the types that are there, as their sources are none of this one's. */
function compile(source: string, folder: string): void {
  const types = PACKAGES.map(({ name, entry }) => [
    name,
    [join(TARGET, name, `dist/${entry.replace(/ts$/, "d.ts")}`)],
  ]);
  const settings = join(folder, "tsconfig.json");
  const compilerOptions = {
    noEmit: false,
    // `npm run check` has done that.
    noCheck: true,
    rootDir: source,
    outDir: join(folder, "dist"),
    rewriteRelativeImportExtensions: true,
    declaration: true,
    // Otherwise a page's types are there or not by what else a package imports.
    lib: ["esnext", "dom", "dom.iterable"],
    paths: Object.fromEntries(types),
  };
  writeFileSync(
    settings,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions,
      include: [source],
      exclude: [],
    }),
  );
  execFileSync(process.execPath, [COMPILER, "-p", settings], { stdio: "inherit" });
  rmSync(settings);
}

/** The sources' manifest, as users of the package need it; it requires the other packages in its own version. */
function toManifest(manifest: Manifest): object {
  const { name, version, description, keywords, license, author, type, sideEffects } = manifest;
  const { peerDependencies, peerDependenciesMeta } = manifest;
  const { node, ...asked } = manifest.dependencies;
  const isGateway = node !== undefined;
  const own = PACKAGES.filter((other) => other.name in asked).map((other) => other.name);
  const dependencies = { ...asked, ...Object.fromEntries(own.map((other) => [other, version])) };
  return {
    ...{ name, version, description, keywords, license, author, type, sideEffects },
    bin: toCompiled(isGateway ? { [name]: "./src/bin.ts" } : manifest.bin),
    exports: toCompiled(manifest.exports),
    engines: isGateway ? { node: `>=${node.split(".")[0]}` } : manifest.engines,
    ...{ dependencies, peerDependencies, peerDependenciesMeta },
  };
}

type Manifest = {
  readonly [
    Key in
      | "description"
      | "keywords"
      | "license"
      | "author"
      | "type"
      | "sideEffects"
      | "engines"
      | "peerDependencies"
      | "peerDependenciesMeta"
  ]?: unknown;
} & {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
};

/** `./src/react.ts` becomes `./dist/react.js`, whose types are beside it. */
function toCompiled(paths: Readonly<Record<string, string>> | undefined): object | undefined {
  return (
    paths &&
    Object.fromEntries(
      Object.entries(paths).map(([entry, source]) => [
        entry,
        source.replace("/src/", "/dist/").replace(/ts$/, "js"),
      ]),
    )
  );
}
