import { mkdir } from "node:fs/promises";

import type { Page } from "playwright-core";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";

import { hasChromium, openPage } from "../support/chromium.ts";
import { JobDocument } from "../support/gql/operations.ts";
import { runGateway } from "../support/gateway-process.ts";
import { request, submit } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const ARTIFACTS = new URL("../../artifacts/", import.meta.url).pathname;
const TABS = ["Deployments", "Submit", "Watch", "Jobs", "Cancel"];
/** The sandbox's deployment that needs nothing but a prompt. */
const PAPER_LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const PATIENCE_MS = 90_000;

test.skipIf(!hasChromium)(
  "GraphiQL takes a newcomer from the deployments to a live picture and a cancelled job, with no internet",
  { timeout: PATIENCE_MS },
  async () => {
    const folder = await createTemporaryFolder();
    const gateway = runGateway({ DATABASE_URL: `file:${folder}/gateway.db`, SANDBOX_SPEED: "4" });
    const origin = await gateway.url;
    const { page, foreignRequests, errors, close } = await openPage();
    onTestFinished(async () => {
      await takePicture(page, "last"); // What it looked like where the test failed.
      await close();
    });
    page.setDefaultTimeout(20_000);

    await page.goto(origin);
    expect(new URL(page.url()).pathname).toBe("/graphql");
    const tabs = page.locator(".graphiql-tab-button");
    await tabs.first().waitFor();
    expect(await tabs.allTextContents()).toEqual(TABS);

    await run(page, "Warm Glow");
    await takePicture(page, "1-deployments");

    const jobId = await submitFromTab(page);
    await takePicture(page, "2-submit");

    await openTab(page, "Watch");
    await setJobId(page, jobId);
    const socketFrames = recordSocketFrames(page);
    await run(page, "SUCCEEDED");
    await takePicture(page, "3-watch");
    expect(socketFrames.filter((frame) => frame.type === "next").length).toBeGreaterThan(1);
    await expect.poll(() => socketFrames.at(-1)?.type).toBe("complete");

    const { job } = await request(origin, JobDocument, { id: jobId });
    expect(job?.status).toBe("SUCCEEDED");
    await opensPicture(page, job?.assets[0]?.url ?? "", { width: 1_024, height: 1_024 });

    await openTab(page, "Jobs");
    await run(page, jobId);
    await takePicture(page, "4-jobs");

    await openTab(page, "Cancel");
    await setJobId(page, await queueFarBehind(origin));
    await run(page, "CANCELLED");
    await takePicture(page, "5-cancel");

    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
);

/** Submits the prefilled example, and gives the id that a newcomer reads in the answer. */
async function submitFromTab(page: Page): Promise<string> {
  await openTab(page, "Submit");
  await run(page, "SubmitJobSuccess");
  const text = await page.locator(".result-window .view-lines").innerText();
  return /job_[\w-]+/.exec(text)?.[0] ?? "";
}

async function openTab(page: Page, name: string): Promise<void> {
  await page.locator(".graphiql-tab-button", { hasText: name }).click();
}

/** Runs the tab's operation until the result shows a text. */
async function run(page: Page, expected: string): Promise<void> {
  const execute = page.getByRole("button", { name: /^Execute query/ });
  const result = page.locator(".result-window .view-lines");
  await execute.click();
  await expect
    .poll(
      async () => {
        // The editor shows all spaces as unbreakable ones.
        const text = (await result.innerText()).replaceAll("\u00a0", " ");
        // GraphiQL learns the name of a tab's operation a moment after the tab has opened.
        if (text.includes("Cannot infer operation")) await execute.click();
        return text;
      },
      { timeout: 20_000, interval: 100 },
    )
    .toContain(expected);
}

async function setJobId(page: Page, id: string): Promise<void> {
  const variables = page.locator("section[aria-label=Variables]");
  await variables.locator(".view-lines", { hasText: '"id"' }).click();
  await page.keyboard.press("ControlOrMeta+A");
  // Pasted, because the editor adds closing braces to what is typed.
  const text = JSON.stringify({ id }, null, 2);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.keyboard.press("ControlOrMeta+V");
}

function recordSocketFrames(page: Page): readonly { readonly type: string }[] {
  const frames: { type: string }[] = [];
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => frames.push(JSON.parse(String(payload))));
  });
  return frames;
}

async function opensPicture(
  page: Page,
  url: string,
  size: { readonly width: number; readonly height: number },
): Promise<void> {
  const picture = await page.context().newPage();
  const response = await picture.goto(url);
  expect(response?.status()).toBe(200);
  expect(response?.headers()["content-type"]).toMatch(/^image\//);
  await picture.locator("img").waitFor();
  expect(await sharp(await response?.body()).metadata()).toMatchObject(size);
  await picture.close();
}

async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}graphiql-${name}.png` });
}

/** A job with so many in front of it that it still waits when the cancel arrives. */
async function queueFarBehind(origin: string): Promise<string> {
  const queue = () => submit(origin, PAPER_LANTERN, "A harbour at night");
  await Promise.all(Array.from({ length: 30 }, queue));
  const { id } = await queue();
  return id;
}
