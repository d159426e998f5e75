import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { linkProject } from "../support/gateway-process.ts";
import { readBlocks, readPage } from "../support/pages.ts";

const run = promisify(execFile);

test("the page on agents has a script that runs a job", async () => {
  const { url } = await start(SANDBOX);
  const [script = ""] = readBlocks("docs/agents.md", "From a script", "ts");
  const file = join(linkProject(), "agent.mts");
  await writeFile(file, script.replaceAll("http://127.0.0.1:4000", url));
  const { stdout } = await run(process.execPath, [file]);
  expect(stdout).toContain("status: 'SUCCEEDED'");
});

test("its lines for programs are JSON, and name the address", () => {
  const blocks = [...readPage("docs/agents.md").matchAll(/^ +```json\n([^]*?)```/gm)];
  expect(blocks).toHaveLength(3);
  for (const [, block = ""] of blocks)
    expect(JSON.stringify(JSON.parse(block))).toMatch(/"http:\/\/127.0.0.1:4000\/mcp"|"--url"/);
});
