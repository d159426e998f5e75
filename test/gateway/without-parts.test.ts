import { execFile } from "node:child_process";
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { ask } from "../support/graphql-client.ts";
import { runGateway } from "../support/gateway-process.ts";
import { ROOT } from "../support/pages.ts";
import { PARTS } from "../support/parts.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const NAMES = PARTS.map(({ name }) => name);
const run = promisify(execFile);

/** The project without its parts: their folders, their tests, and their lines of `parts.ts`. */
async function copyWithoutParts(): Promise<string> {
  const folder = await createTemporaryFolder();
  for (const name of ["src", "test", "docs", "package.json", "tsconfig.json"])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const name of NAMES)
    for (const parts of ["src/parts", "test/parts"])
      rmSync(join(folder, parts, name), { recursive: true });
  const file = join(folder, "src/parts.ts");
  const lines = readFileSync(file, "utf8").split("\n");
  const left = lines.filter((line) => !/^ {2}\w+: \(\) => import\("\.\/parts\//.test(line));
  expect(lines.length - left.length).toBe(NAMES.length);
  writeFileSync(file, left.join("\n"));
  return folder;
}

test("the sources compile without parts, and so do all other tests", async () => {
  const folder = await copyWithoutParts();
  for (const name of ["bench", "client", "ops", "sandbox"])
    symlinkSync(join(ROOT, name), join(folder, name));
  writeFileSync(
    join(folder, "tsconfig.left.json"),
    JSON.stringify({ extends: "./tsconfig.json", include: ["src", "test"] }),
  );
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const compiled = run(process.execPath, [compiler, "-p", "tsconfig.left.json"], { cwd: folder });
  expect((await compiled.catch((error: { stdout: string }) => error)).stdout).toBe("");
}, 180_000);

test("a gateway without parts runs a job to its picture, and its tables and schema hold no word of them", async () => {
  const folder = await copyWithoutParts();
  const database = join(folder, "gateway.db");
  const environment = {
    UPSTREAM: "sandbox",
    SANDBOX_SPEED: "50",
    DATABASE_URL: `file:${database}`,
  };
  const gateway = runGateway(environment, { folder });
  const url = await gateway.url;
  const { viewer, deployments } = await ask(url, "{ viewer { parts } deployments { id name } }");
  expect(viewer.parts).toEqual([]);
  const { id } = deployments.find((one: { name: string }) => one.name === "Paper Lantern");
  const { submitJob } = await ask(
    url,
    `mutation ($id: ID!) {
      submitJob(deploymentId: $id, input: { prompt: "A lantern" }, answerWithinSeconds: 20) {
        __typename
        ... on SubmitJobSuccess { job { status assets { url } } }
        ... on Error { message }
      }
    }`,
    { variables: { id } },
  );
  expect(submitJob).toMatchObject({ job: { status: "SUCCEEDED" } });
  const picture = await fetch(submitJob.job.assets[0].url);
  expect(picture.headers.get("content-type")).toMatch(/^image\//);
  await gateway.kill("SIGTERM");
  using tables = new DatabaseSync(database);
  const made = tables.prepare("select name, sql from sqlite_master").all();
  expect(findNames(JSON.stringify(made))).toEqual([]);
  const { stdout } = await run(process.execPath, ["src/print-schema.ts"], { cwd: folder });
  expect(stdout).toContain("type Job ");
  expect(findNames(stdout)).toEqual([]);
});

test("the settings hold no word of parts either", async () => {
  const folder = await copyWithoutParts();
  const { stdout } = await run(process.execPath, ["src/main.ts", "--help"], { cwd: folder });
  const [, settings = ""] = stdout.split("\n\n# Settings of the gateway.");
  expect(settings).toContain("DATABASE_URL");
  expect(findNames(settings)).toEqual([]);
});

/** The lines that name a part, as a word or within a name such as `webhookUrl`. */
function findNames(text: string): readonly string[] {
  const patterns = NAMES.flatMap((name) => {
    const stem = name.replace(/s$/, "");
    const capital = stem.charAt(0).toUpperCase() + stem.slice(1);
    return [`(?<![a-z])${stem}`, capital, `(?<![A-Z])${stem.toUpperCase()}`];
  });
  const names = new RegExp(`(?:${patterns.join("|")})s?(?![a-z])`);
  // RunComfy's calls of the engine, a level of the log, and what runs cost.
  const others = /upstream_?webhooks?|`trace`|cost money/gi;
  return text.split("\n").filter((line) => names.test(line.replaceAll(others, "")));
}
