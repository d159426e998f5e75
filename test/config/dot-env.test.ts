import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createTemporaryFolder } from "../support/temporary-folder.ts";

const MODULE = new URL("../../src/config/load-config.ts", import.meta.url).href;
const READ = `import { readEnvironment } from "${MODULE}"; console.log(readEnvironment({}).LOG_LEVEL);`;

test.each([
  ["that begins with a byte order mark is read from its first line on", "utf8", /^loud\n$/],
  ["in UTF-16 is refused with what to do", "utf16le", /The file \.env can't.*Save it as UTF-8/],
] as const)("a .env %s", async (_what, encoding, said) => {
  const cwd = await createTemporaryFolder();
  writeFileSync(join(cwd, ".env"), "\uFEFFLOG_LEVEL=loud\n", encoding);
  const parameters = ["--input-type=module", "--eval", READ];
  const { stdout, stderr } = spawnSync(process.execPath, parameters, { cwd, encoding: "utf8" });
  expect(stdout || stderr).toMatch(said);
});
