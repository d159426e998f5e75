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

test.each([
  ["UTF-16", Buffer.from(`${BYTE_ORDER_MARK}LOG_LEVEL=loud\n`, "utf16le")],
  ["UTF-16 without a mark", Buffer.from("LOG_LEVEL=loud\n", "utf16le")],
])("a .env in %s ends the start with one sentence", async (_encoding, bytes) => {
  const folder = copyProject();
  writeFileSync(join(folder, ".env"), bytes);
  const gateway = runGateway({}, { folder });
  expect(await gateway.exit).toEqual({ code: 1, signal: null });
  expect(gateway.stderr()).toMatch(/^The file \.env beside package\.json is not UTF-8.*\n$/);
});
