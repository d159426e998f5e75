import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { hasChromium } from "../support/chromium.ts";
import { JobDocument } from "../support/gql/operations.ts";
import { request, submit } from "../support/graphql-client.ts";
import { openGraphiql, openTab, readResult, run, takePicture } from "./open-graphiql.ts";

const TABS = ["Deployments", "Submit", "Watch", "WatchAll", "Jobs", "Cancel"];
/** The sandbox's deployment that needs nothing but a prompt. */
const PAPER_LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const PATIENCE_MS = 90_000;
const SOON = { timeout: 20_000, interval: 100 };

test.skipIf(!hasChromium)(
  "GraphiQL takes a newcomer from the deployments to a live picture and a cancelled job, with no internet",
  { timeout: PATIENCE_MS },
  async () => {
    const { origin, page, foreignRequests, errors } = await openGraphiql("graphiql");

    expect(new URL(page.url()).pathname).toBe("/graphql");
    expect(await page.locator(".graphiql-tab-button").allTextContents()).toEqual(TABS);

    await run(page, "Warm Glow");
    await takePicture(page, "graphiql-1-deployments");

    for (const name of ["Watch", "Cancel"]) {
      await openTab(page, name);
      await run(page, "There is no job yet. Run tab 2");
    }

    const jobId = await submitFromTab(page);
    await takePicture(page, "graphiql-2-submit");

    await openTab(page, "Watch");
    const socketFrames = recordSocketFrames(page);
    await run(page, "SUCCEEDED");
    await takePicture(page, "graphiql-3-watch");
    // What was sent is shown, as an app would send it.
    expect(await readVariables(page)).toContain(`"id": "${jobId}"`);
    expect(socketFrames.filter((frame) => frame.type === "next").length).toBeGreaterThan(1);
    await expect.poll(() => socketFrames.at(-1)?.type).toBe("complete");

    const { job } = await request(origin, JobDocument, { id: jobId });
    expect(job?.status).toBe("SUCCEEDED");
    await opensPicture(page, job?.assets[0]?.url ?? "", { width: 1_024, height: 1_024 });

    await openTab(page, "WatchAll");
    await run(page, '"reset": true');
    const later = await submit(origin, PAPER_LANTERN, "A harbour by day");
    await expect.poll(() => readResult(page), SOON).toContain(later.id);

    await openTab(page, "Jobs");
    await run(page, jobId);
    await takePicture(page, "graphiql-4-jobs");

    await openTab(page, "Cancel");
    const queuedId = await queueFarBehind(origin);
    await run(page, "CANCELLED");
    expect(await readResult(page)).toContain(queuedId);
    await takePicture(page, "graphiql-5-cancel");

    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
);

test.skipIf(!hasChromium)(
  "GraphiQL begins its docs with what the API is for, and leaves a newcomer the time to cancel what was submitted",
  { timeout: PATIENCE_MS },
  async () => {
    const { page } = await openGraphiql("newcomer", { SANDBOX_SPEED: "1" });
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    const docs = page.locator(".graphiql-doc-explorer-content");
    await expect
      .poll(() => docs.innerText(), SOON)
      .toMatch(/^Runs LoRA deployments[^]*Submit[^]*Watch[^]*Show/);
    await takePicture(page, "newcomer-1-docs");
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();

    const jobId = await submitFromTab(page);
    await openTab(page, "Watch");
    await run(page, '"queuePosition": 4');
    await expect.poll(() => readResult(page), SOON).toContain('"queuePosition": 3');
    await takePicture(page, "newcomer-2-queued");
    await openTab(page, "Cancel");
    await run(page, "CANCELLED");
    expect(await readResult(page)).toContain(jobId);
  },
);

/** Submits the prefilled example, and gives the id that a newcomer reads in the answer. */
async function submitFromTab(page: Page): Promise<string> {
  await openTab(page, "Submit");
  await run(page, "SubmitJobSuccess");
  return /job_[\w-]+/.exec(await readResult(page))?.[0] ?? "";
}

async function readVariables(page: Page): Promise<string> {
  const lines = page.locator(
    "section[aria-label=Variables] .graphiql-editor:not(.hidden) .view-lines",
  );
  return (await lines.innerText()).replaceAll(/\s+/g, " ");
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
  await picture.locator(`svg[width="${size.width}"][height="${size.height}"] text`).waitFor();
  await picture.close();
}

/** A job with so many in front of it that it still waits when the cancel arrives. */
async function queueFarBehind(origin: string): Promise<string> {
  const queue = () => submit(origin, PAPER_LANTERN, "A harbour at night");
  await Promise.all(Array.from({ length: 30 }, queue));
  const { id } = await queue();
  return id;
}
