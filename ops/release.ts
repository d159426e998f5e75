import type { ExecSyncOptionsWithStringEncoding } from "node:child_process";
import { execFileSync, execSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { PACKAGES } from "./packages.ts";

// `npm run release -- minor`: one version for all packages, the changelog, the packages, a commit and its tag. What can't
// be undone, the push and the publishing, is left to the person who runs it.
const ROOT = join(import.meta.dirname, "..");
const HERE = {
  cwd: ROOT,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
} satisfies ExecSyncOptionsWithStringEncoding;
const CHANGELOG = "CHANGELOG.md";
const LOCK = "package-lock.json";
const MANIFESTS = PACKAGES.map(({ source }) => join(source, "package.json"));
const CHANGED = [...MANIFESTS, LOCK, CHANGELOG];
const UNRELEASED = "## [Unreleased]\n";
const USAGE =
  "Say which version: npm run release -- <major|minor|patch|x.y.z>, with --dry-run to only pack it.";

try {
  release(readArguments());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function release({ wanted, isDry }: { readonly wanted: string; readonly isDry: boolean }): void {
  if (run("git", "status", "--porcelain") !== "")
    throw new Error("There are changes that are not committed. Commit or stash them first.");
  if (run("git", "branch", "--show-current") !== "main")
    throw new Error("Releases are made on main. Run git switch main first.");
  if (run("git", "rev-parse", "HEAD") !== run("git", "rev-parse", "origin/main"))
    throw new Error("This is not origin/main. Push or pull first, and wait until it is checked.");
  try {
    const name = npm(`version ${wanted} --no-git-tag-version --allow-same-version`);
    if (run("git", "tag", "--list", name) !== "")
      throw new Error(`${name} is a tag already. Say another version.`);
    writeFileSync(join(ROOT, CHANGELOG), withVersion(name.slice(1)));
    setVersions(name.slice(1));
    npm("run --silent package");
    mkdirSync(join(ROOT, "artifacts"), { recursive: true });
    const folders = PACKAGES.map(({ name: folder }) => `./package/${folder}`).join(" ");
    const packed = npm(`pack ${folders} --silent --no-dry-run --pack-destination artifacts`);
    const archives = packed.split("\n").map((archive) => `artifacts/${archive}`);
    console.log(run("git", "diff", "--unified=0", "--", CHANGELOG));
    if (isDry) {
      console.log(
        `Packed ${archives.join(", ")}. Without --dry-run this is committed, and tagged ${name}.`,
      );
      return;
    }
    run("git", "commit", "--all", "--message", `Release ${name.slice(1)}`);
    // With a message, as --follow-tags pushes no tag without one.
    run("git", "tag", "--annotate", name, "--message", name);
    console.log(`Committed and tagged ${name}. What is left:`);
    // Without the dot npm takes it for a repository on GitHub.
    console.log("  git push --follow-tags");
    for (const archive of archives) console.log(`  npm publish ./${archive}`);
  } finally {
    // After a commit there is nothing to restore.
    run("git", "checkout", "--quiet", "--", ...CHANGED);
  }
}

function readArguments(): { readonly wanted: string; readonly isDry: boolean } {
  const { values, positionals } = parseArgs({
    options: { "dry-run": { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [wanted = "", ...others] = positionals;
  if (others.length > 0 || !/^(major|minor|patch|\d+\.\d+\.\d+)$/.test(wanted))
    throw new Error(USAGE);
  // Without the `--` before it npm keeps the option to itself.
  return { wanted, isDry: values["dry-run"] || process.env["npm_config_dry_run"] === "true" };
}

/** The changelog, in which what is unreleased has become this version. */
function withVersion(version: string): string {
  const [before, after = ""] = readFileSync(join(ROOT, CHANGELOG), "utf8").split(UNRELEASED);
  if (!/^\s*### /.test(after))
    throw new Error(
      `${CHANGELOG} has nothing under "${UNRELEASED.trim()}". Write what has changed first.`,
    );
  const today = new Date().toISOString().slice(0, "yyyy-mm-dd".length);
  return `${before}${UNRELEASED}\n## [${version}] - ${today}\n${after}`;
}

/** Gives the workspaces the version that npm gave the project. It would install all, to give them one. */
function setVersions(version: string): void {
  const lock = readJson(LOCK);
  for (const { source } of PACKAGES.filter((one) => one.source !== ".")) {
    const manifest = join(source, "package.json");
    writeJson(manifest, { ...readJson(manifest), version });
    lock.packages[source].version = version;
  }
  writeJson(LOCK, lock);
}

function readJson(path: string) {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(join(ROOT, path), `${JSON.stringify(value, null, 2)}\n`);
}

function run(program: string, ...parameters: readonly string[]): string {
  return execFileSync(program, parameters, HERE).trim();
}

/** Through the shell, as on Windows npm is no program but a script. */
function npm(command: string): string {
  return execSync(`npm ${command}`, HERE).trim();
}
