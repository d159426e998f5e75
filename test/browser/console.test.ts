import sharp from "sharp";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { createApiKeysFile, idOf } from "../auth/api-keys-file.ts";
import { hasChromium } from "../support/chromium.ts";
import { JobsDocument } from "../support/gql/operations.ts";
import { request, submit } from "../support/graphql-client.ts";
import { findBarriers, openConsole } from "./open-console.ts";
import { takePicture } from "./open-graphiql.ts";

const SOON = { timeout: 20_000, interval: 100 };
const WARM_GLOW = "6f1c2a9e-3b47-4d0e-9a51-7c8e21d4b601";
const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";

const main = async (page: Page) => (await page.locator("main").innerText()).replaceAll(/\s+/g, " ");

async function countJobs(origin: string): Promise<number> {
  return (await request(origin, JobsDocument, { first: 100 })).jobs.totalCount;
}

test.skipIf(!hasChromium)(
  "a person sees a picture they asked for, without a line of code",
  async () => {
    const { page, origin } = await openConsole("console-run");
    await page.getByLabel(/^Prompt/i).fill("A lantern on the water");
    await takePicture(page, "console-1-form");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/sending|waiting|running/);
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    await page.locator("main img").first().waitFor();
    await takePicture(page, "console-2-picture");
    expect(await findBarriers(page)).toEqual([]);
    expect(await countJobs(origin)).toBe(1);
    await page.reload();
    await page.locator("main img").first().waitFor();
    expect(await countJobs(origin)).toBe(1);
  },
);

test.skipIf(!hasChromium)(
  "a double click pays once, and every tab of a person hears of it",
  async () => {
    const { page, origin } = await openConsole("console-once", { SANDBOX_SPEED: "20" });
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs`);
    await other.getByText("live", { exact: true }).waitFor();
    await page.getByLabel(/^Prompt/i).fill("A lantern for two");
    await page.getByRole("button", { name: "Run", exact: true }).dblclick();
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    await expect.poll(() => main(other), SOON).toMatch(/A lantern for two.*done/);
    expect(await countJobs(origin)).toBe(1);
  },
);

test.skipIf(!hasChromium)(
  "a wrong value is marked beside its field before anything is paid for",
  async () => {
    const { page, origin } = await openConsole("console-issues");
    await page.getByLabel(/^Prompt/i).fill("A lantern");
    await page
      .getByLabel(/^Width/i)
      .last()
      .fill("10");
    await expect.poll(() => main(page), SOON).toMatch(/is 10/);
    await takePicture(page, "console-3-issues");
    expect(await countJobs(origin)).toBe(0);
  },
);

test.skipIf(!hasChromium)(
  "a picture that is dropped is uploaded and goes with the job",
  async () => {
    const { page, origin } = await openConsole("console-upload");
    const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.locator("input[type=file]").first().setInputFiles({
      name: "teal.png",
      mimeType: "image/png",
      buffer,
    });
    await expect.poll(() => main(page), SOON).toMatch(/teal\.png|Uploaded/);
    await page.getByLabel(/^Prompt/i).fill("Warmer");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    const { jobs } = await request(origin, JobsDocument, { first: 1 });
    expect(jobs.totalCount).toBe(1);
  },
);

test.skipIf(!hasChromium)(
  "the list is live, filters are in the address, and many jobs are deleted at once",
  { timeout: 60_000 },
  async () => {
    const { page, origin } = await openConsole("console-jobs", { SANDBOX_SPEED: "20" });
    for (const prompt of ["A red boat", "A blue boat", "[fail] A storm"])
      await submit(origin, LANTERN, prompt);
    await page.goto(`${origin}/jobs`);
    await page.getByText("A red boat").first().waitFor();
    await expect.poll(() => main(page), SOON).toMatch(/failed/);
    await submit(origin, LANTERN, "A late boat");
    await page.getByText("A late boat").first().waitFor();
    await takePicture(page, "console-4-jobs");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByText("[fail] A storm").first().click();
    await expect.poll(() => page.url(), SOON).toMatch(/\/jobs\/job_/);
    await expect.poll(() => main(page), SOON).toMatch(/The run failed/);
    await takePicture(page, "console-5-job");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Run again with changes" }).click();
    await expect.poll(() => page.getByLabel(/^Prompt/i).inputValue(), SOON).toBe("[fail] A storm");
    await page.goto(`${origin}/jobs`);
    await page.getByRole("checkbox", { name: "done" }).check({ force: true });
    await expect.poll(() => page.url(), SOON).toMatch(/\?status=/);
    await expect.poll(() => main(page), SOON).not.toContain("A storm");
    for (const prompt of ["A red boat", "A blue boat"])
      await page.getByRole("row", { name: prompt }).getByRole("checkbox").check();
    await page
      .getByRole("group", { name: "With the selected jobs" })
      .getByRole("button", { name: /Delete/ })
      .click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Delete/ })
      .click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await takePicture(page, "console-10-deleted");
  },
);

test.skipIf(!hasChromium)(
  "the gallery shows what succeeded, and deployments how they do",
  async () => {
    const { page, origin } = await openConsole("console-gallery", { SANDBOX_SPEED: "20" });
    await submit(origin, LANTERN, "A green hill");
    await page.goto(`${origin}/gallery`);
    await page.locator("main img").first().waitFor();
    await takePicture(page, "console-6-gallery");
    expect(await findBarriers(page)).toEqual([]);
    await page.goto(`${origin}/deployments`);
    await expect.poll(() => main(page), SOON).toMatch(/Paper Lantern/);
    await takePicture(page, "console-7-deployments");
    expect(await findBarriers(page)).toEqual([]);
  },
);

test.skipIf(!hasChromium)(
  "a gateway that is killed and started again loses nothing, and the page catches up by itself",
  { timeout: 90_000 },
  async () => {
    const { page, origin, gateway, restart } = await openConsole("console-killed", {
      SANDBOX_SPEED: "1",
    });
    await page.getByLabel(/^Prompt/i).fill("[slow] A lantern");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/waiting/);
    await gateway.kill("SIGKILL");
    await page.getByText("reconnecting").waitFor();
    await takePicture(page, "console-8-away");
    await restart();
    await page.getByText("live", { exact: true }).waitFor();
    await expect.poll(() => main(page), { timeout: 60_000 }).toMatch(/done/);
    expect(await countJobs(origin)).toBe(1);
  },
);

test.skipIf(!hasChromium)(
  "with an AUTH the page asks for a key, keeps it out of the address, and says when it is revoked",
  { timeout: 60_000 },
  async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { page } = await openConsole("console-sign-in", {
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
    });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await takePicture(page, "console-9-sign-in");
    expect(await findBarriers(page)).toEqual([]);
    const field = page.getByLabel("API key or token");
    await field.fill("rck_wrong");
    await field.press("Enter");
    await page.getByRole("alert").getByText("is not accepted").waitFor();
    await page.getByLabel("API key or token").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel(/^Prompt/i).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByText("sandbox: nothing costs money").waitFor();
    expect(page.url()).not.toContain(key);
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage])")).not.toContain(
      key,
    );
    await keys.run("revoke", idOf(key));
    await page.getByText("no longer signed in").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  },
);
