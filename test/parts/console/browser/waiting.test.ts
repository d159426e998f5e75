import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { ask } from "../../../support/graphql-client.ts";
import {
  button,
  expectMain,
  findBarriers,
  HARBOUR,
  LANTERN,
  openConsole,
  promptOf,
  runPrompt,
  SOON,
} from "./console-page.ts";

const QUEUE = `mutation ($deploymentId: ID!, $prompt: String!, $queue: QueueInput) {
  submitJob(deploymentId: $deploymentId, input: { prompt: $prompt }, queue: $queue) {
    ... on SubmitJobSuccess { job { id status } }
    ... on Error { message }
  }
}`;
/** So that documents of the tests run, too. */
const OPEN = { TRUSTED_DOCUMENTS: "", SANDBOX_SPEED: "20" };

const rows = (page: Page) => page.locator("main li[data-id] a");
const queue = (origin: string, prompt: string, waits: object) =>
  ask(origin, QUEUE, { variables: { deploymentId: LANTERN, prompt, queue: waits } });

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("what waits here in the console", { timeout: 90_000 }, () => {
  test("a person reorders jobs that wait, holds, releases and cancels one or many, by buttons and keys", async () => {
    const { page, origin } = await openConsole(OPEN);
    await page.goto(`${origin}/run/${LANTERN}`);
    await promptOf(page).fill("A first boat");
    await button(page, "Later…").click();
    await page.getByLabel("Hold it until I release it").check();
    expect(await findBarriers(page)).toEqual([]);
    // Neither runs it at once: keys in this form, and a day that is typed in part.
    await page.keyboard.press("Control+Enter");
    await page.getByLabel("Not before").focus();
    await page.keyboard.type("07");
    await button(page, "Let it wait here").click();
    await page.locator("input:focus:invalid").fill("");
    await button(page, "Let it wait here").click();
    await expectMain(page, /Waiting here .*It waits until it is released/);
    for (const prompt of ["A second boat", "A third boat"])
      await queue(origin, prompt, { hold: true });
    for (const status of ["held", "active"]) {
      await page.goto(`${origin}/jobs?status=${status}`);
      await expectMain(page, /3 jobs that fit .*A third boat.* Waiting here/);
    }
    await page.getByRole("link", { name: "Jobs" }).press("q");
    const order = async () => (await rows(page).allInnerTexts()).map((text) => text.split(" ")[1]);
    await expect.poll(order, SOON).toEqual(["first", "second", "third"]);
    await expectMain(page, /A first boat It waits until it is released\. Submitted/);
    await page.getByRole("checkbox", { name: "Select: A third boat" }).focus();
    await page.keyboard.press("f");
    await expect.poll(order, SOON).toEqual(["third", "first", "second"]);
    await page.locator("li:first-child > input:focus").waitFor();
    await button(page, "Run first").last().click();
    await expect.poll(order, SOON).toEqual(["second", "third", "first"]);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("link", { name: "A second boat" }).click();
    await expectMain(page, /Waiting here.*It waits until it is released\. It costs nothing/);
    expect(await findBarriers(page)).toEqual([]);
    await button(page, "Release").click();
    await expectMain(page, /Timeline Submitted .* Sent .* Accepted .* Done/);
    await page.goBack();
    await expect.poll(order, SOON).toEqual(["third", "first"]);

    await page.getByRole("checkbox", { name: "Select all" }).check();
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.getByRole("checkbox", { name: "Select: A third boat" }).uncheck();
    await page.keyboard.press("x");
    await button(page, "Cancel").last().click();
    await expect.poll(order, SOON).toEqual(["third"]);
    await page.getByRole("checkbox", { name: "Select: A third boat" }).focus();
    await page.keyboard.press("l");
    await page.getByText("None of your jobs waits here").waitFor();
    await page.goto(`${origin}/jobs`);
    await expectMain(page, /A third boat.*Done.*A second boat.*Done.*A first boat.*Cancelled/);
  });

  test("who may pauses a deployment with a reason that all see, and what waits for it goes on afterwards", async () => {
    const { page, origin } = await openConsole(OPEN);
    await page.goto(`${origin}/deployments`);
    const card = page.getByRole("article", { name: "Lantern" });
    await card.getByRole("button", { name: "Pause…" }).click();
    await page.keyboard.type("New weights come tonight.");
    await page.keyboard.press("Enter");
    await card.getByText(/^Paused now: New weights come tonight\.$/).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.goto(`${origin}/run/${LANTERN}`);
    await expectMain(page, /Paused .*: New weights come tonight\./);
    await queue(origin, "A lantern that waits", {});
    await page.goto(`${origin}/waiting`);
    await expectMain(page, /A lantern that waits Its deployment is paused: New weights/);
    await page.goto(`${origin}/deployments`);
    await card.getByRole("button", { name: "Resume" }).click();
    await card.getByText(/^Paused/).waitFor({ state: "detached" });
    await page.goto(`${origin}/jobs`);
    await expectMain(page, /A lantern that waits.*Done/);
  });

  test("what a key submits that needs approval is approved or refused in a second browser with another key, never with its own", async () => {
    const keys = await createApiKeysFile();
    const scopes = ["--scopes", "jobs:submit,jobs:cancel,jobs:read,jobs:approve"];
    const own = await keys.create("web", "--approval", "always", ...scopes);
    const other = await keys.create("web", ...scopes);
    const { page, origin } = await openConsole({
      ...OPEN,
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
    });
    const signIn = async (where: Page, key: string) => {
      await where.getByLabel("API key or token").fill(key);
      await where.getByLabel("API key or token").press("Enter");
    };
    await page.goto(`${origin}/run/${HARBOUR}`);
    await signIn(page, own);
    const create = { width: 320, height: 240, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const picture = { name: "harbour.png", mimeType: "image/png", buffer };
    await page.locator("input[type=file]").first().setInputFiles(picture);
    await page.getByText("harbour.png").waitFor();
    await runPrompt(page, "A harbour at night");
    await expectMain(page, /Waiting here.*It waits until somebody else approves it/);
    await page.getByRole("link", { name: /^Waiting here/ }).click();
    await button(page, "Approve").click();
    await page.getByRole("alert").getByText("somebody else has to approve it").waitFor();

    const context = await page.context().browser()?.newContext({ colorScheme: "dark" });
    const second = await context?.newPage();
    if (!second) throw new Error("There is no second browser.");
    await second.goto(`${origin}/waiting`);
    await signIn(second, other);
    await second.getByRole("link", { name: /^Waiting here.*1 to approve$/ }).waitFor();
    await expectMain(
      second,
      /A harbour at night web asks for Harbour Workflow, price unknown, .*harbour\.png/,
    );
    await second.locator("article img").first().waitFor();
    expect(await findBarriers(second)).toEqual([]);
    await second.setViewportSize({ width: 390, height: 800 });
    expect(await second.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await button(second, "Approve").click();
    await second.getByText("Nothing waits for an approval.").waitFor();
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await expectMain(page, /A harbour at night.*Done/);

    await page.goto(`${origin}/run/${LANTERN}`);
    await signIn(page, own);
    await runPrompt(page, "A lantern too bright");
    await button(second, "Refuse…").click();
    await second.keyboard.type("Make it darker.");
    await second.keyboard.press("Enter");
    await expectMain(
      page,
      /It failed .*Make it darker\..*submit it again\. For support: NOT_APPROVED/,
    );
    await context?.close();
  });
});
