import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

import { expect, test } from "vitest";

import { linkProject } from "./support/gateway-process.ts";
import { readPage, ROOT } from "./support/pages.ts";
import { createTemporaryFolder } from "./support/temporary-folder.ts";

const { scripts } = JSON.parse(readPage("package.json"));
const SCRIPTS = Object.entries<string>(scripts);
/** What they run first. */
const FIRST = /^(node (-r \.\/)?src\/under-npm\.cjs\b|npm run --silent build\b)/;
const TOO_OLD = /^runcomfy-graphql needs Node 24, .*\d\. Run npm ci .*nodejs\.org.*\.\n$/;

/** All that sh and cmd.exe have in common: plain words, with && between commands that are files. */
test("npm's scripts are for Windows too", () => {
  const commands = SCRIPTS.flatMap(([, script]) => script.split(" && "));
  expect(commands.filter((command) => !/^[\w@./:= -]+$/.test(command))).toEqual([]);
  const programs = new Set(commands.map((command) => command.split(" ")[0] ?? ""));
  const missing = [...programs].filter(
    (name) => name !== "npm" && !existsSync(join(ROOT, "node_modules/.bin", name)),
  );
  expect(missing).toEqual([]);
});

test("npm's scripts check first whether Node is new enough", () => {
  expect(SCRIPTS.filter(([, script]) => !FIRST.test(script))).toEqual([]);
});

test.each(["start", "codegen"])(
  "`npm run %s` with an older Node ends with one sentence and a next step",
  async (name) => {
    const folder = linkProject();
    const pretence = join(folder, "pretend.cjs");
    await writeFile(
      pretence,
      `const versions = { ...process.versions, node: "20.19.0" };
       Object.defineProperty(process, "versions", { value: versions });`,
    );
    const env = { ...process.env, NODE_OPTIONS: `--require ${pretence}`, DATABASE_URL: ":memory:" };
    const ended = spawnSync("npm", ["run", "--silent", name], {
      cwd: folder,
      env,
      timeout: 20_000,
    });
    expect(String(ended.stderr)).toMatch(TOO_OLD);
    expect(ended.status).toBe(1);
  },
);

const older = findOlderNode();

test.skipIf(older === null)("a Node that reads no TypeScript gets as far as that sentence", () => {
  const env = { PATH: `${dirname(older ?? "")}${delimiter}/bin` };
  const ended = spawnSync("sh", ["-c", scripts.start], { cwd: linkProject(), env });
  expect(String(ended.stderr)).toMatch(TOO_OLD);
  expect(ended.status).toBe(1);
});

test("a console that can't be built is told with a next step, and keeps no start from going on", async () => {
  const folder = await createTemporaryFolder();
  for (const path of ["client", "console", "package-lock.json", "tsconfig.json"])
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  await rm(join(folder, "console/dist"), { recursive: true, force: true });
  // As it is installed without the packages for development.
  for (const [parameters, code] of [[[], 1] as const, [["--or-keep"], 0] as const]) {
    const ended = spawnSync(process.execPath, [join(folder, "console/build.ts"), ...parameters]);
    expect(String(ended.stderr)).toMatch(
      /^The console could not be built: .*vite.*\. Run npm ci .*\n$/,
    );
    expect(ended.status).toBe(code);
  }
});

/** The machine's own, which is not the tests'. */
function findOlderNode(): string | null {
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "node"))
    .find((path) => !path.includes("node_modules") && existsSync(path));
  if (found === undefined) return null;
  const version = execFileSync(found, ["--version"], { encoding: "utf8" });
  return Number.parseInt(version.slice(1), 10) < 24 ? found : null;
}
