import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

import { expect, test } from "vitest";

import { linkProject } from "./support/gateway-process.ts";
import { readPage, ROOT } from "./support/pages.ts";
import { createTemporaryFolder } from "./support/temporary-folder.ts";

const { scripts } = JSON.parse(readPage("package.json"));
const SCRIPTS = Object.entries<string>(scripts);
/** What they run first. */
const FIRST = /^((exec )?node (-r \.\/)?src\/under-npm\.cjs\b|npm run --silent build\b)/;
const TOO_OLD = /^runcomfy-graphql needs Node 24, .*\d\. Run npm ci .*nodejs\.org.*\.\n$/;
const TOO_OLD_ALONE = /^runcomfy-graphql needs Node 24, .*\d\. .*npm start.*\.\n$/;

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
    const env = { ...process.env, ...(await pretendNode20(folder)), DATABASE_URL: ":memory:" };
    const ended = spawnSync("npm", ["run", "--silent", name], {
      cwd: folder,
      env,
      timeout: 20_000,
    });
    expect(String(ended.stderr)).toMatch(TOO_OLD);
    expect(ended.status).toBe(1);
  },
);

test("before npm ci, the next step is that", async () => {
  const folder = await createTemporaryFolder();
  for (const path of ["package.json", "src/under-npm.cjs"])
    await cp(join(ROOT, path), join(folder, path));
  const ended = spawnSync("sh", ["-c", scripts.start], { cwd: folder });
  expect(String(ended.stderr)).toBe("runcomfy-graphql is not installed. Run npm ci first.\n");
  expect(ended.status).toBe(1);
});

test("without npm, the next step is to start it with npm", async () => {
  const folder = linkProject();
  const command = ["-r", "./src/under-npm.cjs", "src/main.ts"];
  const env = await pretendNode20(folder);
  const ended = spawnSync(process.execPath, command, { cwd: folder, env });
  expect(String(ended.stderr)).toMatch(TOO_OLD_ALONE);
  expect(ended.status).toBe(1);
});

test("an npm whose own Node is too old to install everything ends with one sentence and a next step", () => {
  const env = { ...process.env, npm_config_user_agent: "npm/10.9.9 node/v18.20.8 linux x64" };
  const ended = spawnSync("sh", ["-c", scripts.prepare], { cwd: linkProject(), env });
  expect(String(ended.stderr)).toMatch(/Node 20 or newer, .*18\.20\.8\. .*, then .*npm ci\.\n$/);
  expect(ended.status).toBe(1);
});

const older = findOlderNode();

test.skipIf(older === null)("a Node that reads no TypeScript gets as far as that sentence", () => {
  const env = { PATH: `${dirname(older ?? "")}${delimiter}/bin` };
  const ended = spawnSync("sh", ["-c", scripts.start], { cwd: linkProject(), env });
  expect(String(ended.stderr)).toMatch(TOO_OLD_ALONE);
  expect(ended.status).toBe(1);
});

test("a console that can't be built is reported with a next step, and keeps no start from going on", async () => {
  const folder = await createTemporaryFolder();
  for (const path of ["client", "console", "package-lock.json", "tsconfig.json"])
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  await rm(join(folder, "console/dist"), { recursive: true, force: true });
  const build = (...parameters: readonly string[]) =>
    spawnSync(process.execPath, [join(folder, "console/build.ts"), ...parameters]);
  // As it is installed without the packages for development.
  for (const [parameters, code] of [[[], 1] as const, [["--or-keep"], 0] as const]) {
    const ended = build(...parameters);
    expect(String(ended.stderr)).toMatch(
      /^The console could not be built: .*vite.*[^.]\. Run npm ci .*\n$/,
    );
    expect(ended.status).toBe(code);
  }
  // As npm installs it with a Node for which its compiled parts are not.
  await mkdir(join(folder, "node_modules/vite"), { recursive: true });
  await writeFile(
    join(folder, "node_modules/vite/index.js"),
    'throw new Error("Cannot find native binding. npm has a bug. Please try `npm i` again.")',
  );
  expect(String(build().stderr)).toBe(
    "The console could not be built: Cannot find native binding. Run npm ci --include=dev with Node 20.19, 22.12 or newer, then npm run build.\n",
  );
});

/** The environment in which Node says that it is an older one. */
async function pretendNode20(folder: string): Promise<NodeJS.ProcessEnv> {
  const pretence = join(folder, "pretend.cjs");
  await writeFile(
    pretence,
    `const versions = { ...process.versions, node: "20.19.0" };
     Object.defineProperty(process, "versions", { value: versions });`,
  );
  return { NODE_OPTIONS: `--require ${pretence}` };
}

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
