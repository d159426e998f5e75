import { execFile, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import { copyProject } from "../support/gateway-process.ts";

const run = promisify(execFile);
const LORA = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";

function openProgram(variables: Readonly<Record<string, string>> = {}) {
  const cwd = copyProject();
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const settings = { cwd, env: { PATH, NODE_COMPILE_CACHE, ...variables } };
  const program = (...words: readonly string[]) =>
    run(process.execPath, ["src/bin.ts", "verify", ...words], settings);
  return { cwd, settings, program };
}

test("without a token it says how to set one, and with wrong words which it takes", async () => {
  const { program } = openProgram();
  await expect(program()).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^RUNCOMFY_API_TOKEN is not set.*UPSTREAM=sandbox npm run/),
  });
  await expect(program("--cash")).rejects.toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("npm run --silent verify -- --model ID --spend"),
  });
  // Standard input is no terminal here.
  writeFileSync(join(openProgram().cwd, "input.json"), "{}");
  await expect(
    program("--deployment", LORA, "--spend", "--input", "package.json"),
  ).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Without a terminal, --spend needs --yes\. Nothing was sent\./),
  });
});

test("help that was asked for goes to standard output", async () => {
  const { stdout, stderr } = await openProgram().program("--help");
  expect(stdout).toMatch(/^npm run --silent verify -- /);
  expect(stderr).toBe("");
});

test("it reads a sandbox of its own where that is asked for, and leaves nothing", async () => {
  const { cwd, program } = openProgram({ UPSTREAM: "sandbox" });
  const before = readdirSync(cwd);
  const { stdout, stderr } = await program();
  expect(stdout).toMatch(/^The sandbox answered, .*: 0 different, /);
  expect(stderr).toBe("");
  // What Node has compiled is kept beside the program.
  const left = readdirSync(cwd).filter((name) => name !== ".cache");
  expect(left.toSorted()).toEqual(before.toSorted());
});

test("Ctrl-C cancels the jobs of a sandbox that was named by its address", async () => {
  const sandbox = await startSandbox({ port: 0, token: "sandbox", speed: 1, dataFolder: null });
  onTestFinished(() => sandbox.close());
  const { url } = sandbox;
  const { cwd, settings } = openProgram({
    ...{ RUNCOMFY_BASE_URL: url, RUNCOMFY_MODEL_URL: url, RUNCOMFY_API_TOKEN: "sandbox" },
  });
  writeFileSync(join(cwd, "input.json"), '{"prompt":"[slow] a lantern"}');
  const words = ["--deployment", LORA, "--spend", "--yes", "--input", "input.json"];
  const child = spawn(process.execPath, ["src/bin.ts", "verify", ...words], settings);
  onTestFinished(() => void child.kill("SIGKILL"));
  let [printed, report] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (report += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  await expect.poll(() => printed).toMatch(/: in_queue\n/);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  const [, id = ""] = / accepted (\S+)\.\n/.exec(printed) ?? [];
  expect(printed).toContain(`${id} of ${LORA} is cancelled.`);
  expect(report).toMatch(/^Another address than RunComfy's answered/);
  const path = `${url}/prod/v1/deployments/${LORA}/requests/${id}/status`;
  const status = await fetch(path, { headers: { authorization: "Bearer sandbox" } });
  expect(await status.json()).toMatchObject({ status: "cancelled" });
});
