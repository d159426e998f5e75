import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { copyProject, runGateway } from "../support/gateway-process.ts";

test.each([
  ["that begins with a byte order mark is read from its first line on", "utf8", /not "loud"/],
  ["in UTF-16 ends the start with one sentence", "utf16le", /^The file \.env can't.*UTF-8.*\n$/],
] as const)("a .env %s", async (_what, encoding, said) => {
  const folder = copyProject();
  writeFileSync(join(folder, ".env"), "\uFEFFLOG_LEVEL=loud\n", encoding);
  const gateway = runGateway({}, { folder });
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stderr()).toMatch(said);
});
