import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { MUTANTS } from "./mutants.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

// A simulation that finds nothing may be one that sees nothing.
test.each(Object.keys(MUTANTS))("%s is found", async (name) => {
  // From the known seed on, as a change of the code may make that one pass.
  const running = promisify(execFile)(process.execPath, [MAIN, "--mutant", name]);
  await expect(running).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^Seed \d+ failed/m),
  });
});
