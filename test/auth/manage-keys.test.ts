import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, lstat, mkdir, readdir, rename, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { copyProject, linkProject } from "../support/gateway-process.ts";
import { createApiKeysFile, idOf } from "./api-keys-file.ts";

const KEY = /^rck_[0-9a-f]{16}_[\w-]{43}\n$/;
const run = promisify(execFile);

/** The program in a folder of its own, as a user runs it. */
function createProgram(folder = linkProject()) {
  return {
    folder,
    key: (...parameters: readonly string[]) =>
      run(process.execPath, ["src/manage-keys.ts", ...parameters], {
        cwd: folder,
        env: {
          PATH: process.env["PATH"],
          NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        },
      }),
  };
}

test("create prints the new key alone, keeps it nowhere, and makes a file that only its owner reads", async () => {
  const { folder, key } = createProgram();
  const { stdout, stderr } = await key("create", "--owner", "web");
  expect(stdout).toMatch(KEY);
  const file = join(folder, "data", "api-keys.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const secret = stdout.trim().slice(-43);
  expect(stderr).not.toContain(secret);
  expect(stderr).not.toContain("Warning");
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain(secret);
  expect(JSON.parse(text)).toMatchObject({
    keys: [{ id: idOf(stdout), owner: "web", scopes: ["jobs:submit", "jobs:cancel", "jobs:read"] }],
  });

  const listed = await key("list");
  expect(listed.stdout).toMatch(
    new RegExp(`^ID  OWNER  SCOPES  .*\n${idOf(stdout)} +web +jobs:submit,.*\n$`),
  );
  await key("revoke", idOf(stdout));
  const empty = await key("list");
  expect([empty.stdout, empty.stderr]).toEqual(["", expect.stringContaining("holds no key")]);
});

test("the file is the one of .env, where the environment names none", async () => {
  const { folder, key } = createProgram(copyProject());
  writeFileSync(join(folder, ".env"), "API_KEYS_FILE=mine.json\n");
  await key("create", "--owner", "web");
  expect(readFileSync(join(folder, "mine.json"), "utf8")).toContain('"web"');
});

test("wrong parameters end with code 1 and show how it is done", async () => {
  const { key } = createProgram();
  await expect(key("create", "--ownr", "web")).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/--ownr[^]*npm run --silent key -- create --owner web/),
  });
});

test.each([
  [[], "create, list or revoke"],
  [["destroy"], '"destroy" is none of'],
  [["create"], "--owner is missing"],
  [["create", "--owner", ""], "--owner must be 1 to 255"],
  [["create", "--owner", "a\nb"], "--owner must be 1 to 255"],
  [["create", "--owner", "web", "--scopes", "jobs:sumbit"], 'not "jobs:sumbit"'],
  [["create", "--owner", "web", "--scopes", ""], "--scopes must be a list of jobs:submit"],
  [["create", "--owner", "web", "--jobs-per-day", "0"], "--jobs-per-day must be"],
  [["create", "--owner", "web", "more"], "more"],
  [["list", "all"], "all"],
  [["revoke"], "id of one key"],
  [["revoke", "a", "b"], "id of one key"],
  [["revoke", "../x"], "list shows the ids"],
])("%j explains itself", async (parameters, words) => {
  const { run: command } = await createApiKeysFile();
  await expect(async () => await command(...parameters)).rejects.toThrow(words);
});

test("a key that is not there can't be revoked", async () => {
  const { run: command, create } = await createApiKeysFile();
  await create("web");
  await expect(command("revoke", "0".repeat(16))).rejects.toThrow("See its keys with list");
});

test("scopes are separated by commas or spaces", async () => {
  const { create, read } = await createApiKeysFile();
  await create("web", "--scopes", "jobs:read:all, jobs:submit jobs:submit", "--sockets", "7");
  expect(await read()).toMatchObject({
    keys: [{ scopes: ["jobs:submit", "jobs:read:all"], limits: { sockets: 7 } }],
  });
});

