import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Writes `package`, which is what npm gets: JavaScript, as Node reads no TypeScript in node_modules, and the console as it
// was built. Whoever installs it brings a Node.
const root = join(import.meta.dirname, "..");
const folder = join(root, "package");
rmSync(folder, { recursive: true, force: true });
const compiler = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [compiler, "-p", import.meta.dirname], { stdio: "inherit" });
for (const path of [
  "console/dist",
  "docs",
  "ops/alerts.yaml",
  "ops/dashboard.json",
  "README.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "LICENSE",
])
  cpSync(join(root, path), join(folder, path), { recursive: true });

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { name, version, description, keywords, license, author, type, dependencies } = manifest;
const { peerDependencies, peerDependenciesMeta } = manifest;
const { node, ...others } = dependencies;
writeFileSync(
  join(folder, "package.json"),
  `${JSON.stringify(
    {
      ...{ name, version, description, keywords, license, author, type },
      bin: { [name]: "dist/bin.js" },
      exports: Object.fromEntries(
        Object.entries<string>(manifest.exports).map(([entry, source]) => [
          entry,
          compiled(source),
        ]),
      ),
      engines: { node: `>=${node.split(".")[0]}` },
      dependencies: others,
      ...{ peerDependencies, peerDependenciesMeta },
    },
    null,
    2,
  )}\n`,
);

/** `./src/client/react.ts` becomes `./dist/client/react.js`, whose types are beside it. */
function compiled(source: string): string {
  return source.replace("/src/", "/dist/").replace(/ts$/, "js");
}
