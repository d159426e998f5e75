import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { linkProject, runGateway } from "../support/gateway-process.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The blocks of a page's chapter in a language, as a reader copies them. */
function readBlocks(page: string, chapter: string, language: string): readonly string[] {
  const [, text = ""] = readFileSync(join(ROOT, page), "utf8").split(
    new RegExp(`^## ${chapter}$`, "m"),
  );
  const [own = ""] = text.split(/^## /m);
  return [...own.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"))].map(
    ([, block = ""]) => block,
  );
}

/** Runs a program as it was pasted, but for the gateway's port. */
async function runPasted(program: string, gateway: string) {
  const { port } = new URL(gateway);
  const file = join(linkProject(), "first-job.mjs");
  await writeFile(file, program.replaceAll("127.0.0.1:4000", `127.0.0.1:${port}`));
  return await promisify(execFile)(process.execPath, [file]);
}

test("what README tells to paste submits a job and watches it to its end", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  const [submit = "", watch = ""] = readBlocks("README.md", "Use it from a frontend", "js");
  const alone = await runPasted(submit, gateway);
  expect(alone.stdout).toMatch(/SubmitJobSuccess[^]*job_/);
  const { stdout } = await runPasted(`${submit}${watch}`, gateway);
  expect(stdout).toMatch(/SubmitJobSuccess[^]*SUCCEEDED[^]*\.png/);
});

test("what README tells to paste says why there is nothing to watch", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:" }).url;
  const [, watch = ""] = readBlocks("README.md", "Use it from a frontend", "js");
  const unknown = `const data = { submitJob: { job: { id: "job_unknown" } } };\n${watch}`;
  await expect(runPasted(unknown, gateway)).rejects.toMatchObject({
    stderr: expect.stringContaining('You have no job "job_unknown"'),
  });
});

test("what the page on deployments shows of the example is in the example", () => {
  const chapter = "From the dashboard's schema to typed React";
  const [excerpt = "?", ...others] = readBlocks("docs/deployments.md", chapter, "tsx?").filter(
    (block) => !block.includes("codegen"),
  );
  expect(others).toEqual([]);
  const source = readFileSync(join(ROOT, "examples/react/src/use-submit.ts"), "utf8");
  // There it stands further in.
  const withoutIndents = (text: string) => text.replaceAll(/^ +/gm, "");
  expect(withoutIndents(source)).toContain(withoutIndents(excerpt));
});
