import { expect, test } from "vitest";

import { loadSandboxSettings } from "../../src/sandbox/settings.ts";

test.each(["", " ", "\t \n"])("a blank value counts as unset: %j", (blank) => {
  const blanks = { SANDBOX_PORT: blank, SANDBOX_SPEED: blank, SANDBOX_DATA: blank };
  expect(loadSandboxSettings(blanks)).toEqual(loadSandboxSettings({}));
});
