import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { MUTANTS } from "./mutants.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

// A simulation that finds nothing may be one that sees nothing.
test.each(Object.entries(MUTANTS))("%s is found", async (name, { seed }) => {
  const running = promisify(execFile)(process.execPath, [
    ...[MAIN, "--mutant", name],
    ...["--seed", String(seed)],
  ]);
  await expect(running).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`Seed ${seed} failed`),
  });
});
