import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished } from "vitest";

import { ask } from "../support/graphql-client.ts";
import { linkPackages } from "../support/link-packages.ts";
import { ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** What was pasted, but for the gateway's port. */
export function atPort(pasted: string, gateway: string): string {
  return pasted.replaceAll("127.0.0.1:4000", `127.0.0.1:${new URL(gateway).port}`);
}

export async function findFreePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = Object(server.address());
  await new Promise((closed) => server.close(closed));
  return String(port);
}

/** Runs a job of the sandbox to its end, and gives its id. */
export async function runJob(gateway: string): Promise<string> {
  const { submitPaperLantern } = await ask(
    gateway,
    `mutation { submitPaperLantern(input: { prompt: "A lantern" }, answerWithinSeconds: 20) {
      ... on SubmitJobSuccess { job { id status } }
    } }`,
  );
  expect(submitPaperLantern.job.status).toBe("SUCCEEDED");
  return submitPaperLantern.job.id;
}

/** Starts what ends only when it is stopped, and gives what it has printed by now. */
export function start(
  command: string,
  parameters: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
) {
  const child = spawn(command, parameters, { ...options, stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exit;
  };
  onTestFinished(kill);
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return Object.assign(() => printed, { kill });
}

/** What the compiler finds wrong with modules that were pasted, each into a file of its own. */
export async function checkTypes(files: readonly string[]): Promise<string> {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  for (const [index, text] of files.entries())
    await writeFile(join(folder, `pasted-${index}.tsx`), text);
  const settings = {
    extends: join(ROOT, "examples/react/tsconfig.json"),
    compilerOptions: { types: ["node"] },
    include: [folder],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const compiler = join(ROOT, "node_modules/typescript/lib/tsc.js");
  const compiling = promisify(execFile)(process.execPath, [compiler, "-p", folder]);
  return (await compiling.catch((failure: { readonly stdout: string }) => failure)).stdout;
}
