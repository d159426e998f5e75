import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { print } from "graphql";
import type { Page } from "playwright-core";
import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";

import { createCatalogueClient } from "../../../../src/commands/catalogue-client.ts";
import { runDeploymentsCommand } from "../../../../src/commands/deployments-command.ts";
import { SANDBOX, start } from "../../../gateway/open-gateway.ts";
import { openPage } from "../../../support/chromium.ts";
import { request } from "../../../support/graphql-client.ts";
import {
  DeleteJobDocument,
  JobDocument,
  JobsDocument,
  SubmitJobDocument,
} from "../../../support/gql/operations.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";

const LISTED = [DeleteJobDocument, JobDocument, JobsDocument, SubmitJobDocument];
/** A deployment of the sandbox that takes words alone. */
export const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
/** Others of the sandbox: one edits a picture, one is a ComfyUI workflow. */
export const WARM_GLOW = "6f1c2a9e-3b47-4d0e-9a51-7c8e21d4b601";
export const HARBOUR = "2c90d1f4-7e35-4b8a-a6d2-91f04be7c504";
export const SOON = { timeout: 20_000, interval: 200 };
/** Evaluated, because the page's policy lets no script in. */
const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core")), "utf8");
const FIND_BARRIERS = `axe.run().then(({ violations }) =>
  violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html.slice(0, 200))))`;

/**
 * The console of a gateway in this process, which runs the sandbox with these variables beside it. The gateway runs listed
 * documents only, and without introspection: those of the tests, and its page's own.
 */
export async function openConsole(
  environment: Readonly<Record<string, string>> = {},
  options: Parameters<typeof start>[1] = {},
): Promise<{ readonly page: Page; readonly origin: string }> {
  const documents = join(await createTemporaryFolder(), "documents.json");
  const listed = LISTED.map((document, index) => [`hash-${index}`, print(document)]);
  await writeFile(documents, JSON.stringify(Object.fromEntries(listed)));
  const variables = {
    ...SANDBOX,
    SANDBOX_SPEED: "4",
    TRUSTED_DOCUMENTS: documents,
    INTROSPECTION: "false",
    ...environment,
  };
  const { url: origin } = await start(variables, options);
  const { page } = await openPage();
  await page.goto(origin);
  return { page, origin };
}

/** A deployments file that only the command has written, by what RunComfy's lists say. */
export async function addAll(ids: readonly string[]): Promise<string> {
  const deploymentsFile = join(await createTemporaryFolder(), "deployments.json");
  const token = "sandbox";
  const sandbox = await startSandbox({ port: 0, token, speed: 1, dataFolder: null });
  onTestFinished(() => sandbox.close());
  const client = createCatalogueClient({ baseUrl: sandbox.url, modelUrl: sandbox.url, token });
  for (const id of ids)
    await runDeploymentsCommand(["add", id], async () => ({
      deploymentsFile,
      entryMembers: [],
      client,
      isSandbox: false,
    }));
  return deploymentsFile;
}

/** Opens the menu of the account, where what is no screen is. */
export async function openAccount(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Account: / }).click();
}

/** What axe finds on the page as it is that keeps people out. */
export async function findBarriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return z.array(z.string()).parse(await page.evaluate(FIND_BARRIERS));
}

/** Jobs with these prompts and the seed 7, oldest first, once all have their pictures. */
export async function makePictures(
  origin: string,
  prompts: readonly string[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const prompt of prompts) {
    const variables = { deploymentId: LANTERN, input: { prompt, seed: 7 }, idempotencyKey: null };
    const { submitJob } = await request(origin, SubmitJobDocument, variables);
    if (submitJob.__typename === "SubmitJobSuccess") ids.push(submitJob.job.id);
  }
  const isDone = async (id: string) =>
    (await request(origin, JobDocument, { id })).job?.status === "SUCCEEDED";
  for (const id of ids) await expect.poll(() => isDone(id), SOON).toBe(true);
  return ids;
}

export const promptOf = (page: Page) => page.getByLabel(/^Prompt/i);
/** A button of this name; what it costs may follow that. */
export const button = (page: Page, name: string) =>
  page.getByRole("button", { name: new RegExp(`^${name}(, .*)?$`) });

export async function expectMain(page: Page, text: RegExp): Promise<void> {
  await expect.poll(() => main(page), SOON).toMatch(text);
}

export async function main(page: Page): Promise<string> {
  return (await page.locator("main").innerText()).replaceAll(/\s+/g, " ");
}

export async function runPrompt(page: Page, prompt: string): Promise<void> {
  await promptOf(page).fill(prompt);
  await button(page, "Run").click();
}
