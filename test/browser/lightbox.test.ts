import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { closeBrowser, hasChromium } from "../support/chromium.ts";
import { JobDocument } from "../support/gql/operations.ts";
import { countJobs, request, submit } from "../support/graphql-client.ts";
import { findBarriers, openConsole } from "./console-page.ts";

const SOON = { timeout: 20_000, interval: 200 };
const LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const scales = (page: Page) =>
  page.locator(".lightbox-zoomed").evaluateAll((all) => all.map(({ style }) => style.transform));

/** Jobs with these prompts, oldest first, once all have their pictures. */
async function makePictures(
  origin: string,
  prompts: readonly string[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const prompt of prompts) {
    const { id } = await submit(origin, LANTERN, prompt);
    ids.push(id);
    const isDone = async () => (await request(origin, JobDocument, { id })).job?.isFinished;
    await expect.poll(isDone, SOON).toBe(true);
  }
  return ids;
}

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("a picture that is opened", { timeout: 90_000 }, () => {
  test("is zoomed, compared, used again and deleted, wherever it was opened", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    const [oldest = "", middle = ""] = await makePictures(origin, [
      "A first lantern",
      "A second lantern",
      "A third lantern",
    ]);
    await page.goto(`${origin}/gallery`);
    await page.getByRole("link", { name: "Picture: A third lantern" }).click();
    const dialog = page.getByRole("dialog");
    await page.getByRole("dialog", { name: "Picture: A third lantern" }).waitFor();
    await dialog.getByRole("img", { name: "Picture: A third lantern" }).waitFor();
    // What a screen reader offers.
    const heard = await dialog.ariaSnapshot();
    for (const name of ["Newer picture", "Older picture", "Zoom in", "Zoom out", "Copy the prompt"])
      expect(heard).toContain(`button "${name}"`);
    for (const name of ["Use these values", "Use as input", "Compare with…", "Delete", "Close"])
      expect(heard).toContain(`button "${name}"`);
    expect(heard).toMatch(/link "Download"[^]*button "Copy link"[^]*link "Details"/);
    expect(await findBarriers(page)).toEqual([]);

    await page.keyboard.press("+");
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1.5)"]);
    await page.mouse.move(400, 300);
    await page.mouse.wheel(0, -200);
    await expect.poll(() => scales(page)).not.toEqual(["translate(0%, 0%) scale(1.5)"]);
    const before = await scales(page);
    await page.mouse.down();
    await page.mouse.move(440, 330, { steps: 3 });
    await page.mouse.up();
    expect(await scales(page)).not.toEqual(before);
    await page.keyboard.press("0");
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1)"]);
    await pinch(page);
    expect((await scales(page))[0]).toMatch(/scale\([234]/);

    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: "Picture: A second lantern" }).waitFor();
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1)"]);
    await button(page, "Compare with…").click();
    await dialog.getByRole("button", { name: "Picture: A first lantern" }).click();
    await dialog.getByText("What differs").waitFor();
    expect(page.url()).toContain(`with=${oldest}%2F0`);
    await page.mouse.move(200, 300);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => new Set(await scales(page)).size).toBe(1);
    expect(await scales(page)).toHaveLength(2);
    expect(await findBarriers(page)).toEqual([]);
    await button(page, "Only the second").click();
    await page.getByRole("dialog", { name: "Picture: A first lantern" }).waitFor();

    await button(page, "Use these values").click();
    await page.waitForURL(`${origin}/run/${LANTERN}`);
    await expect.poll(() => page.getByLabel(/^Prompt/i).inputValue()).toBe("A first lantern");
    expect(await countJobs(origin)).toBe(3);

    await page.goto(`${origin}/jobs/${middle}`);
    await page.getByRole("link", { name: "Picture: A second lantern" }).click();
    const second = page.getByRole("dialog", { name: "Picture: A second lantern" });
    await second.getByRole("button", { name: "Delete" }).click();
    await button(page, "Don't delete").click();
    await page.keyboard.press("Escape");
    await page.locator("a:focus img").waitFor();
    await page.getByRole("link", { name: "Picture: A second lantern" }).click();
    await second.getByRole("button", { name: "Delete" }).click();
    await page
      .getByRole("dialog", { name: "Delete this job?" })
      .getByText("Delete", { exact: true })
      .click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await page.waitForURL(`${origin}/jobs`);
  });
});

/** Two fingers on the middle of the page, which spread to twice as far and more. */
async function pinch(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const fingers = (apart: number) => [
    { x: 400 - apart, y: 300, id: 1 },
    { x: 400 + apart, y: 300, id: 2 },
  ];
  const send = (type: "touchStart" | "touchMove" | "touchEnd", apart: number) =>
    session.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: type === "touchEnd" ? [] : fingers(apart),
    });
  await send("touchStart", 50);
  for (const apart of [80, 110, 140]) await send("touchMove", apart);
  await send("touchEnd", 0);
}
