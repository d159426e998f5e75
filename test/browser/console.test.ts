import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { pino } from "pino";
import sharp from "sharp";
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { advance } from "../../src/job/advance.ts";
import { createJob } from "../../src/job/job.ts";
import { openStore } from "../../src/store/open-store.ts";
import sandbox from "../../sandbox/src/deployments.json" with { type: "json" };
import { createApiKeysFile, idOf } from "../auth/api-keys-file.ts";
import { hasChromium } from "../support/chromium.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { DeleteJobDocument, JobDocument, JobsDocument } from "../support/gql/operations.ts";
import { request, submit } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { writeManyJobs } from "./many-jobs.ts";
import { findBarriers, holdUploads, openConsole } from "./open-console.ts";
import { takePicture } from "./open-graphiql.ts";

const SOON = { timeout: 20_000, interval: 100 };
const WARM_GLOW = "6f1c2a9e-3b47-4d0e-9a51-7c8e21d4b601";
const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const SLOW_TIDE = "e4079b13-5ad8-4c62-b7e9-f31d60a82c03";

const SENT = z.object({ variables: z.object({ key: z.string() }) });

const main = async (page: Page) => (await page.locator("main").innerText()).replaceAll(/\s+/g, " ");

const focused = async (page: Page) => await page.locator(":focus").innerText();

async function countJobs(origin: string): Promise<number | null> {
  return (await request(origin, JobsDocument, { first: 100 })).jobs.totalCount;
}

test.skipIf(!hasChromium)(
  "a person sees a picture they asked for, without a line of code",
  { timeout: 60_000 },
  async () => {
    const { page, origin } = await openConsole("console-run");
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.getByLabel("Deployment", { exact: true }).focus();
    for (const id of [LANTERN, SLOW_TIDE]) {
      await page.keyboard.press("ArrowDown");
      await page.waitForURL(`${origin}/run/${id}`);
    }
    await page.keyboard.press("ArrowUp");
    await page.waitForURL(`${origin}/run/${LANTERN}`);
    await page.getByLabel(/^Prompt/i).fill("A lantern on the water");
    await takePicture(page, "console-1-form");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Run", exact: true }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => main(page), SOON).toMatch(/sending|waiting|running/);
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    await page.locator("main img").first().waitFor();
    await takePicture(page, "console-2-picture");
    expect(await findBarriers(page)).toEqual([]);
    expect(await countJobs(origin)).toBe(1);
    await page.locator("button:focus", { hasText: /^Run$/ }).waitFor();
    await page.reload();
    await page.locator("main img").first().waitFor();
    expect(await countJobs(origin)).toBe(1);
    // One run tells nothing of the next.
    expect(await main(page)).not.toContain("A run takes");
  },
);

