import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Writes `package`, which is what npm gets: JavaScript, as Node reads no TypeScript in node_modules, and the console as it
// was built. Whoever installs it brings a Node.
const root = join(import.meta.dirname, "..");
const folder = join(root, "package");
rmSync(folder, { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", import.meta.dirname], {
  stdio: "inherit",
});
for (const path of [
  "console/dist",
  "docs",
  "ops/alerts.yaml",
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
      engines: { node: `>=${node.split(".")[0]}` },
      dependencies: others,
      peerDependencies,
      peerDependenciesMeta,
    },
    null,
    2,
  )}\n`,
);
