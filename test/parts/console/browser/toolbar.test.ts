import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Locator, Page } from "playwright-core";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import sandbox from "../../../../sandbox/src/deployments.json" with { type: "json" };
import { createApiKeysFile } from "../../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { ask, countJobs } from "../../../support/graphql-client.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import {
  button,
  expectMain,
  findBarriers,
  LANTERN,
  makePictures,
  openConsole,
  promptOf,
  runPrompt,
  SOON,
} from "./console-page.ts";

const ACTIONS = ["Download", "Star", "Tags", "Compare", "Use as input", "Use these values"];
const MORE = ["Run again", "Link", "Details", "Delete"];
const SUBMIT = `mutation ($deploymentId: ID!, $prompt: String!) {
  submitJob(deploymentId: $deploymentId, input: { prompt: $prompt }) {
    ... on SubmitJobSuccess { job { id } }
    ... on Error { message }
  }
}`;

const toolbar = (within: Page | Locator) => within.getByRole("group", { name: /^Actions: / });
/** Waits until a toolbar offers these. */
const expectOffers = async (within: Page | Locator, offers: readonly string[]) => {
  const shown = toolbar(within).locator("> :is(a, button), > .copy > button");
  const names = () => shown.evaluateAll((all) => all.map((one) => one.textContent));
  await expect.poll(names, SOON).toEqual(offers);
};
const more = (tile: Locator) => tile.getByRole("button", { name: /^Actions: / });

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the toolbar of the console", { timeout: 90_000 }, () => {
  test("a result, each tile, a picture that is opened and a job's page offer the same, in the same order and words, beside the cost", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await page.goto(`${origin}/run/${LANTERN}`);
    await runPrompt(page, "A lantern");
    await expectMain(page, /Done/);
    await expectOffers(page, [...ACTIONS, ...MORE]);
    expect(await toolbar(page).innerText()).toMatch(/Cost: .*\$/);
    expect(await findBarriers(page)).toEqual([]);

    await page.getByRole("link", { name: "Details" }).click();
    await page.getByText("Kept here,").waitFor();
    await expectOffers(page, [...ACTIONS, "Run again", "Link", "Delete"]);
    expect(await findBarriers(page)).toEqual([]);

    await page.getByRole("link", { name: "Gallery" }).click();
    const tile = page.locator(".gallery-tile");
    await tile.hover();
    await more(tile).click();
    await expectOffers(tile, [...ACTIONS, ...MORE]);
    expect(await toolbar(tile).innerText()).toMatch(/Cost: .*\$/);
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await tile.getByRole("link").click();
    const dialog = page.getByRole("dialog");
    await expectOffers(dialog, [...ACTIONS, ...MORE]);

    await page.goto(`${origin}/run/${LANTERN}`);
    await promptOf(page).fill("Some lanterns");
    await page.getByLabel("How many").selectOption("4");
    await button(page, "Run 4").click();
    const together = page.getByRole("list", { name: "Made together" }).getByRole("listitem");
    await expect.poll(() => together.locator("img").count(), SOON).toBe(4);
    await together.last().hover();
    await more(together.last()).click();
    await expectOffers(together.last(), [...ACTIONS, ...MORE]);
    expect(await findBarriers(page)).toEqual([]);
    // It fills the form that is on this very screen, under the menu.
    await promptOf(page).fill("Something else");
    await button(page, "Use these values").click();
    await expect.poll(() => promptOf(page).inputValue(), SOON).toBe("Some lanterns");
    expect(await toolbar(page).count()).toBe(0);
  });

  test("the menu of a tile moves nothing, is opened by keys and on touch, and after a deletion the tile before has the focus", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["A first lantern", "A second lantern", "A third lantern"]);
    await page.goto(`${origin}/gallery`);
    const tiles = page.locator(".gallery-tile");
    await expect.poll(() => tiles.count(), SOON).toBe(3);
    const places = () =>
      tiles.evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
    const before = await places();
    const opacity = () => more(tiles.first()).evaluate((one) => getComputedStyle(one).opacity);
    expect(await opacity()).toBe("0");
    await tiles.first().hover();
    expect(await opacity()).toBe("1");
    expect(await places()).toEqual(before);
    await page.mouse.move(0, 0);

    await tiles.first().getByRole("link").focus();
    for (const name of [/^Select/, /^Actions/]) {
      await page.keyboard.press("Tab");
      await page.locator(":focus").and(page.getByLabel(name)).waitFor();
    }
    expect(await opacity()).toBe("1");
    await page.keyboard.press("Enter");
    await toolbar(page).getByText("Download").waitFor();
    for (const name of ["Download", "Star"]) {
      await page.keyboard.press("Tab");
      await page.locator(":focus", { hasText: name }).waitFor();
    }
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Picture: A third lantern, starred" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByLabel("Add a tag").fill("keeper");
    await page.keyboard.press("Enter");
    await tiles.first().getByRole("link", { name: "keeper" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(":focus", { hasText: "Tags" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(":focus").and(more(tiles.first())).waitFor();
    expect(await places()).toEqual(before);

    await page.keyboard.press("Enter");
    await toolbar(tiles.first()).getByRole("button", { name: "Compare" }).click();
    await toolbar(tiles.first()).getByRole("button", { name: "A first lantern" }).click();
    await page.getByRole("dialog").getByText("What differs").waitFor();
    await page.keyboard.press("Escape");
    await more(tiles.nth(1)).click();
    await toolbar(page).getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await tiles.first().locator(":focus").waitFor();

    const touch = await page
      .context()
      .browser()
      ?.newContext({
        ...{ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } },
      });
    onTestFinished(async () => await touch?.close());
    const phone = await touch?.newPage();
    if (phone === undefined) throw new Error("There is no browser.");
    await phone.goto(`${origin}/gallery`);
    await more(phone.locator(".gallery-tile").first()).tap();
    await toolbar(phone).getByRole("button", { name: "Run again" }).tap();
    await phone.getByRole("button", { name: "Same seed" }).tap();
    await phone.waitForURL(/\/jobs\/job_/);
    expect(await countJobs(origin)).toBe(3);
  });

  test("what does not apply is not offered: no file, no cancel once it runs or has ended, and nothing that scope or owner forbid", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web", "--scopes", "jobs:submit,jobs:read");
    const operatorKey = await keys.create(
      "ops",
      ...["--scopes", "jobs:read:all,jobs:submit,jobs:cancel"],
    );
    const { page, origin } = await openConsole({
      ...{ AUTH: "api-keys", API_KEYS_FILE: keys.file, TRUSTED_DOCUMENTS: "" },
      SANDBOX_SPEED: "20",
    });
    const make = async (prompt: string, credential: string): Promise<string> => {
      const headers = { authorization: `Bearer ${credential}` };
      const variables = { deploymentId: LANTERN, prompt };
      return (await ask(origin, SUBMIT, { variables, headers })).submitJob.job.id;
    };
    const ids = [await make("A lantern", key), await make("[fail] A storm", key)];
    const own = await make("[slow] A lantern of mine", operatorKey);
    const open = async (id: string) => await page.goto(`${origin}/jobs/${id}`);
    const field = page.getByLabel("API key or token");
    await page.getByLabel("Remember it").check();
    await field.fill(key);
    await field.press("Enter");
    await page.getByText("live", { exact: true }).waitFor();
    // Without the scope jobs:cancel.
    await open(ids[0] ?? "");
    await expectOffers(page, [...ACTIONS, "Run again", "Link"]);
    await open(ids[1] ?? "");
    await expectOffers(page, [...["Star", "Tags", "Use these values", "Run again", "Link"]]);
    await page.evaluate("sessionStorage.clear()");
    await page.reload();
    await page.getByLabel("Remember it").check();
    await field.fill(operatorKey);
    await field.press("Enter");
    await page.getByText("live", { exact: true }).waitFor();
    // Somebody else's.
    await open(ids[0] ?? "");
    await expectOffers(page, [
      ...["Download", "Compare", "Use as input", "Use these values", "Link"],
    ]);
    await open(own);
    await expectMain(page, /Done/);
    await button(page, "Delete").waitFor();
    expect(await button(page, "Cancel").count()).toBe(0);
  });

  test("a job that is cancelled leaves the focus in its toolbar", async () => {
    const { page } = await openConsole();
    await runPrompt(page, "[slow] A lantern that nobody wants");
    await button(page, "Cancel").focus();
    await page.keyboard.press("Enter");
    await expectMain(page, /Cancelled/);
    await toolbar(page).locator(":focus").waitFor();
  });

  test("a picture goes into deployments by what they make of it, which is never guessed", async () => {
    const file = join(await createTemporaryFolder(), "deployments.json");
    const image = { type: "string", format: "image_uri" };
    const inputSchema = { properties: { image }, required: ["image"] };
    const others = [
      { id: "clip", name: "Clip", outputSchema: { properties: { video: { type: "string" } } } },
      { id: "large", name: "Fine Upscaler" },
      { id: "any", name: "Anything" },
    ].map((one) => Object.assign(one, { inputSchema }));
    await writeFile(file, JSON.stringify({ deployments: [...sandbox.deployments, ...others] }));
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE: file, SANDBOX_SPEED: "50" });
    const [id] = await makePictures(origin, ["A lantern"]);
    await page.goto(`${origin}/jobs/${id}`);
    await button(page, "Use as input").click();
    const menu = page.getByRole("group", { name: "Use as input" }).first();
    await menu.getByRole("button", { name: "Clip" }).waitFor();
    expect((await menu.innerText()).trim().split(/\s*\n\s*/)).toEqual([
      ...["Vary", "Warm Glow", "Upscale", "Fine Upscaler", "Animate", "Clip"],
      ...["Use as input", "Harbour Workflow", "Anything"],
    ]);
    expect(await findBarriers(page)).toEqual([]);
    await menu.getByRole("button", { name: "Clip" }).click();
    await page.waitForURL(`${origin}/run/clip`);
    await page.locator(".run-drop .thumbnail img").waitFor();
  });
});