test.skipIf(!hasChromium)(
  "a double click pays once, also of a gateway that restarts, and every tab of a person hears of it",
  async () => {
    const { page, origin } = await openConsole("console-once", { SANDBOX_SPEED: "20" });
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs`);
    await other.getByText("live", { exact: true }).waitFor();
    const unavailable = { message: "Try again.", extensions: { code: "UNAVAILABLE" } };
    let answers = 0;
    await page.route("**/graphql", async (route) => {
      const isSubmit = route.request().postData()?.includes("mutation Run(") === true;
      if (isSubmit) answers += 1;
      if (!isSubmit || answers > 1) return await route.continue();
      return await route.fulfill({ status: 503, json: { errors: [unavailable] } });
    });
    await page.getByLabel(/^Prompt/i).fill("A lantern for two");
    await page.getByRole("button", { name: "Run", exact: true }).dblclick();
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    await expect.poll(() => main(other), SOON).toMatch(/A lantern for two.*done/);
    expect(await countJobs(origin)).toBe(1);
  },
);

test.skipIf(!hasChromium)(
  "a job that waits is cancelled, and one that is done is run again with a new seed",
  { timeout: 60_000 },
  async () => {
    const { page, origin } = await openConsole("console-cancel", { SANDBOX_SPEED: "2" });
    await page.getByLabel(/^Prompt/i).fill("A lantern that nobody wants");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/cancelled/);
    await page.getByLabel(/^Prompt/i).fill("A lantern once more");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    await page.getByText("As code").click();
    const code = page.locator(".run-code pre");
    await code.waitFor();
    await page.getByRole("button", { name: "Again with a new seed" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => countJobs(origin), SOON).toBe(3);
    await page.getByText("Sending…").waitFor({ state: "detached" });
    await page.locator("button:focus", { hasText: "Again with a new seed" }).waitFor();
    const promised = await code.innerText();
    const [sent] = await Promise.all([
      page.waitForRequest((asked) => asked.postData()?.includes("mutation Run(") === true),
      // So long after an answer it is meant as another job.
      page.getByRole("button", { name: "Run", exact: true }).click({ delay: 1_000 }),
    ]);
    expect(promised).toContain(SENT.parse(sent.postDataJSON()).variables.key);
    await expect.poll(() => countJobs(origin), SOON).toBe(4);
    const { jobs } = await request(origin, JobsDocument, { first: 4 });
    expect(jobs.edges.map(({ node }) => node.status)).toContain("CANCELLED");
  },
);

test.skipIf(!hasChromium)(
  "a wrong value is marked beside its field before anything is paid for, also where nothing outlives a reload",
  async () => {
    const { page, origin } = await openConsole("console-issues");
    await page.addInitScript(
      "Object.defineProperty(self, 'sessionStorage', { get: () => null() })",
    );
    await page.reload();
    await page.getByLabel(/^Prompt/i).fill("قارب, red");
    expect(await page.locator("textarea:dir(rtl)").count()).toBe(1);
    await page
      .getByLabel(/^Width/i)
      .last()
      .fill("10");
    await expect.poll(() => main(page), SOON).toMatch(/is 10/);
    await takePicture(page, "console-3-issues");
    await page.getByLabel(/^Seed/i).pressSequentially("12-34");
    await page
      .getByLabel(/^Width/i)
      .last()
      .fill("1030");
    await page.getByText("is rounded down").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel(/^Prompt/i).fill("");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("Seed is no number").waitFor();
    await page.getByLabel(/^Seed/i).fill("12");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("Correct the marked fields").waitFor();
    await takePicture(page, "console-14-refused");
    expect(await findBarriers(page)).toEqual([]);
    expect(await countJobs(origin)).toBe(0);
  },
);

test.skipIf(!hasChromium)(
  "a picture that is given is uploaded and goes with the job, unless another was given meanwhile",
  async () => {
    const file = join(await createTemporaryFolder(), "deployments.json");
    const picture = { type: "string", format: "image_uri" };
    const inputSchema = { properties: { pictures: { type: "array", items: picture } } };
    const board = { id: "board", name: "Board", inputSchema };
    await writeFile(file, JSON.stringify({ deployments: [...sandbox.deployments, board] }));
    const { page, origin } = await openConsole("console-upload", { DEPLOYMENTS_FILE: file });
    const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const give = (name: string, slot = 0) =>
      page
        .locator("input[type=file]")
        .nth(slot)
        .setInputFiles({ name, mimeType: "image/png", buffer });

    await page.goto(`${origin}/run/board`);
    const addresses = page.getByPlaceholder(/its address/);
    await addresses.fill("https://127.0.0.1/old.png");
    let letUploadsGo = await holdUploads(page);
    await give("first.png");
    await give("second.png", 1);
    letUploadsGo();
    for (const name of ["first.png", "second.png"])
      await page.getByText(name, { exact: true }).waitFor();

    await page.goto(`${origin}/run/${WARM_GLOW}`);
    letUploadsGo = await holdUploads(page);
    const arrived = page.waitForResponse(/\/uploads\//);
    await give("wrong.png");
    await page.getByText("Uploading wrong.png").waitFor();
    await addresses.first().fill("https://127.0.0.1/right.png");
    letUploadsGo();
    await arrived;
    await page.getByLabel(/^Prompt/i).fill("Warmer");
    expect(await addresses.first().inputValue()).toBe("https://127.0.0.1/right.png");

    await give("teal.png");
    await page.getByText("teal.png", { exact: true }).waitFor();
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
    const ids = new Map<string, string>();
    for (const prompt of ["A red boat", "A blue boat", "[fail] A storm"])
      ids.set(prompt, (await submit(origin, LANTERN, prompt)).id);
    const prompt = page.getByLabel(/^Prompt/i);
    await prompt.fill("A boat that was not sent yet");
    await page.goto(`${origin}/jobs`);
    await page.getByText("A red boat").first().waitFor();
    await expect.poll(() => main(page), SOON).toMatch(/failed/);
    await submit(origin, LANTERN, "A late boat");
    await page.getByText("A late boat").first().waitFor();
    await takePicture(page, "console-4-jobs");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByText("[fail] A storm").first().click();
    await expect.poll(() => page.url(), SOON).toMatch(/\/jobs\/job_/);
    await expect.poll(() => main(page), SOON).toMatch(/The run failed.* It is a new job\. /);
    await page.getByRole("rowheader", { name: "Prompt", exact: true }).waitFor();
    await takePicture(page, "console-5-job");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Run again with changes" }).click();
    await expect.poll(() => prompt.inputValue(), SOON).toBe("[fail] A storm");
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await prompt.inputValue()).toBe("A boat that was not sent yet");
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await prompt.inputValue()).toBe("");
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await prompt.inputValue()).toBe("A boat that was not sent yet");
    // What Tab leads to does not lie below the bar of the button.
    await page.setViewportSize({ width: 1_280, height: 600 });
    await page.getByText("More", { exact: true }).click();
    await page.evaluate("scrollTo(0, 0)");
    await page.getByText("More", { exact: true }).focus();
    for (let presses = 0; presses < 8; presses += 1) await page.keyboard.press("Tab");
    const reached = await page.locator("textarea:focus").boundingBox();
    const bar = await page.locator(".run-bar").boundingBox();
    expect((reached?.y ?? 0) + (reached?.height ?? 0)).toBeLessThan(bar?.y ?? 0);
    await page.goto(`${origin}/jobs`);
    await page.getByRole("checkbox", { name: "done" }).check({ force: true });
    await expect.poll(() => page.url(), SOON).toMatch(/\?status=/);
    await expect.poll(() => main(page), SOON).not.toContain("A storm");
    for (const prompt of ["A red boat", "A blue boat"])
      await page.getByRole("row", { name: prompt }).getByRole("checkbox").check();
    // Keys of the page are heard beside a box, and whoever comes back finds what they left.
    await page.getByRole("checkbox", { name: "done" }).focus();
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: "A late boat" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.title(), SOON).toMatch(/^A late boat/);
    await page.getByRole("button", { name: "Run again", exact: true }).click();
    await page.getByRole("dialog").getByText("It is a new job.").waitFor();
    await page.getByRole("button", { name: "Don't run it" }).click();
    await page.goBack();
    await expect.poll(() => page.title(), SOON).toMatch(/^Jobs/);
    await expect.poll(() => focused(page), SOON).toContain("A late boat");
    await page.getByText("2 selected").waitFor();
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs/${ids.get("A red boat")}`);
    await other.getByText("live", { exact: true }).waitFor();
    await request(origin, DeleteJobDocument, { id: ids.get("A blue boat") ?? "" });
    await page
      .getByRole("group", { name: "With the selected jobs" })
      .getByRole("button", { name: /Delete/ })
      .click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Delete/ })
      .click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await page.getByText("2 deleted", { exact: true }).waitFor();
    expect(await main(page)).not.toMatch(/A (red|blue) boat/);
    await other.getByText("There is no such job").waitFor();
    await expect.poll(() => focused(page), SOON).toContain("A late boat");
    await takePicture(page, "console-10-deleted");
  },
);

