import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { copyProject } from "../support/gateway-process.ts";
import { FLUX, FLUX_ID, openVendorLists } from "./vendor-lists.ts";

const run = promisify(execFile);

test("without a token the program says first that the sandbox is asked, and no gateway of RunComfy starts with what that says", async () => {
  const { origin } = await openVendorLists(new Map([[`/v1/models/${FLUX_ID}`, FLUX]]));
  const folder = copyProject();
  const account = {
    RUNCOMFY_API_TOKEN: "secret",
    RUNCOMFY_BASE_URL: origin,
    RUNCOMFY_MODEL_URL: origin,
  };
  const program = (variables: Record<string, string>, ...words: readonly string[]) =>
    run(process.execPath, ["src/bin.ts", ...words], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"],
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        DEPLOYMENTS_FILE: "deployments.json",
        ...variables,
      },
    });
  const asking =
    "Asking the sandbox, because RUNCOMFY_API_TOKEN is not set: its models and prices are invented.\n";
  const found = await program({}, "search", "flux");
  expect(found.stdout).toMatch(/^\S+\/\S+ +\$/);
  expect(found.stderr).toMatch(new RegExp(`^${asking}Models: `));
  const added = await program({ ...account, UPSTREAM: "sandbox" }, "add", FLUX_ID);
  expect(added.stderr).toMatch(/^Asking the sandbox, because UPSTREAM=sandbox: .*\nAdded /);
  const words = program({}, "search");
  await expect(words).rejects.toMatchObject({ stderr: expect.not.stringContaining("Asking") });

  const started = program({ ...account, PORT: "0", DATABASE_URL: ":memory:" });
  await expect(started).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /deployments\[0\]\.from: .*sandbox.* npm run --silent refresh -- --write/,
    ),
  });
  const renewed = await program(account, "refresh", "--write");
  expect(renewed.stderr).not.toContain("Asking");
  const file = readFileSync(join(folder, "deployments.json"), "utf8");
  expect(JSON.parse(file)).toMatchObject({ deployments: [{ price: { amount: 0.012 } }] });
  expect(file).not.toContain("sandbox");
});

test("the program asks as .env says, prints what was asked for alone, and ends with code 1 where it can't be done", async () => {
  const { origin } = await openVendorLists(new Map([[`/v1/models/${FLUX_ID}`, FLUX]]));
  const folder = copyProject();
  const addresses = ["RUNCOMFY_BASE_URL", "RUNCOMFY_MODEL_URL"].map((name) => `${name}=${origin}`);
  writeFileSync(join(folder, ".env"), ["RUNCOMFY_API_TOKEN=secret", ...addresses].join("\n"));
  const program = (...words: readonly string[]) =>
    run(process.execPath, ["src/bin.ts", ...words], {
      cwd: folder,
      env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
    });

  const help = await program("add", "--help");
  expect(help.stderr).toContain("npm run --silent refresh --");
  const added = await program("add", FLUX_ID);
  expect(added.stdout).toMatch(/^mutation \(\$input: Flux2FlashInput!\) \{[^]*\}\n$/);
  expect(added.stderr).toMatch(/^Added .*\nSet DEPLOYMENTS_FILE=deployments\.json.*\n$/);
  expect(readFileSync(join(folder, "deployments.json"), "utf8")).toContain(FLUX_ID);
  const missing = program("add", "a/b", "--deployments", "other.json");
  await expect(missing).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("no such model"),
  });
  expect(existsSync(join(folder, "other.json"))).toBe(false);
});
