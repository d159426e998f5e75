import { afterAll, describe, expect, test } from "vitest";

import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { countJobs } from "../../../support/graphql-client.ts";
import { findBarriers, makePictures, openConsole } from "./console-page.ts";

const SOON = { timeout: 20_000, interval: 200 };

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the gallery", { timeout: 90_000 }, () => {
  test("several jobs at once are starred, tagged, compared and deleted, and found again by what they got", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["A first lantern", "A second lantern", "A third lantern"]);
    await page.goto(`${origin}/gallery`);
    await page.getByRole("heading", { name: /Today|Yesterday/ }).waitFor();
    const bar = page.getByRole("group", { name: "With what is selected" });
    expect(await bar.count()).toBe(0);
    const select = (prompt: string) =>
      page.getByRole("checkbox", { name: `Select the job of Picture: ${prompt}` });
    await select("A third lantern").check();
    await select("A first lantern").check();
    await bar.getByText("2 selected").waitFor();
    await bar.getByRole("button", { name: "Star" }).click();
    await page.getByRole("link", { name: "Picture: A first lantern, starred" }).waitFor();
    await bar.locator(":focus", { hasText: "Unstar" }).waitFor();
    await bar.getByLabel("Add a tag").fill("keeper");
    await page.keyboard.press("Enter");
    await bar.getByText("2 changed").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await bar.getByRole("link", { name: "Compare" }).click();
    await page.getByRole("dialog").getByText("What differs").waitFor();
    await page.keyboard.press("Escape");
    await bar.getByRole("button", { name: "Clear the selection" }).click();
    await expect.poll(() => bar.count()).toBe(0);

    const tiles = page.locator(".gallery-tile");
    await page.reload();
    const deployment = page.getByRole("combobox", { name: "Deployment" });
    const offered = () => deployment.locator("option").allInnerTexts();
    await expect.poll(offered, SOON).toContain("Slow Tide");
    const before = await offered();
    await deployment.selectOption("Slow Tide");
    await expect.poll(() => tiles.count(), SOON).toBe(0);
    // What is chosen doesn't move.
    expect(await offered()).toEqual(before);
    await deployment.selectOption("Any");
    await page.getByRole("combobox", { name: "Tag" }).selectOption("keeper");
    await page.waitForURL(/tag=keeper/);
    await expect.poll(() => tiles.count(), SOON).toBe(2);
    await page.getByRole("combobox", { name: "Tag" }).selectOption("Any");
    await expect.poll(() => tiles.count(), SOON).toBe(3);
    await page.getByLabel("Starred", { exact: true }).check();
    await expect.poll(() => tiles.count(), SOON).toBe(2);

    // In the viewer, one by one.
    await page.getByRole("link", { name: /A third lantern/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Remove the tag keeper" }).click();
    await expect.poll(() => dialog.locator(".chip").count(), SOON).toBe(0);
    await dialog.getByLabel("Add a tag").fill("a".repeat(64));
    expect(await dialog.locator("datalist option").first().getAttribute("value")).toBe("keeper");
    await page.keyboard.press("Enter");
    await dialog.locator(".chip").waitFor();
    await dialog.getByRole("button", { name: "Star", pressed: true }).click();
    await dialog.getByRole("button", { name: "Star", pressed: false }).waitFor();
    await page.keyboard.press("Escape");

    await select("A first lantern").check();
    await bar.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText("Delete", { exact: true }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await page.getByLabel("Starred", { exact: true }).uncheck();
    const size = page.getByLabel("Size");
    await size.fill("400");
    const width = async () => (await tiles.first().boundingBox())?.height;
    await expect.poll(width, SOON).toBeGreaterThan(350);
    await page.reload();
    await expect.poll(width, SOON).toBeGreaterThan(350);

    // A user who comes back is where they were.
    await page.setViewportSize({ width: 480, height: 300 });
    await page.evaluate("scrollTo(0, 150)");
    await page.evaluate(`document.querySelector("a[href='/jobs']").click()`);
    await page.getByRole("grid", { name: "Jobs" }).waitFor();
    await page.evaluate(`document.querySelector("a[href='/gallery']").click()`);
    await tiles.first().waitFor();
    await expect.poll(() => page.evaluate("scrollY"), SOON).toBe(150);
  });
});