test.each([
  [["help"]],
  [["--help"]],
  [["create", "--help"]],
  [["create", "--owner", "web", "-h"]],
  [["revoke", "--help", "more"]],
])("%j prints how it is done and changes nothing", async (parameters) => {
  const { run: command, file } = await createApiKeysFile();
  expect((await command(...parameters)).remark).toContain("--requests-per-second");
  expect(existsSync(file)).toBe(false);
});

test.each([
  ["", ""],
  ["list", ""],
  ["create --owner", ""],
  ["create --owner web", ""],
  ["create --owner web --scopes", ""],
  ["create --owner web --jobs-per-day", ""],
  ["create --owner web --", ""],
  ["revoke x", ""],
  ["revoke", "!"],
  ["revoke --", "=x"],
  ["revoke -", ""],
])("a key in the wrong place, as after '%s', is not repeated", async (words, end) => {
  const { run: command } = await createApiKeysFile();
  const secret = "s".repeat(43);
  const glue = words.endsWith("-") ? "" : " ";
  const parameters = `${words}${glue}rck_${"a".repeat(16)}_${secret}${end}`.trim().split(" ");
  await expect(async () => await command(...parameters)).rejects.toThrow(
    expect.objectContaining({ message: expect.not.stringMatching(/a{16}|s{43}/) }),
  );
});

test("a secret that is taken for an id is not repeated", async () => {
  const { run: command, create } = await createApiKeysFile();
  await create("web");
  await expect(command("revoke", "s".repeat(43))).rejects.toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("sss") }),
  );
});

test("of keys that several processes create at once none is lost", async () => {
  const { key } = createProgram();
  const created = await Promise.all(
    Array.from({ length: 6 }, (_, place) => key("create", "--owner", `owner-${place}`)),
  );
  const { stdout } = await key("list");
  expect(stdout.trim().split("\n")).toHaveLength(7); // its headings, too
  for (const { stdout: made } of created) expect(stdout).toContain(idOf(made));
});

test("a change leaves no other file but the lock", async () => {
  const { create, file } = await createApiKeysFile();
  await create("web");
  await create("web");
  expect((await readdir(dirname(file))).toSorted()).toEqual([
    "api-keys.json",
    "api-keys.json-lock",
  ]);
});

test.each([
  [0o640, 0o640],
  [0o664, 0o640],
  [0o777, 0o640],
  [0o400, 0o400],
])(
  "a file of mode %o has %o after a change: its group may go on reading, and others not",
  async (former, mode) => {
    const { create, run: command, file } = await createApiKeysFile();
    const key = await create("web");
    await chmod(file, former);
    await create("web");
    expect(statSync(file).mode & 0o777).toBe(mode);
    await command("revoke", idOf(key));
    expect(statSync(file).mode & 0o777).toBe(mode);
  },
);

test("a link stays a link, and the file that it leads to is changed", async () => {
  const { create, file, read } = await createApiKeysFile();
  await create("web");
  const elsewhere = `${file}-elsewhere`;
  await rename(file, elsewhere);
  await symlink(elsewhere, file);
  await create("web");
  expect((await lstat(file)).isSymbolicLink()).toBe(true);
  expect(await read()).toMatchObject({ keys: [{ owner: "web" }, { owner: "web" }] });
});

test("a link that leads back to itself explains itself", async () => {
  const { create, file } = await createApiKeysFile();
  await mkdir(dirname(file));
  await symlink("api-keys.json", file);
  await expect(create("web")).rejects.toThrow("ELOOP");
});

test("a broken file is not replaced", async () => {
  const { create, file } = await createApiKeysFile();
  await create("web");
  writeFileSync(file, "{}");
  await expect(create("web")).rejects.toThrow("can't be used");
  expect(readFileSync(file, "utf8")).toBe("{}");
});
