import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { countJobs } from "../../../support/graphql-client.ts";
import { findBarriers, LANTERN, makePictures, openConsole } from "./console-page.ts";

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const scales = (page: Page) =>
  page.locator(".lightbox-zoomed").evaluateAll((all) => all.map(({ style }) => style.transform));
/** Whether each picture is seen from edge to edge. */
const areWhole = (page: Page) =>
  page.locator(".lightbox-stage img").evaluateAll((all) =>
    all.map((img) => {
      const [inner, outer] = [img, img.closest(".lightbox-stage")].map((element) =>
        element?.getBoundingClientRect(),
      );
      if (!inner || !outer) return false;
      return inner.top >= outer.top && inner.bottom <= outer.bottom && inner.width <= outer.width;
    }),
  );

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("a picture that is opened", { timeout: 90_000 }, () => {
  test("is zoomed and moved, leads to those beside it, and is compared with another", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    const [oldest = ""] = await makePictures(origin, [
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
    const snapshot = await dialog.ariaSnapshot();
    for (const name of ["Newer picture", "Older picture", "Zoom in", "Zoom out", "Copy the prompt"])
      expect(snapshot).toContain(`button "${name}"`);
    for (const name of ["Use these values", "Use as input", "Compare", "Delete", "Close"])
      expect(snapshot).toContain(`button "${name}"`);
    expect(snapshot).toMatch(/link "Download"[^]*button "Copy the link"[^]*link "Details"/);
    expect(await findBarriers(page)).toEqual([]);
    expect(await areWhole(page)).toEqual([true]);

    await dialog.getByTitle("Show all of it").getByText("Fit").waitFor();
    await page.keyboard.press("+");
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1.5)"]);
    await dialog.getByText("1.5 ×").waitFor();
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
    await dialog.getByTitle("Show all of it").click();
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1)"]);

    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: "Picture: A second lantern" }).waitFor();
    expect(await scales(page)).toEqual(["translate(0%, 0%) scale(1)"]);
    await button(page, "Compare").click();
    await dialog.getByRole("button", { name: "Picture: A first lantern" }).click();
    await dialog.getByText("What differs").waitFor();
    expect(await areWhole(page)).toEqual([true, true]);
    // The button that had the focus is gone, and the keys work all the same.
    await page.keyboard.press("+");
    await expect.poll(() => scales(page)).toEqual(Array(2).fill("translate(0%, 0%) scale(1.5)"));
    await page.keyboard.press("0");
    expect(page.url()).toContain(`with=${oldest}.0`);
    await page.mouse.move(200, 300);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => new Set(await scales(page)).size).toBe(1);
    expect(await scales(page)).toHaveLength(2);
    expect(await findBarriers(page)).toEqual([]);
    const second = page.getByRole("region", { name: "The second" });
    await second.getByRole("button", { name: /^Actions/ }).click();
    await second.getByRole("button", { name: "Star", pressed: false }).click();
    await second.getByRole("button", { name: "Star", pressed: true }).waitFor();
    await second.getByRole("button", { name: "Tags" }).click();
    await second.getByLabel("Add a tag").fill("keeper");
    await page.keyboard.press("Enter");
    for (const _ of ["Tags", "Actions"]) await page.keyboard.press("Escape");
    await second.getByRole("link", { name: "keeper" }).waitFor();
    await button(page, "Only the second").click();
    await page.getByRole("dialog", { name: "Picture: A first lantern" }).waitFor();
    // It was not the other one that got them.
    await dialog.getByRole("button", { name: "Star", pressed: true }).waitFor();
    await dialog.getByRole("link", { name: "keeper" }).waitFor();

    await page.keyboard.press("ArrowLeft");
    await page.getByRole("dialog", { name: "Picture: A second lantern" }).waitFor();
    expect(await dialog.getByRole("link", { name: "keeper" }).count()).toBe(0);
    await dialog.getByRole("button", { name: "Star", pressed: false }).focus();
    for (const name of ["A first lantern", "A second lantern", "A third lantern"]) {
      await page.keyboard.press(name === "A first lantern" ? "ArrowRight" : "ArrowLeft");
      await page.getByRole("dialog", { name: `Picture: ${name}` }).waitFor();
    }

    // On a phone what is offered is below what one sees, and it can be closed from there.
    await page.setViewportSize({ width: 390, height: 844 });
    await dialog.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    expect(await button(page, "Close").evaluate(isInView)).toBe(true);
    await button(page, "Compare").click();
    const offered = dialog.getByRole("button", { name: "Picture: A first lantern" });
    await expect.poll(() => offered.evaluate(isInView)).toBe(true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await dialog.getByText("What differs").waitFor();
  });

  test("fills the form again, and is deleted once that is confirmed", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    const [id] = await makePictures(origin, ["A second lantern"]);
    await page.goto(`${origin}/jobs/${id}`);
    const link = page.getByRole("link", { name: "Picture: A second lantern" });
    const dialog = page.getByRole("dialog", { name: "Picture: A second lantern" });
    // In the middle of its place, which is wider.
    const place = await page.getByRole("region", { name: "Outputs" }).boundingBox();
    const seen = await link.boundingBox();
    expect(seen).toMatchObject({ x: place?.x, width: place?.width });
    await link.click();
    await dialog.getByRole("button", { name: "Use these values" }).click();
    await page.waitForURL(`${origin}/run/${LANTERN}`);
    await expect.poll(() => page.getByLabel(/^Prompt/i).inputValue()).toBe("A second lantern");
    expect(await countJobs(origin)).toBe(1);

    // Over the form that it fills, too.
    await page.goto(`${origin}/run/${LANTERN}?open=${id}.0`);
    await dialog.locator("dt:text-is('Seed') + dd", { hasText: "7" }).waitFor();
    // The file goes into the form of another deployment, with the words.
    await page.goto(`${origin}/gallery?open=${id}.0`);
    await dialog.getByRole("button", { name: "Use as input" }).click();
    await dialog.getByRole("button", { name: "Warm Glow" }).click();
    await page.getByRole("img", { name: /^Picture 1/ }).waitFor();
    expect(await page.getByLabel(/^Prompt/i).inputValue()).toBe("A second lantern");
    expect(await countJobs(origin)).toBe(1);

    await page.goto(`${origin}/jobs/${id}`);
    await link.click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    // Keys of the viewer are not meant for a question above it.
    await page.keyboard.press("i");
    await button(page, "Cancel").click();
    await page.keyboard.press("Escape");
    await page.locator("a:focus img").waitFor();
    await link.click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    const question = page.getByRole("dialog", { name: "Delete this job?" });
    await question.getByText("Delete", { exact: true }).click();
    await page.waitForURL(`${origin}/jobs`);
    expect(await countJobs(origin)).toBe(0);
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

function isInView(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}
