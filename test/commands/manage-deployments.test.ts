import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { copyProject } from "../support/gateway-process.ts";
import { FLUX, FLUX_ID, openVendorLists } from "./vendor-lists.ts";

const run = promisify(execFile);

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
