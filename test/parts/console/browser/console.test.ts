import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { advance } from "../../../../src/engine/job/advance.ts";
import { createJob } from "../../../../src/engine/job/job.ts";
import { openStore } from "../../../../src/engine/store/open-store.ts";
import { createApiKeysFile, idOf } from "../../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { DeleteJobDocument, JobDocument } from "../../../support/gql/operations.ts";
import { countJobs, request, submit } from "../../../support/graphql-client.ts";
import { toManyJobs, toManyTexts } from "../../../support/many-jobs.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import {
  button,
  expectMain,
  findBarriers,
  LANTERN,
  main,
  openAccount,
  openConsole,
  promptOf,
  runPrompt,
  SOON,
  WARM_GLOW,
} from "./console-page.ts";

/** With 1,200 rows: a second copy of each would be above it. */
const MAX_HELD_MIB = 4.9;

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console", { timeout: 90_000 }, () => {
  test("the list is live, filters are in the address, and many jobs are deleted at once", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const ids = new Map<string, string>();
    for (const prompt of ["A red boat", "A blue boat", "[fail] A storm"])
      ids.set(prompt, (await submit(origin, LANTERN, prompt)).id);
    const focused = () => page.locator(":focus").innerText();
    const row = (prompt: string) => page.getByRole("row", { name: prompt });
    await promptOf(page).fill("A boat that was not sent yet");
    await page.goto(`${origin}/jobs`);
    await page.getByText("A red boat").first().waitFor();
    await expectMain(page, /A storm The run failed.*Check your input.* Failed/);
    await submit(origin, LANTERN, "A late boat");
    await page.getByText("A late boat").first().waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByText("[fail] A storm").first().click();
    await page.waitForURL(/\/jobs\/job_/);
    await expectMain(page, /The run failed.* It is a new job\. /);
    await page.getByRole("term").getByText("Prompt", { exact: true }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Use these values" }).click();
    await expect.poll(() => promptOf(page).inputValue(), SOON).toBe("[fail] A storm");
    for (const taken of ["Undo", "Clear", "Undo"]) {
      await page.getByRole("button", { name: taken }).click();
      const left = taken === "Clear" ? "" : "A boat that was not sent yet";
      expect(await promptOf(page).inputValue()).toBe(left);
    }
    // What Tab leads to does not lie below the bar of the button.
    await page.setViewportSize({ width: 1_280, height: 600 });
    await page.getByText("More", { exact: true }).click();
    await page.evaluate("scrollTo(0, 0)");
    await page.getByText("More", { exact: true }).focus();
    for (let presses = 0; presses < 8; presses += 1) await page.keyboard.press("Tab");
    const findOverlap = async () => {
      const reached = await page.locator("textarea:focus").boundingBox();
      const bar = await page.locator(".run-bar").boundingBox();
      return (reached?.y ?? Infinity) + (reached?.height ?? 0) - (bar?.y ?? 0);
    };
    await expect.poll(findOverlap, SOON).toBeLessThan(0);

    await page.goto(`${origin}/jobs`);
    // Wherever one clicks in a row, it is a link, which a middle click opens in a tab.
    const spot = await row("A storm").boundingBox();
    const { x, y, width, height } = spot ?? { x: 0, y: 0, width: 0, height: 0 };
    for (const part of [0.3, 0.7, 0.95]) {
      const at = `${x + part * width}, ${y + height / 2}`;
      const link = await page.evaluate(`document.elementFromPoint(${at})?.closest("a")?.href`);
      expect(link).toContain(ids.get("[fail] A storm"));
    }
    await button(page, "Today").click();
    await page.waitForURL(/\?from=/);
    await button(page, "Filters").click();
    await page.getByRole("checkbox", { name: "Done" }).check();
    await page.waitForURL(/[?&]status=succeeded/);
    await expect.poll(() => main(page), SOON).not.toContain("A storm");
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.press("Escape");
    for (const prompt of ["A red boat", "A blue boat"])
      await row(prompt).getByRole("checkbox").check();
    // A range takes in what is selected already, whose box stays as it is.
    await row("A red boat")
      .getByRole("checkbox")
      .click({ modifiers: ["Shift"] });
    expect(await row("A red boat").getByRole("checkbox").isChecked()).toBe(true);
    // Keys of the page work beside a box, and a user who comes back finds everything as it was.
    await row("A late boat").getByRole("checkbox").focus();
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await row("A late boat").focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.title(), SOON).toMatch(/^A late boat/);
    await button(page, "Run again").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It is a new job.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.goBack();
    await expect.poll(() => page.title(), SOON).toMatch(/^Jobs/);
    await expect.poll(focused, SOON).toContain("A late boat");
    await page.getByText("2 selected").waitFor();
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs/${ids.get("A red boat")}`);
    await other.getByText("live", { exact: true }).waitFor();
    await request(origin, DeleteJobDocument, { id: ids.get("A blue boat") ?? "" });
    const bulk = page.getByRole("group", { name: "With the selected jobs" });
    await bulk.getByRole("button", { name: /Delete/ }).click();
    await dialog.getByRole("button", { name: /^Delete/ }).click();
    await page.getByText("2 deleted", { exact: true }).waitFor();
    expect(await countJobs(origin)).toBe(2);
    expect(await main(page)).not.toMatch(/A (red|blue) boat/);
    await other.getByText("Job not found").waitFor();
    await expect.poll(focused, SOON).toContain("A late boat");
  });

  test("selecting all that fit deletes also what is not loaded, call by call, with progress and a stop", async () => {
    const { page, origin } = await openConsole({ DATABASE_URL: await writeManyJobs(450) });
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    await page.route("**/graphql", async (route) => {
      const isCall = route.request().postData()?.includes("mutation DeleteMatching(") === true;
      if (isCall && ++calls === 2) await gate.promise;
      await (isCall && calls === 4 ? route.abort() : route.continue());
    });
    await page.goto(`${origin}/jobs`);
    const all = page.getByRole("checkbox", { name: /loaded/ });
    await all.check();
    // Without a condition that would be every job there is.
    expect(await page.getByRole("button", { name: /^Select all/ }).count()).toBe(0);
    await page.goto(`${origin}/jobs?tag=all`);
    await all.check();
    await button(page, "Select all 450 jobs that fit").click();
    await page.getByText("All that fit selected").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    const dialog = page.getByRole("dialog");
    await button(page, "Delete all that fit").click();
    await dialog.getByRole("button", { name: /^Delete/ }).click();
    await page.getByText("Deleting… 100 of 450", { exact: true }).waitFor();
    await button(page, "Stop").click();
    gate.resolve();
    await page.getByText("Stopped: 200 deleted", { exact: true }).waitFor();
    expect(await countJobs(origin)).toBe(250);

    await expectMain(page, /250 jobs that fit/);
    await all.check();
    await button(page, "Select all 250 jobs that fit").click();
    await button(page, "Delete all that fit").click();
    await dialog.getByRole("button", { name: /^Delete/ }).click();
    await page.getByText(/^100 deleted, then no more: No answer came/).waitFor();
    await expectMain(page, /150 jobs that fit/);
    await all.check();
    await button(page, "Select all 150 jobs that fit").click();
    await button(page, "Delete all that fit").click();
    await dialog.getByRole("button", { name: /^Delete/ }).click();
    await page.getByText("150 deleted", { exact: true }).waitFor();
    expect(await countJobs(origin)).toBe(0);
    await expectMain(page, /No matches/);
  });

  test("of jobs that can't run again because their input no longer fits, it says that and what is wrong", async () => {
    const databaseUrl = await writeManyJobs(2);
    using file = new DatabaseSync(databaseUrl.replace("file:", ""));
    file.exec(`update jobs set deployment_id = '${LANTERN}', kind = 'lora';
      update job_documents set input = '{"prompt": "A lantern", "sample_steps": 1000}'`);
    const { page, origin } = await openConsole({ DATABASE_URL: databaseUrl });
    await page.goto(`${origin}/jobs`);
    await page.getByRole("checkbox", { name: /loaded/ }).check();
    await button(page, "Run 2 again").click();
    await page.getByRole("dialog").getByRole("button", { name: "Run 2 again" }).click();
    const reason =
      /^2 could not be run again: Its input no longer fits\. Steps is 1000; the most is 150/;
    await page.getByText(reason).waitFor();
    expect(await countJobs(origin)).toBe(2);
  });

  test("a bar shows an outage, and what may be running already runs again only after a question", async () => {
    const { page, origin } = await openConsole({
      UPSTREAM: "runcomfy",
      RUNCOMFY_BASE_URL: "http://127.0.0.1:1",
    });
    await page.getByText("Runs cost money").waitFor();
    await page.getByText("RunComfy may not answer at the moment").waitFor();
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.getByRole("textbox").fill('{"prompt": "A lantern"}');
    const run = button(page, "Run");
    await run.click();
    await page.getByText("did not confirm").first().waitFor();
    await page.reload();
    await run.click();
    await page.getByRole("dialog").getByText("may have cost money").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await countJobs(origin)).toBe(1);
    await run.click();
    await page.getByRole("dialog").getByRole("button", { name: "Run again" }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    for (let count = 0; count < 5; count += 1)
      await expect(submit(origin, WARM_GLOW, "A lantern")).rejects.toThrow("UpstreamError");
    await page.goto(`${origin}/jobs`);
    await page.getByText(/^Outage of RunComfy.*Jobs that were sent go on/).waitFor();
    await page.getByText("A lantern").first().click();
    await expectMain(page, /At RunComfy not known/);
    // It stays in view, also on a phone, and nothing that one comes to lies below it.
    await page.setViewportSize({ width: 390, height: 600 });
    const back = page.getByRole("link", { name: "← Jobs" });
    await back.evaluate((element) => scrollBy(0, element.getBoundingClientRect().top));
    const bars = await page.locator(".frame-bars").boundingBox();
    expect(bars?.y).toBe(0);
    expect((await back.boundingBox())?.y).toBeLessThan(1);
    await back.focus();
    expect((await back.boundingBox())?.y).toBeGreaterThanOrEqual(bars?.height ?? 0);
  });

  test("where RunComfy refuses the gateway's token, the first screen says so, and not to make a deployment", async () => {
    const { page } = await openConsole({ UPSTREAM: "runcomfy", RUNCOMFY_API_TOKEN: "wrong" });
    const reported = page.locator("main").getByText("Set RUNCOMFY_API_TOKEN");
    await reported.waitFor();
    expect(await main(page)).not.toMatch(/make one/i);
    await page.locator(".frame-bar").getByText("Jobs that were sent go on").waitFor();
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByRole("heading", { name: "Deployments" }).waitFor();
    await reported.waitFor();
    expect(await main(page)).not.toMatch(/deploy a lora/i);
  });

  test("a job of another upstream is paused and can be deleted, the gallery shows what succeeded, and deployments how they do", async () => {
    const databaseUrl = `file:${join(await createTemporaryFolder(), "gateway.db")}`;
    const pausedId = await addPaidJob(databaseUrl);
    const { page, origin } = await openConsole({ DATABASE_URL: databaseUrl, SANDBOX_SPEED: "20" });
    const { id } = await submit(origin, LANTERN, "A green hill ".repeat(600));
    await page.goto(`${origin}/jobs`);
    await expectMain(page, /A lantern of theirs.*Paused/);
    await page.getByText("A lantern of theirs").click();
    await page.waitForURL(new RegExp(pausedId));
    await expectMain(page, /waits for the RunComfy account/);
    expect(await button(page, "Cancel").count()).toBe(0);
    await button(page, "Delete").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(1);

    await page.goto(`${origin}/jobs/${id}`);
    await page.getByText("Kept here,").waitFor();
    const prompt = page.locator("dd", { hasText: "A green hill" });
    const height = async () => (await prompt.boundingBox())?.height ?? 0;
    expect(await height()).toBeLessThan(200);
    await button(page, "Show all").click();
    expect(await height()).toBeGreaterThan(1_000);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^paper-lantern-[0-9a-f]{8}-1\.svg$/);
    await page.getByRole("link", { name: "Gallery" }).click();
    await page.locator("main img").first().waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("link", { name: "Deployments" }).click();
    await expectMain(page, /Paper Lantern.* Success rate 100 % 1 run Median time [\d.]+ s/);
    await page.getByRole("article", { name: "Paper Lantern" }).getByText("Details").click();
    await page.getByRole("button", { name: `Copy the id ${LANTERN}` }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    // The first screen chooses a deployment, and leaves no step of its own in the history.
    await page.goto(origin);
    await promptOf(page).waitFor();
    await page.goBack();
    await page.waitForURL(`${origin}/deployments`);
  });

  test("after a read that failed, a subscription that was refused and a gateway that was away, the page catches up by itself", async () => {
    // Nothing changes once the job has ended, because its outputs are not kept.
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "3", KEEP_OUTPUTS: "false" });
    const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
    onTestFinished(() => proxy.close());
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
    await page.goto(`http://127.0.0.1:${proxy.port}/jobs/${job.id}`);
    await expectMain(page, /Running/);
    await page.getByText("RunComfy can't cancel a job once it runs").waitFor();
    isReadLost = true;
    await page.getByText("This may be out of date").waitFor();
    isReadLost = false;
    await page.clock.runFor(15_000);
    await expectMain(page, /Done/);
    // It can't be saved from where RunComfy has it.
    const tab = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "Open the file" }).click();
    await (await tab).close();

    await breakSocket();
    await expect.poll(() => listens, SOON).toBe(3);
    const live = page.getByText("live", { exact: true });
    await live.waitFor();

    // A screen that was first opened meanwhile comes as well, where no job's change makes it ask.
    proxy.drop();
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByText("No answer came").waitFor();
    proxy.heal();
    await page.clock.runFor(15_000);
    await page.getByRole("heading", { name: "Paper Lantern" }).waitFor();
    await live.waitFor();
  });

  test("with an AUTH the page asks for a key, keeps it out of the address, and says when it is revoked", async () => {
    const keys = await createApiKeysFile();
    // The owner of what was submitted before there was an AUTH.
    const key = await keys.create("local");
    const nextKey = await keys.create("local");
    const blindKey = await keys.create("web", "--scopes", "jobs:submit");
    const { page, origin } = await openConsole({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    const heading = page.getByRole("heading", { name: "Sign in" });
    const field = page.getByLabel("API key or token");
    const signIn = async (credential: string) => {
      await field.fill(credential);
      await field.press("Enter");
    };
    const stored = () => page.evaluate("JSON.stringify([localStorage, sessionStorage])");
    await heading.waitFor();
    expect(await findBarriers(page)).toEqual([]);
    for (const wrong of ["“rck_wrong”", "rck_wrong"]) {
      await signIn(wrong);
      await page.getByRole("alert").getByText("is not accepted").waitFor();
    }
    await field.fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await promptOf(page).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByText("Sandbox: runs are free").waitFor();
    await page.getByText("As code").click();
    await page.getByText("authorization: Bearer $API_KEY").waitFor();
    expect(page.url()).not.toContain(key);
    expect(await stored()).not.toContain(key);
    await promptOf(page).fill("A lantern to come");
    await keys.run("revoke", idOf(key));
    await page.getByText("You are signed out").waitFor();
    await heading.waitFor();
    await signIn(nextKey);
    await page.getByText("live", { exact: true }).waitFor();
    expect(await promptOf(page).inputValue()).toBe("A lantern to come");
    expect(await stored()).toContain("A lantern to come");
    // Nothing of it stays for another owner.
    await keys.run("revoke", idOf(nextKey));
    await signIn(blindKey);
    await page.getByRole("button", { name: "Account: web" }).waitFor();
    expect(await promptOf(page).inputValue()).toBe("");
    expect(await stored()).not.toContain("to come");
    await openAccount(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading.waitFor();

    await page.getByLabel("Remember it").check();
    await signIn(blindKey);
    await runPrompt(page, "A lantern unseen");
    await page.getByText("It was submitted.").waitFor();
    await openAccount(page);
    await page.getByText("Nothing is live: your credential lacks the scope jobs:read").waitFor();
    await page.keyboard.press("Escape");
    expect(await main(page)).not.toContain("so far");
    expect(await page.getByRole("link", { name: "Details" }).count()).toBe(0);
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByText("Details", { exact: true }).first().click();
    await page.getByText("Machine", { exact: true }).waitFor();
    expect(await main(page)).not.toMatch(/Queue \d|lack the scope|Results/);
    await page.goto(`${origin}/jobs/job_1`);
    await page.getByText("The job could not be read. You lack the scope").waitFor();
  });

  test("many jobs are gone through without holding up the page, and a search finds among all of them", async () => {
    const databaseUrl = await writeManyJobs(1_200);
    const { page, origin } = await openConsole({ DATABASE_URL: databaseUrl, SANDBOX_SPEED: "100" });
    let requests = 0;
    // Of the list's pages: other parts of the page ask for fewer jobs.
    page.on("request", (one) => (requests += one.postData()?.includes('"first":100') ? 1 : 0));
    await page.goto(`${origin}/gallery`);
    const further = page.getByRole("button", { name: "Look further back" });
    await further.click();
    await page.getByText("No pictures yet").waitFor();
    // Each once, and the first again once the page is live.
    expect(requests).toBeLessThan(15);

    requests = 0;
    await page.goto(`${origin}/jobs`);
    await page.getByText("Boat 1200", { exact: true }).waitFor();
    const rows = page.locator(".jobs-row:not(.jobs-coming)");
    expect(await goToEnd(page, "Select all 1,200 loaded")).toBeLessThan(60);
    await page.getByText("Boat 1", { exact: true }).waitFor();
    expect(await rows.count()).toBeLessThan(60);
    expect(requests).toBeLessThan(15);
    const session = await page.context().newCDPSession(page);
    // What the page holds: some is freed a moment after a collection.
    async function readHeldMib(): Promise<number> {
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Runtime.getHeapUsage")).usedSize / 1_048_576;
    }
    await expect.poll(readHeldMib, SOON).toBeLessThan(MAX_HELD_MIB);

    // What they may cost is asked for a few alone, as nothing tells which of them cost the same.
    let prices = 0;
    page.on("request", (one) => (prices += one.postData()?.includes("query CheckInput") ? 1 : 0));
    await page.getByRole("checkbox", { name: "Select all 1,200 loaded" }).check();
    await button(page, "Run 1,200 again").click();
    await page.getByRole("heading", { name: "Run 1,200 jobs again?" }).waitFor();
    await page.getByText("In total: price unknown.").waitFor();
    expect(prices).toBe(20);
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.keyboard.press("Escape");

    await submit(origin, LANTERN, "An old sailor");
    await page.getByRole("button", { name: "↑ 1 new job" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".jobs-row:focus", { hasText: "An old sailor" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("SA");
    await page.getByText("at least 3 letters").waitFor();
    await page.keyboard.type("ilor");
    await page.waitForURL(/text=SAilor/);
    await page.getByText("An old sailor").first().waitFor();
    await expect.poll(() => main(page), SOON).not.toMatch(/boat/i);
    await submit(origin, LANTERN, "Another boat");
    const { id } = await submit(origin, LANTERN, "A young sailor");
    const isDone = async () => (await request(origin, JobDocument, { id })).job?.isFinished;
    await expect.poll(isDone, SOON).toBe(true);
    await page.getByText("1 job found").waitFor();
    await page.reload();
    await page.getByText("2 jobs found").waitFor();
    expect(await main(page)).toMatch(/A young sailor.*An old sailor/);
    expect(await main(page)).not.toContain("Another boat");

    await page.goto(`${origin}/gallery?text=sailor`);
    await expect.poll(() => page.locator(".gallery-tile").count(), SOON).toBe(2);
    await page.getByRole("link", { name: /A young sailor/ }).click();
    await page.getByRole("dialog", { name: /A young sailor/ }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: /An old sailor/ }).waitFor();
  });
});

/** Presses End until the box that selects all says that there is no more; returns the most rows that were in the page meanwhile. */
async function goToEnd(page: Page, reported: string): Promise<number> {
  const rows = page.locator(".jobs-row:not(.jobs-coming)");
  await rows.first().focus();
  let most = 0;
  for (let presses = 0; presses < 500; presses += 1) {
    most = Math.max(most, await rows.count());
    const isAll = (await page.getByRole("checkbox", { name: reported }).count()) > 0;
    await page.keyboard.press("End");
    if (isAll) return most;
  }
  throw new Error(`There never was the box “${reported}”.`);
}

/** The URL of a database with so many jobs that succeeded, each with its number in its prompt. */
async function writeManyJobs(count: number): Promise<string> {
  const path = join(await createTemporaryFolder(), "gateway.db");
  const databaseUrl = `file:${path}`;
  const log = pino({ level: "silent" });
  await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
  using file = new DatabaseSync(path);
  file.exec(`${toManyJobs("local", count)} ${toManyTexts("local", "boat")}
    insert into job_documents (job_id, input_bytes, output_bytes, input, output)
    select id, 40, 15, json_object('prompt', 'Boat ' || substr(id, 5)), '{"images":[]}' from jobs`);
  return databaseUrl;
}

/** A job that was accepted at an account, and whose gateway has ended. */
async function addPaidJob(databaseUrl: string): Promise<string> {
  const upstream = "https://api.runcomfy.net";
  const store = await openStore({ upstream, databaseUrl, log: pino({ level: "silent" }) });
  const now = new Date();
  const facts = { ownerId: "local", deploymentId: "theirs", apiVersion: "v1", now };
  const job = createJob({ ...facts, kind: "lora", upstream });
  await store.jobs.insert({ job, input: { prompt: "A lantern of theirs" }, key: null });
  const accepted = advance(job, { kind: "accepted", requestId: "r" }, now, upstream);
  await store.jobs.save(job, accepted, null);
  await store.close();
  return job.id;
}
