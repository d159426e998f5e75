import { join } from "node:path";

import { pino } from "pino";
import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import workflow from "../../sandbox/src/workflow.json" with { type: "json" };
import { createCatalogueClient } from "../../src/commands/catalogue-client.ts";
import { runDeploymentsCommand } from "../../src/commands/deployments-command.ts";
import { start } from "../gateway/open-gateway.ts";
import { readBlocks } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const ADDED = ["acestep-ai/ace-step-1.5/text-to-audio", workflow.id];

test("the search that the docs and the help show finds a model of the sandbox, which the docs then add", async () => {
  const token = "of-the-sandbox";
  const log = pino({ level: "silent" });
  const sandbox = await startSandbox({ port: 0, token, speed: 50, dataFolder: null, log });
  onTestFinished(() => sandbox.close());
  const client = createCatalogueClient({ baseUrl: sandbox.url, modelUrl: sandbox.url, token });
  const run = (...words: readonly string[]) =>
    runDeploymentsCommand(words, async () => ({
      ...{ deploymentsFile: null, entryMembers: [], client, isSandbox: false },
    }));
  const [commands = ""] = readBlocks("docs/deployments.md", "Commands", "sh");
  const [, words = ""] = /search -- (.+)/.exec(commands) ?? [];
  const [, id = ""] = /add -- (.+)/.exec(commands) ?? [];
  expect((await run("search", ...words.split(" "))).result).toContain(id);
  expect((await run("search", "--help")).remark).toMatch(new RegExp(`search -- ${words} {2}`));
});

test("what the command has added runs by the mutation that it has printed", async () => {
  const token = "of-the-sandbox";
  const log = pino({ level: "silent" });
  const sandbox = await startSandbox({ port: 0, token, speed: 50, dataFolder: null, log });
  onTestFinished(() => sandbox.close());
  const { url } = sandbox;
  const deploymentsFile = join(await createTemporaryFolder(), "deployments.json");
  const client = createCatalogueClient({ baseUrl: url, modelUrl: url, token });
  const printed: string[] = [];
  for (const id of ADDED) {
    const setting = async () => ({ deploymentsFile, entryMembers: [], client, isSandbox: false });
    const { result } = await runDeploymentsCommand(["add", id], setting);
    printed.push(result ?? "");
  }

  const { ask } = await start({
    ...{ RUNCOMFY_BASE_URL: url, RUNCOMFY_MODEL_URL: url, RUNCOMFY_API_TOKEN: token },
    DEPLOYMENTS_FILE: deploymentsFile,
  });
  const run = async (mutation: string, input: object) => {
    const [result] = Object.values(await ask(mutation, { input }));
    expect(result).toMatchObject({ job: { id: expect.any(String) } });
    const read = `{ job(id: "${Object(result).job.id}") { status kind input assets { kind } } }`;
    await expect.poll(async () => (await ask(read)).job.status).toBe("SUCCEEDED");
    return (await ask(read)).job;
  };
  const [ofModel = "", ofWorkflow = ""] = printed;
  const sound = { tags: "piano", duration: 5 };
  expect(await run(ofModel, sound)).toMatchObject({
    ...{ kind: "MODEL", input: sound },
    assets: [{ kind: "AUDIO" }],
  });
  const harbour = { prompt: "a harbour", image: "https://files.example.com/a.png", seed: 7 };
  expect(await run(ofWorkflow, harbour)).toMatchObject({
    ...{ kind: "COMFYUI", input: harbour },
    assets: [{ kind: "IMAGE" }, { kind: "IMAGE" }, { kind: "VIDEO" }],
  });
});
