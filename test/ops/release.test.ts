import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { PACKAGES } from "../../ops/packages.ts";
import { readPage, ROOT } from "../support/pages.ts";

const COPIED = [
  "ops/packages.ts",
  "ops/release.ts",
  "package-lock.json",
  "README.md",
  "src/under-npm.cjs",
  ...PACKAGES.map(({ source }) => join(source, "package.json")),
];
const BUILD = `
  import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
  import { PACKAGES } from "./packages.ts";
  for (const { name, source } of PACKAGES) {
    const { version } = JSON.parse(readFileSync(\`\${source}/package.json\`, "utf8"));
    mkdirSync(\`package/\${name}\`, { recursive: true });
    writeFileSync(\`package/\${name}/package.json\`, JSON.stringify({ name, version }));
  }`;
const CHANGE = "\n### Added\n\n- A thing.\n";
const env = {
  ...process.env,
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
  GIT_CONFIG_GLOBAL: "/dev/null",
};
let folder: string;

// What a release reads, as the one commit of a repository of its own, where the packages hold nothing but their manifests.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-"));
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "CHANGELOG.md"), `# Changelog\n\n## [Unreleased]\n${CHANGE}`);
  writeFileSync(join(folder, ".gitignore"), "node_modules\nartifacts\npackage\n");
  writeFileSync(join(folder, "ops/build-package.ts"), BUILD);
  const manifest = JSON.parse(read("package.json"));
  const scripts = { ...manifest.scripts, package: "node ops/build-package.ts" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, scripts }));
  git("init", "--quiet", "--initial-branch", "main");
  git("add", "--all");
  git("commit", "--quiet", "--message", "All");
  git("update-ref", "refs/remotes/origin/main", "HEAD");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

// As npm keeps `--dry-run` for itself, a release has to learn of it from npm.
test("a dry run says what it would do, packs, and leaves the tree as it was", () => {
  const command = ["run", "--silent", "release", "7.8.9", "--dry-run"];
  const { status, stdout } = spawnSync("npm", command, { cwd: folder, env, encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toContain("+## [7.8.9] - ");
  expect(stdout).toContain("tagged v7.8.9");
  for (const { name } of PACKAGES)
    expect(existsSync(join(folder, `artifacts/${name}-7.8.9.tgz`))).toBe(true);
  expect(git("status", "--porcelain")).toBe("");
  expect(git("tag", "--list")).toBe("");
  expect(git("rev-list", "--count", "HEAD")).toBe("1\n");
});

test("a release is a commit with a tag, whose version all packages and the changelog have", () => {
  const { status, stdout } = release("7.9.0");
  expect(status).toBe(0);
  expect(stdout).toContain(
    `git push --follow-tags\n${PACKAGES.map(({ name }) => `  npm publish ./artifacts/${name}-7.9.0.tgz\n`).join("")}`,
  );
  expect(git("log", "-1", "--format=%s")).toBe("Release 7.9.0\n");
  expect(git("cat-file", "-t", "v7.9.0")).toBe("tag\n");
  expect(git("status", "--porcelain")).toBe("");
  const lock = JSON.parse(read("package-lock.json"));
  expect([lock.version, lock.packages[""].version]).toEqual(["7.9.0", "7.9.0"]);
  for (const { name, source } of PACKAGES) {
    expect(JSON.parse(read(join(source, "package.json"))).version).toBe("7.9.0");
    expect(JSON.parse(read(`package/${name}/package.json`)).version).toBe("7.9.0");
    if (source !== ".") expect(lock.packages[source].version).toBe("7.9.0");
  }
  expect(read("CHANGELOG.md").replace(/\d{4}-\d\d-\d\d/, "today")).toBe(
    `# Changelog\n\n## [Unreleased]\n\n## [7.9.0] - today\n${CHANGE}`,
  );
});

test("what can't be released is refused with what to do, and nothing is changed", () => {
  const before = git("rev-parse", "HEAD");
  const refuse = (why: RegExp, ...parameters: readonly string[]) => {
    const { status, stderr } = release(...parameters);
    expect(stderr).toMatch(why);
    expect(status).toBe(1);
    expect([git("rev-parse", "HEAD"), git("tag", "--list")]).toEqual([before, "v7.9.0\n"]);
  };
  refuse(/^This is not origin\/main\. /, "8.0.0");
  git("update-ref", "refs/remotes/origin/main", "HEAD");
  refuse(/^Say which version: /, "latest");
  refuse(/^v7\.9\.0 is a tag already\. /, "7.9.0");
  refuse(/nothing under .* Write what has changed first\./, "minor");
  expect(git("status", "--porcelain")).toBe("");
  git("switch", "--quiet", "--create", "other");
  refuse(/^Releases are made on main\. /, "minor");
  appendFileSync(join(folder, "README.md"), "More.\n");
  refuse(/^There are changes that are not committed\. /, "minor");
});

test("the changelog has the form that a release looks for", () => {
  const text = readPage("CHANGELOG.md");
  const [first, ...others] = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(first).toBe("[Unreleased]");
  for (const heading of others) expect(heading).toMatch(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
  for (const [, kind] of text.matchAll(/^### (.+)$/gm))
    expect(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]).toContain(kind);
});

function release(...parameters: readonly string[]) {
  const command = ["ops/release.ts", ...parameters];
  return spawnSync(process.execPath, command, { cwd: folder, env, encoding: "utf8" });
}

function git(...parameters: readonly string[]): string {
  return execFileSync("git", parameters, { cwd: folder, env, encoding: "utf8" });
}

function read(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}
