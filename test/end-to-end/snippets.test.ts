import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";

import { linkProject, runGateway } from "../support/gateway-process.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks, readPage, ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const run = promisify(execFile);

/** What was pasted, but for the gateway's port. */
function atPort(pasted: string, gateway: string): string {
  return pasted.replaceAll("127.0.0.1:4000", `127.0.0.1:${new URL(gateway).port}`);
}

async function writeProgram(program: string, gateway: string): Promise<string> {
  const file = join(linkProject(), "first-job.mjs");
  await writeFile(file, atPort(program, gateway));
  return file;
}

async function runProgram(program: string, gateway: string) {
  return await run(process.execPath, [await writeProgram(program, gateway)]);
}

/** Starts what ends only when it is stopped, and gives what it has printed by now. */
function start(command: string, parameters: readonly string[]): () => string {
  const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return () => printed;
}

test("README's two calls of curl submit a job and watch it to its end", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  const calls = readBlocks("README.md", "Submit and watch", "sh").slice(0, 2);
  const { stdout } = await run("sh", ["-c", atPort(calls.join("\n"), gateway)]);
  expect(stdout).toMatch(/event: next[^]*SUCCEEDED[^]*\.svg[^]*event: complete/);
});

test("README's one call of curl for scripts answers with the job's picture", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  const [, , call = ""] = readBlocks("README.md", "Submit and watch", "sh");
  const { stdout } = await run("sh", ["-c", atPort(call, gateway)]);
  expect(stdout).toMatch(/"status":"SUCCEEDED","assets":\[\{"url":"[^"]*\.svg"/);
});

test("what the page for frontends tells to paste submits a job and watches it to its end", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  const [submit = ""] = readBlocks("docs/frontend.md", "Submit", "js");
  const [watch = ""] = readBlocks("docs/frontend.md", "Watch a job", "js");
  const alone = await runProgram(submit, gateway);
  expect(alone.stdout).toMatch(/SubmitJobSuccess[^]*job_/);
  const { stdout } = await runProgram(`${submit}${watch}`, gateway);
  expect(stdout).toMatch(/SubmitJobSuccess[^]*SUCCEEDED[^]*\.svg/);
});

test("what the page on the client tells to paste runs a job and shows its picture", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
  const [script = ""] = readBlocks("docs/client.md", "From a script or any page", "js");
  const { stdout } = await runProgram(script, gateway);
  expect(stdout).toMatch(/IN_QUEUE undefined[^]*SUCCEEDED http:[^ ]*\.svg\n$/);
});

test("what it tells to paste uploads a picture, and says why it does not", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:" }).url;
  const [upload = ""] = readBlocks("docs/frontend.md", "Upload a picture", "js");
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const call = (base64: string, type = "image/png") =>
    `const bytes = Buffer.from("${base64}", "base64");
     console.log(await upload(new File([bytes], "a.png", { type: "${type}" })));`;
  const { stdout } = await runProgram(`${upload}${call(png.toString("base64"))}`, gateway);
  expect(stdout).toMatch(/^upload:upl_/);
  const wrong = runProgram(`${upload}${call("AAAA")}`, gateway);
  await expect(wrong).rejects.toMatchObject({
    stderr: expect.stringContaining("Choose another one"),
  });
  const noPicture = runProgram(`${upload}${call("AAAA", "text/plain")}`, gateway);
  await expect(noPicture).rejects.toMatchObject({
    stderr: expect.stringMatching(/contentType is no type of picture.*choose another file/),
  });
});

test("the fields for a picture that the pages name are the sandbox's", async () => {
  const { url } = runGateway({ DATABASE_URL: ":memory:" });
  const query = "{deployments{inputFields{name}}}";
  const response = await fetch(`${await url}/graphql?query=${query}`);
  const known = JSON.stringify(await response.json());
  for (const page of ["docs/frontend.md", "docs/client.md"])
    for (const [named] of readPage(page).matchAll(/\bctrl_\w+/g))
      expect(known).toContain(`"${named}"`);
});

test("what it tells to paste says why there is nothing to watch", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:" }).url;
  const [watch = ""] = readBlocks("docs/frontend.md", "Watch a job", "js");
  const unknown = `const data = { submitJob: { job: { id: "job_unknown" } } };\n${watch}`;
  await expect(runProgram(unknown, gateway)).rejects.toMatchObject({
    stderr: expect.stringContaining('You have no job "job_unknown"'),
  });
});

test("what the pages tell to paste watches all jobs, over a socket and as an event stream", async () => {
  const gateway = await runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" }).url;
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

test("the TypeScript that README and the pages on credentials and the client tell to paste has no wrong types", async () => {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  const steps = readBlocks("docs/auth.md", "Tokens for browsers, in five steps", "ts");
  const files = [
    ...readBlocks("README.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "Beside another client", "ts").slice(0, 1),
    ...steps,
  ];
  expect(files).toHaveLength(5);
  for (const [index, text] of files.entries())
    await writeFile(join(folder, `pasted-${index}.tsx`), text);
  const settings = {
    extends: join(ROOT, "examples/react/tsconfig.json"),
    compilerOptions: { types: ["node"] },
    include: [folder],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const compiler = join(ROOT, "node_modules/typescript/lib/tsc.js");
  const { stdout } = await run(process.execPath, [compiler, "-p", folder]).catch(
    (failure: { readonly stdout: string }) => failure,
  );
  expect(stdout).toBe("");
});
