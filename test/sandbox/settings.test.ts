import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { loadSandboxSettings } from "../../src/sandbox/settings.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test.each(["", " ", "\t \n"])("a blank value counts as unset: %j", (blank) => {
  const blanks = {
    SANDBOX_PORT: blank,
    SANDBOX_SPEED: blank,
    SANDBOX_DATA: blank,
    DEPLOYMENTS_FILE: blank,
  };
  expect(loadSandboxSettings(blanks)).toEqual(loadSandboxSettings({}));
});

async function makeFile(text: string): Promise<string> {
  const path = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(path, text);
  return path;
}

test("the entries of a file of deployments are read as they are", async () => {
  const path = await makeFile('\uFEFF{"deployments":[{"id":"a"},5]}');
  const { deployments } = loadSandboxSettings({ DEPLOYMENTS_FILE: path });
  expect(deployments).toEqual([{ id: "a" }, 5]);
});

test.each([
  ["{", "JSON"],
  ["[]", "object"],
  ['{"deployments":{}}', "list"],
])("a file of deployments that says %s is a wrong setting", async (text, reason) => {
  const path = await makeFile(text);
  const load = () => loadSandboxSettings({ DEPLOYMENTS_FILE: path, SANDBOX_SPEED: "fast" });
  expect(load).toThrow(reason);
  expect(load).toThrow("SANDBOX_SPEED");
  expect(load).toThrow(path);
});