test.skipIf(!hasChromium)(
  "what is searched for is found among all jobs, and new ones that hold it once the page is loaded again",
  { timeout: 120_000 },
  async () => {
    const { page, origin } = await openConsole("console-search", { SANDBOX_SPEED: "100" });
    await submit(origin, LANTERN, "An old sailor");
    // More than a page of the list, where nobody else waits behind them.
    for (let count = 0; count < 120; count += 1) await submit(origin, SLOW_TIDE, `A boat ${count}`);
    await page.goto(`${origin}/jobs`);
    await page.getByText("A boat 119").first().waitFor();
    await page.locator(".job").first().focus();
    await page.keyboard.press("End");
    await page.getByText("A boat 119").waitFor({ state: "detached" });
    await submit(origin, SLOW_TIDE, "A boat 120");
    await page.getByRole("button", { name: "↑ 1 new job" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".job:focus", { hasText: "A boat 120" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("SA");
    await page.getByText("at least 3 letters").waitFor();
    await page.keyboard.type("ilor");
    await expect.poll(() => page.url(), SOON).toContain("text=SAilor");
    await page.getByText("An old sailor").first().waitFor();
    expect(await main(page)).not.toContain("A boat");
    await submit(origin, LANTERN, "Another boat");
    await submit(origin, LANTERN, "A young sailor");
    await page.getByText("1 job found").waitFor();
    await page.reload();
    await page.getByText("A young sailor").first().waitFor();
    await page.getByText("2 jobs found").waitFor();
    expect(await main(page)).not.toContain("Another boat");
    await takePicture(page, "console-11-search");
    expect(await findBarriers(page)).toEqual([]);
    await page.goto(`${origin}/gallery?text=sailor`);
    const pictures = page.locator(".gallery-tile");
    await expect.poll(() => pictures.count(), SOON).toBe(2);
    await submit(origin, LANTERN, "No seaman");
    const { id } = await submit(origin, LANTERN, "The last sailor");
    await expect
      .poll(async () => (await request(origin, JobDocument, { id })).job?.status, SOON)
      .toBe("SUCCEEDED");
    await page.reload();
    await expect.poll(() => pictures.count(), SOON).toBe(3);
    await page.getByRole("link", { name: /The last sailor/ }).click();
    await page.getByRole("dialog", { name: /The last sailor/ }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: /A young sailor/ }).waitFor();
  },
);

test.skipIf(!hasChromium)(
  "the footer tells of an outage, and what may be running already runs again only after a question",
  async () => {
    const { page, origin } = await openConsole("console-outage", {
      RUNCOMFY_BASE_URL: "http://127.0.0.1:1",
      RUNCOMFY_API_TOKEN: "token",
    });
    await page.getByText("RunComfy: jobs cost money").waitFor();
    await page.getByText("RunComfy may not answer at the moment").waitFor();
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.getByRole("textbox").fill('{"prompt": "A lantern"}');
    const run = page.getByRole("button", { name: "Run", exact: true });
    await run.click();
    await page.getByText("did not confirm").first().waitFor();
    await page.reload();
    await run.click();
    await page.getByRole("dialog").getByText("may have cost money").waitFor();
    await page.getByRole("button", { name: "Don't run it" }).click();
    expect(await countJobs(origin)).toBe(1);
    await run.click();
    await page.getByRole("button", { name: "Run again", exact: true }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    for (let count = 0; count < 5; count += 1)
      await expect(submit(origin, WARM_GLOW, "A lantern")).rejects.toThrow("UpstreamError");
    await page.reload();
    await page.getByText(/RunComfy: failing/).waitFor();
    await takePicture(page, "console-12-outage");
    await page.goto(`${origin}/jobs`);
    await page.getByText("A lantern").first().click();
    await expect.poll(() => main(page), SOON).toContain("At RunComfy not known");
  },
);

test.skipIf(!hasChromium)(
  "where RunComfy refuses the gateway's token, the first screen says so, and not to make a deployment",
  async () => {
    const upstream = await startFaultyUpstream();
    onTestFinished(() => upstream.close());
    const { page } = await openConsole("console-token", {
      RUNCOMFY_BASE_URL: upstream.url,
      RUNCOMFY_API_TOKEN: "wrong",
    });
    const screen = page.locator("main");
    await screen.getByText("Set RUNCOMFY_API_TOKEN").waitFor();
    expect(await main(page)).not.toMatch(/make one/i);
    await page.locator("footer").getByText("refuses this gateway's token").waitFor();
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByRole("heading", { name: "Deployments" }).waitFor();
    await screen.getByText("Set RUNCOMFY_API_TOKEN").waitFor();
    expect(await main(page)).not.toMatch(/deploy a lora/i);
    expect(await findBarriers(page)).toEqual([]);
  },
);

test.skipIf(!hasChromium)(
  "where only listed documents run, those of the page do",
  { timeout: 60_000 },
  async () => {
    const folder = await createTemporaryFolder();
    const file = join(folder, "documents.json");
    await writeFile(file, '{ "hash": "{ __typename }" }');
    const { page, origin } = await openConsole("console-trusted", {
      TRUSTED_DOCUMENTS: file,
      INTROSPECTION: "false",
      SANDBOX_SPEED: "20",
    });
    await page.getByLabel(/^Prompt/i).fill("A lantern");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    for (const path of ["jobs", "gallery", "deployments"]) {
      await page.goto(`${origin}/${path}`);
      await page.getByText("live", { exact: true }).waitFor();
      expect(await main(page)).not.toContain("listed documents");
    }
    await expect(countJobs(origin)).rejects.toThrow("PERSISTED_QUERY_REQUIRED");
  },
);

test.skipIf(!hasChromium)(
  "the gallery shows what succeeded, and deployments how they do",
  async () => {
    const { page, origin } = await openConsole("console-gallery", { SANDBOX_SPEED: "20" });
    const { id } = await submit(origin, LANTERN, "A green hill");
    await page.goto(`${origin}/jobs/${id}`);
    await page.getByText("Kept here,").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^paper-lantern-[0-9a-f]{8}-1\.svg$/);
    await page.goto(`${origin}/gallery`);
    await page.locator("main img").first().waitFor();
    await takePicture(page, "console-6-gallery");
    expect(await findBarriers(page)).toEqual([]);
    await page.goto(`${origin}/deployments`);
    await expect.poll(() => main(page), SOON).toMatch(/Paper Lantern/);
    await takePicture(page, "console-7-deployments");
    expect(await findBarriers(page)).toEqual([]);
    await page.goto(origin);
    await page.getByLabel(/^Prompt/i).waitFor();
    await page.goBack();
    await expect.poll(() => page.url(), SOON).toBe(`${origin}/deployments`);
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
    const again = await restart();
    await page.getByText("live", { exact: true }).waitFor();
    await expect.poll(() => main(page), { timeout: 60_000 }).toMatch(/done/);
    expect(await countJobs(origin)).toBe(1);
    // A screen that was first opened meanwhile comes as well, where no job's change makes it ask.
    await page.goto(`${origin}/jobs`);
    await page.getByText("live", { exact: true }).waitFor();
    await again.kill("SIGKILL");
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByText("No answer came").waitFor();
    await restart();
    await page.getByRole("heading", { name: "Paper Lantern" }).waitFor();
  },
);

test.skipIf(!hasChromium)(
  "after a read that failed and a subscription that was refused, the page catches up by itself",
  async () => {
    const { page, origin } = await openConsole("console-refused", {
      SANDBOX_SPEED: "10",
      // So that nothing changes once the job has ended.
      KEEP_OUTPUTS: "false",
    });
    const job = await submit(origin, LANTERN, "[slow] A lantern");
    let isReadLost = false;
    await page.route("**/graphql", async (route) => {
      const isLost = isReadLost && route.request().postData()?.includes("query Job(") === true;
      await (isLost ? route.abort() : route.continue());
    });
    let breakSocket = (): Promise<void> => Promise.resolve();
    let listens = 0;
    await page.routeWebSocket("**/graphql", (socket) => {
      const server = socket.connectToServer();
      breakSocket = () => socket.close({ code: 4000 });
      socket.onMessage((message) => {
        if (!message.includes("jobsUpdated(")) return server.send(message);
        listens += 1;
        if (listens !== 2) return server.send(message);
        const { id } = z.object({ id: z.string() }).parse(JSON.parse(String(message)));
        const payload = [{ message: "Too many.", extensions: { code: "QUOTA_EXCEEDED" } }];
        return socket.send(JSON.stringify({ id, type: "error", payload }));
      });
    });
    await page.clock.install();
    await page.goto(`${origin}/jobs/${job.id}`);
    await expect.poll(() => main(page), SOON).toMatch(/running/);
    isReadLost = true;
    await page.getByText("This may be out of date").waitFor();
    isReadLost = false;
    await page.clock.runFor(15_000);
    await expect.poll(() => main(page), SOON).toMatch(/done/);
    // It can't be saved from where RunComfy has it.
    const tab = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "Open the file" }).click();
    await (await tab).close();

    await breakSocket();
    await expect.poll(() => listens, SOON).toBe(3);
    await page.getByText("live", { exact: true }).waitFor();
  },
);

