import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { copyProject, runGateway } from "../support/gateway-process.ts";

const BYTE_ORDER_MARK = "\uFEFF";

test("a .env that begins with a byte order mark is read from its first line on", async () => {
  const folder = copyProject();
  writeFileSync(join(folder, ".env"), `${BYTE_ORDER_MARK}LOG_LEVEL=loud\n`);
  const gateway = runGateway({}, { folder });
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stderr()).toContain('not "loud"');
});

test("a .env in UTF-16 ends the start with one sentence", async () => {
  const folder = copyProject();
  writeFileSync(join(folder, ".env"), `${BYTE_ORDER_MARK}LOG_LEVEL=loud\n`, "utf16le");
  const gateway = runGateway({}, { folder });
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stderr()).toMatch(/^The file \.env can't be read .*UTF-8.*\n$/);
});
