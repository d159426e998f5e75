import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import sharp from "sharp";
import { expect, test } from "vitest";

import { SANDBOX, start as startGateway } from "../gateway/open-gateway.ts";
import { linkProject } from "../support/gateway-process.ts";
import { ask } from "../support/graphql-client.ts";
import { readBlocks, readPage } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { atPort, checkTypes, runJob, start } from "./pasted.ts";

const run = promisify(execFile);

async function untilKept(gateway: string, id: string): Promise<void> {
  const keeps = async () => (await ask(gateway, `{ job(id: "${id}") { assets { keep } } }`)).job;
  await expect.poll(keeps, { timeout: 10_000 }).toEqual({ assets: [{ keep: "KEPT" }] });
}

async function writeProgram(program: string, gateway: string): Promise<string> {
  const file = join(linkProject(), "first-job.mjs");
  await writeFile(file, atPort(program, gateway));
  return file;
}

async function runProgram(program: string, gateway: string) {
  return await run(process.execPath, [await writeProgram(program, gateway)]);
}

test("what the page for frontends says to paste watches a job to its end, or says why there is none", async () => {
  const { url } = await startGateway({ ...SANDBOX, SANDBOX_SPEED: "20" });
  const [submit = ""] = readBlocks("docs/frontend.md", "Submit", "js");
  const [watch = ""] = readBlocks("docs/frontend.md", "Watch a job", "js");
  const { stdout } = await runProgram(`${submit}${watch}`, url);
  expect(stdout).toMatch(/SubmitJobSuccess[^]*SUCCEEDED[^]*\.svg/);
  const unknown = `const data = { submitJob: { job: { id: "job_unknown" } } };\n${watch}`;
  await expect(runProgram(unknown, url)).rejects.toMatchObject({
    stderr: expect.stringContaining('You have no job "job_unknown"'),
  });
});

test("what the page for frontends says to paste uploads a picture, or says why it does not, for fields that are there", async () => {
  const { url } = await startGateway(SANDBOX);
  const [upload = ""] = readBlocks("docs/frontend.md", "Upload a picture", "js");
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const call = (base64: string, type = "image/png") =>
    `await upload(new File([Buffer.from("${base64}", "base64")], "a.png", { type: "${type}" }))
      .then(console.log, (error) => console.log(error.message.replaceAll("\\n", " ")));`;
  const calls = [call(png.toString("base64")), call("AAAA"), call("AAAA", "text/plain")];
  const { stdout } = await runProgram(`${upload}${calls.join("\n")}`, url);
  const reported = stdout.trim().split("\n");
  expect(reported).toEqual([
    expect.stringMatching(/^upload:upl_/),
    expect.stringContaining("Choose another one"),
    expect.stringMatching(/contentType is no type of picture.*choose another file/),
  ]);
  const known = JSON.stringify(await ask(url, "{ deployments { inputFields { name } } }"));
  for (const page of ["docs/frontend.md", "docs/client.md"])
    for (const [named] of readPage(page).matchAll(/\bctrl_\w+/g))
      expect(known).toContain(`"${named}"`);
});

test("what the pages say to paste watches all jobs, over a socket and as an event stream", async () => {
  const { url: gateway } = await startGateway({ ...SANDBOX, SANDBOX_SPEED: "20" });
  const [feed = ""] = readBlocks("docs/feed.md", "Read it", "js");
  const [stream = ""] = readBlocks("docs/frontend.md", "Watch with an event stream", "sh");
  const overSocket = start(process.execPath, [await writeProgram(feed, gateway)]);
  // The shell makes way for curl, so that it is curl that is stopped.
  const asStream = start("sh", ["-c", `exec ${atPort(stream, gateway)}`]);
  await expect.poll(overSocket).toContain("Read the list");
  await expect.poll(asStream).toContain(":");
  const [submit = ""] = readBlocks("docs/frontend.md", "Submit", "js");
  await runProgram(submit, gateway);
  await expect.poll(overSocket).toMatch(/^job_\w+ SUCCEEDED$/m);
  await expect.poll(asStream).toMatch(/^event: next\ndata: .*"status":"SUCCEEDED"/m);
});

const ENDS = [
  {
    language: "js",
    command: process.execPath,
    file: "ended.mjs",
    isNoted: (folder: string, id: string) => existsSync(join(folder, "ended", id)),
    forgetPlace: (folder: string) => rm(join(folder, "cursor")),
  },
  {
    language: "python",
    command: "python3",
    file: "ended.py",
    isNoted(folder: string, id: string) {
      using database = new DatabaseSync(join(folder, "ended.db"));
      return database.prepare("select 1 from ended where job_id = ?").get(id) !== undefined;
    },
    async forgetPlace(folder: string) {
      using database = new DatabaseSync(join(folder, "ended.db"));
      database.exec("update feed set cursor = ''");
    },
  },
].filter(({ command }) => spawnSync(command, ["--version"]).status === 0);

test.each(ENDS)(
  "what the page on the feed says to paste in $language acts once when a job ends, also over a kill and a reset",
  async ({ language, command, file, isNoted, forgetPlace }) => {
    const { url: gateway } = await startGateway(SANDBOX);
    const [program = ""] = readBlocks("docs/feed.md", "Act once when a job ends", language);
    const folder = await createTemporaryFolder();
    await writeFile(join(folder, file), atPort(program, gateway));
    const run = () => start(command, [file], { cwd: folder });
    const end = () => runJob(gateway);
    const untilNoted = (id: string) => expect.poll(() => isNoted(folder, id)).toBe(true);

    const before = await end();
    const first = run();
    await expect.poll(first).toBe(`${before} SUCCEEDED\n`);
    const watched = await end();
    // Reported again with the outcome of its files, before the next one ends.
    await untilKept(gateway, watched);
    const next = await end();
    const reported = [before, watched, next].map((id) => `${id} SUCCEEDED\n`);
    await expect.poll(first).toBe(reported.join(""));
    await untilNoted(next);
    await first.kill();

    const missed = await end();
    const second = run();
    await expect.poll(second).toBe(`${missed} SUCCEEDED\n`);
    await untilNoted(missed);
    await second.kill();

    await forgetPlace(folder);
    const third = run();
    const last = await end();
    await expect.poll(third).toBe(`${last} SUCCEEDED\n`);
  },
);

test("the TypeScript that README and the pages on credentials and the client say to paste has no wrong types", async () => {
  const steps = readBlocks("docs/auth.md", "Tokens for browsers, in five steps", "ts");
  const files = [
    ...readBlocks("README.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "Beside another client", "ts").slice(0, 1),
    ...steps,
  ];
  expect(files).toHaveLength(5);
  expect(await checkTypes(files)).toBe("");
});