test.skipIf(!hasChromium)(
  "with an AUTH the page asks for a key, keeps it out of the address, and says when it is revoked",
  { timeout: 60_000 },
  async () => {
    const keys = await createApiKeysFile();
    // The owner of what was submitted before there was an AUTH.
    const key = await keys.create("local");
    const nextKey = await keys.create("local");
    const blindKey = await keys.create("web", "--scopes", "jobs:submit");
    const { page, origin } = await openConsole("console-sign-in", {
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
    });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await takePicture(page, "console-9-sign-in");
    expect(await findBarriers(page)).toEqual([]);
    const field = page.getByLabel("API key or token");
    for (const wrong of ["“rck_wrong”", "rck_wrong"]) {
      await field.fill(wrong);
      await field.press("Enter");
      await page.getByRole("alert").getByText("is not accepted").waitFor();
    }
    await page.getByLabel("API key or token").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel(/^Prompt/i).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByText("sandbox: nothing costs money").waitFor();
    await page.getByText("As code").click();
    await page.getByText("authorization: Bearer $API_KEY").waitFor();
    expect(page.url()).not.toContain(key);
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage])")).not.toContain(
      key,
    );
    const prompt = page.getByLabel(/^Prompt/i);
    await prompt.fill("A lantern to come");
    await keys.run("revoke", idOf(key));
    await page.getByText("no longer signed in").waitFor();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await takePicture(page, "console-15-sign-in-again");
    expect(await findBarriers(page)).toEqual([]);
    await field.fill(nextKey);
    await field.press("Enter");
    await page.getByText("live", { exact: true }).waitFor();
    expect(await prompt.inputValue()).toBe("A lantern to come");
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).toContain("A lantern to come");
    // Nothing of it stays for another owner.
    await keys.run("revoke", idOf(nextKey));
    await field.fill(blindKey);
    await field.press("Enter");
    await page.getByText("web", { exact: true }).waitFor();
    expect(await prompt.inputValue()).toBe("");
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).not.toContain("to come");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();

    await field.fill(blindKey);
    await page.getByLabel("Remember it").check();
    await field.press("Enter");
    await prompt.fill("A lantern unseen");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("It was submitted.").waitFor();
    await page.getByText("not live: your credential lacks the scope jobs:read").waitFor();
    expect(await main(page)).not.toContain("so far");
    expect(await page.getByRole("link", { name: "Details" }).count()).toBe(0);
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByRole("heading", { name: "At RunComfy" }).first().waitFor();
    expect(await main(page)).not.toMatch(/Nothing runs|lack the scope|Pictures/);
    await page.goto(`${origin}/jobs/job_1`);
    await page.getByText("The job could not be read. You lack the scope").waitFor();
  },
);

