import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { SANDBOX, start } from "../../gateway/open-gateway.ts";
import { linkProject } from "../../support/gateway-process.ts";
import { readBlocks, readPage } from "../../support/pages.ts";

const run = promisify(execFile);

test("the page on agents has a script that runs a job", async () => {
  const { url } = await start(SANDBOX);
  const [script = ""] = readBlocks("docs/agents.md", "From a script", "ts");
  const file = join(linkProject(), "agent.mts");
  await writeFile(file, script.replaceAll("http://127.0.0.1:4000", url));
  const { stdout } = await run(process.execPath, [file]);
  expect(stdout).toContain("status: 'SUCCEEDED'");
});

test("its lines for programs are JSON, name the address, and put no key into a project's files", () => {
  const page = readPage("docs/agents.md");
  const blocks = [...page.matchAll(/^ +```json\n([^]*?)```/gm)];
  expect(blocks).toHaveLength(5);
  for (const [, block = ""] of blocks)
    expect(JSON.stringify(JSON.parse(block))).toMatch(
      /"http:\/\/127.0.0.1:4000\/mcp"|"mcp-remote"/,
    );
  const bearers = [...page.matchAll(/Bearer [^"`]+/g)].map(([bearer]) => bearer);
  expect(bearers).toHaveLength(4);
  for (const bearer of bearers)
    expect(bearer).toMatch(
      /^Bearer \$(\{(input|env):[\w-]+\}|RUNCOMFY_GATEWAY_KEY)$|^Bearer YOUR_KEY$/,
    );
});
