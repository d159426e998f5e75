import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, lstat, readdir, rename, symlink } from "node:fs/promises";
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

test("create prints the new key alone, keeps it nowhere, and makes a file that only its owner reads, to which another process adds", async () => {
  const { folder, key } = createProgram();
  const [{ stdout, stderr }, other] = await Promise.all([
    key("create", "--owner", "web"),
    key("create", "--owner", "other"),
  ]);
  expect(stdout).toMatch(KEY);
  const file = join(folder, "data", "api-keys.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const secret = stdout.trim().slice(-43);
  expect(stderr).not.toContain(secret);
  expect(stderr).not.toContain("Warning");
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain(secret);
  const scopes = ["jobs:submit", "jobs:cancel", "jobs:read"];
  const { keys } = JSON.parse(text);
  expect(keys).toHaveLength(2);
  expect(keys).toContainEqual(expect.objectContaining({ id: idOf(stdout), owner: "web", scopes }));
  expect(keys).toContainEqual(expect.objectContaining({ id: idOf(other.stdout), owner: "other" }));
});

test("the file is the one of .env, and wrong parameters end with code 1 and show how it is done", async () => {
  const { folder, key } = createProgram(copyProject());
  writeFileSync(join(folder, ".env"), "API_KEYS_FILE=mine.json\n");
  const wrong = expect(key("create", "--ownr", "web")).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/--ownr[^]*npm run --silent key -- create --owner web/),
  });
  await Promise.all([key("create", "--owner", "web"), wrong]);
  expect(readFileSync(join(folder, "mine.json"), "utf8")).toContain('"web"');
});

test("a command that is wrong explains itself", async () => {
  const { run: command } = await createApiKeysFile();
  for (const [parameters, words] of [
    [[], "create, list or revoke"],
    [["destroy"], '"destroy" is none of'],
    [["create"], "--owner is missing"],
    [["create", "--owner", "a\nb"], "--owner must be 1 to 255"],
    [["create", "--owner", "web", "--scopes", "jobs:sumbit"], 'not "jobs:sumbit"'],
    [["create", "--owner", "web", "--scopes", ""], "--scopes must be a list of jobs:submit"],
    [["create", "--owner", "web", "--jobs-per-day", "0"], "--jobs-per-day must be"],
    [["create", "--owner", "web", "--approval", "never"], "--approval must be always"],
    [["create", "--owner", "web", "more"], "more"],
    [["revoke"], "id of one key"],
    [["revoke", "../x"], "list shows the ids"],
  ] as const)
    await expect(async () => await command(...parameters)).rejects.toThrow(words);
});

test("a key is listed with its scopes and limits until it is revoked", async () => {
  const { create, run: command } = await createApiKeysFile();
  const key = await create("web", "--scopes", "jobs:read:all, jobs:submit", "--sockets", "7");
  const { result } = await command("list");
  expect(result).toMatch(
    RegExp(`^ID  OWNER  .*\n${idOf(key)}  web  jobs:submit,jobs:read:all  .*  sockets=7$`),
  );
  await command("revoke", key);
  expect(await command("list")).toMatchObject({
    result: null,
    remark: expect.stringContaining("holds no key"),
  });
});

test("a key whose jobs need approval is listed as such, and may not approve unless it is given that scope", async () => {
  const { run: command, read } = await createApiKeysFile();
  const { remark } = await command(..."create --owner agent --approval always".split(" "));
  expect(remark).toContain("waits until another credential approves it");
  const scopes = ["jobs:submit", "jobs:cancel", "jobs:read"];
  expect(await read()).toMatchObject({ keys: [{ owner: "agent", approval: "always", scopes }] });
  expect((await command("list")).result).toMatch(
    /\n\w+  agent  jobs:submit,jobs:cancel,jobs:read  \S+  approval=always$/,
  );
});

test("no key has the scopes to approve or to pause by default", async () => {
  const { run: command, create, read } = await createApiKeysFile();
  await create("web");
  await create("web", "--scopes", "jobs:approve operate");
  expect(await read()).toMatchObject({
    keys: [
      { scopes: ["jobs:submit", "jobs:cancel", "jobs:read"] },
      { scopes: ["jobs:approve", "operate"] },
    ],
  });
  const { remark } = await command("--help");
  expect(remark).toMatch(/jobs:read +\(these three by default; also jobs:approve, .*operate/);
});

test("--help shows how it is done, and changes nothing", async () => {
  const { run: command, file } = await createApiKeysFile();
  for (const words of ["--help", "create --help", "create --owner web -h", "revoke --help more"])
    expect((await command(...words.split(" "))).remark).toContain("--requests-per-second");
  expect(existsSync(file)).toBe(false);
});

test("a key or a secret in the wrong place is not repeated, and revokes nothing", async () => {
  const { run: command, create } = await createApiKeysFile();
  await create("web");
  const secret = "s".repeat(43);
  const key = `rck_${"a".repeat(16)}_${secret}`;
  for (const words of [
    key,
    `create --owner web ${key}`,
    `create --owner ${key}`,
    `create --owner web --scopes ${key}`,
    `create --owner web --${key}`,
    `revoke x ${key}`,
    `revoke ${key}!`,
    `revoke --${key}=x`,
    `revoke ${secret}`,
  ])
    await expect(async () => await command(...words.split(" ")), words).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/a{16}|s{43}/) }),
    );
});

test.each([
  [0o664, 0o640],
  [0o400, 0o400],
])(
  "a file of mode %o has %o after a change: its group may go on reading, others not",
  async (former, mode) => {
    const { create, run: command, file } = await createApiKeysFile();
    const key = await create("web");
    for (const change of [() => create("web"), () => command("revoke", idOf(key))]) {
      await chmod(file, former);
      await change();
      expect(statSync(file).mode & 0o777).toBe(mode);
    }
    const left = await readdir(dirname(file));
    expect(left.toSorted()).toEqual(["api-keys.json", "api-keys.json-lock"]);
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

test("a broken file is not replaced", async () => {
  const { create, file } = await createApiKeysFile();
  await create("web");
  writeFileSync(file, "{}");
  await expect(create("web")).rejects.toThrow("can't be used");
  expect(readFileSync(file, "utf8")).toBe("{}");
});