test.skipIf(!hasChromium)(
  "10,500 jobs are gone through without holding up the page",
  { timeout: 120_000 },
  async () => {
    const path = join(await createTemporaryFolder(), "gateway.db");
    await writeManyJobs(path, { count: 10_500, deploymentId: LANTERN });
    const { page, origin } = await openConsole("console-many", { DATABASE_URL: `file:${path}` });
    const rows = page.locator(".job:not(.coming)");
    let requests = 0;
    page.on("request", (request) => (requests += request.url().endsWith("/graphql") ? 1 : 0));
    await page.goto(`${origin}/jobs`);
    await page.getByText("Boat 10500", { exact: true }).waitFor();
    await page.getByText("10,000 or more jobs").waitFor();
    const mostRows = await goToEnd(page, "All 10,500 loaded");
    await page.getByText("Boat 1", { exact: true }).waitFor();
    expect(await rows.count()).toBeLessThan(60);
    expect(mostRows).toBeLessThan(60);
    // Each page of 100 once, and little else.
    expect(requests).toBeLessThan(125);
    const session = await page.context().newCDPSession(page);
    // What the page holds: some is freed a moment after a collection.
    async function readHeldMib(): Promise<number> {
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Runtime.getHeapUsage")).usedSize / 1_048_576;
    }
    await expect.poll(readHeldMib, { timeout: 20_000 }).toBeLessThan(16);
    await page.keyboard.press("Home");
    await page.getByText("Boat 10500", { exact: true }).waitFor();
  },
);

test.skipIf(!hasChromium)(
  "a gallery of jobs that made no pictures looks at some of them, and at more when asked to",
  { timeout: 60_000 },
  async () => {
    const path = join(await createTemporaryFolder(), "gateway.db");
    await writeManyJobs(path, { count: 2_500, deploymentId: LANTERN });
    const { page, origin } = await openConsole("console-bare", { DATABASE_URL: `file:${path}` });
    let lists = 0;
    page.on("request", (request) => (lists += isList(request.postData()) ? 1 : 0));
    await page.goto(`${origin}/gallery`);
    const further = page.getByRole("button", { name: "Look further back" });
    await further.waitFor();
    expect(lists).toBeLessThan(18);
    await takePicture(page, "console-13-bare");
    expect(await findBarriers(page)).toEqual([]);
    await further.click();
    await expect.poll(() => lists, SOON).toBeGreaterThan(18);
    await further.click();
    await page.getByText("No pictures yet").waitFor();
    expect(await further.count()).toBe(0);
    expect(lists).toBeLessThan(40);
  },
);

const isList = (body: string | null): boolean => body?.includes("query Jobs(") === true;

/** Presses End until a text tells that there is no more; the most rows that were in the page meanwhile. */
async function goToEnd(page: Page, told: string): Promise<number> {
  const rows = page.locator(".job:not(.coming)");
  await rows.first().focus();
  let most = 0;
  for (let presses = 0; presses < 1_000; presses += 1) {
    most = Math.max(most, await rows.count());
    const isAll = (await page.getByText(told).count()) > 0;
    await page.keyboard.press("End");
    if (isAll) return most;
  }
  throw new Error(`It never told “${told}”.`);
}

test.skipIf(!hasChromium)(
  "a job of another upstream is shown as paused, says what it waits for, and can be deleted",
  async () => {
    const databaseUrl = `file:${join(await createTemporaryFolder(), "gateway.db")}`;
    const id = await addPaidJob(databaseUrl);
    const { page, origin } = await openConsole("console-paused", { DATABASE_URL: databaseUrl });
    await page.goto(`${origin}/jobs`);
    await expect.poll(() => main(page), SOON).toMatch(/A lantern of theirs.*paused/);
    await page.goto(`${origin}/jobs/${id}`);
    await expect.poll(() => main(page), SOON).toMatch(/waits for the RunComfy account/);
    expect(await page.getByRole("button", { name: "Cancel", exact: true }).count()).toBe(0);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(0);
  },
);

/** A job that was accepted at an account, and whose gateway has ended. */
async function addPaidJob(databaseUrl: string): Promise<string> {
  const upstream = "https://api.runcomfy.net";
  const store = await openStore({ upstream, databaseUrl, log: pino({ level: "silent" }) });
  const now = new Date();
  const facts = { ownerId: "local", deploymentId: "theirs", apiVersion: "v1", now };
  const job = createJob({ ...facts, upstream });
  await store.jobs.insert({ job, input: { prompt: "A lantern of theirs" }, key: null });
  const accepted = advance(job, { kind: "accepted", requestId: "r" }, now, upstream);
  await store.jobs.save(accepted, null);
  await store.close();
  return job.id;
}
