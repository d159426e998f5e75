import { randomBytes } from "node:crypto";

import type { Locator, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { countJobs } from "../../../support/graphql-client.ts";
import {
  findBarriers,
  LANTERN,
  makePictures,
  openConsole,
  runPrompt,
  WARM_GLOW,
} from "./console-page.ts";

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
/** How many pixels of the screen one of each picture has, in percent. */
const percents = (page: Page) =>
  page
    .locator(".lightbox-stage img")
    .evaluateAll((all) =>
      all.map((img) =>
        img instanceof HTMLImageElement
          ? Math.round((img.getBoundingClientRect().width / img.naturalWidth) * 100)
          : 0,
      ),
    );
const edges = (page: Page) => page.locator(".lightbox-stage img").first().boundingBox();
/** Whether each picture is seen from edge to edge. */
const areWhole = (page: Page) =>
  page.locator(".lightbox-stage img").evaluateAll((all) =>
    all.map((img) => {
      const [inner, outer] = [img, img.closest(".lightbox-stage")].map((element) =>
        element?.getBoundingClientRect(),
      );
      if (!inner || !outer) return false;
      // It ends at whole pixels.
      const isAcross = inner.width < outer.width + 1;
      return isAcross && inner.top >= outer.top && inner.bottom <= outer.bottom;
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
    for (const name of ["Fit", "100 %", "Use these values", "Use as input", "Compare", "Close"])
      expect(snapshot).toContain(`button "${name}"`);
    expect(snapshot).toMatch(/link "Download"[^]*button "Copy the link"[^]*link "Details"/);
    expect(await findBarriers(page)).toEqual([]);
    expect(await areWhole(page)).toEqual([true]);
    // Nor does anything lie below the page's scrollbar.
    const right = `document.querySelector(".lightbox-side").getBoundingClientRect().right`;
    expect(await page.evaluate(`${right} - document.body.getBoundingClientRect().right`)).toBe(0);

    // 800 of its 1,024 pixels high.
    const fit = dialog.getByRole("button", { name: "Fit" });
    await dialog.getByText("78 %", { exact: true }).waitFor();
    expect(await fit.getAttribute("aria-pressed")).toBe("true");
    for (const percent of [100, 200]) {
      await page.keyboard.press("+");
      await dialog.getByText(`${percent} %`, { exact: true }).first().waitFor();
      expect(await percents(page)).toEqual([percent]);
    }
    await page.mouse.move(400, 300);
    await page.mouse.wheel(0, -200);
    await expect.poll(() => percents(page)).not.toEqual([200]);
    const before = await edges(page);
    await page.mouse.down();
    await page.mouse.move(440, 330, { steps: 3 });
    await page.mouse.up();
    expect(await edges(page)).not.toEqual(before);
    await page.keyboard.press("0");
    expect(await percents(page)).toEqual([78]);
    await page.keyboard.press("1");
    expect(await percents(page)).toEqual([100]);
    await fit.click();
    await pinch(page);
    expect((await percents(page))[0]).toBeGreaterThan(150);
    await fit.click();
    expect(await percents(page)).toEqual([78]);

    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: "Picture: A second lantern" }).waitFor();
    await expect.poll(() => percents(page)).toEqual([78]);
    await button(page, "Compare").click();
    await dialog.getByRole("button", { name: "Picture: A first lantern" }).click();
    await dialog.getByText("What differs").waitFor();
    expect(await areWhole(page)).toEqual([true, true]);
    // The button that had the focus is gone, and the keys work all the same.
    await expect.poll(() => percents(page)).toEqual([45, 45]);
    await page.keyboard.press("+");
    await expect.poll(() => percents(page)).toEqual([68, 68]);
    await page.keyboard.press("0");
    expect(page.url()).toContain(`with=${oldest}.0`);
    await page.mouse.move(200, 300);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => (await percents(page))[0]).toBeGreaterThan(46);
    expect(new Set(await percents(page)).size).toBe(1);
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

  test("at 100 % and more, each of its pixels is exactly as many of the screen's, wherever it is moved", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    const [id] = await makePictures(origin, ["A lantern"]);
    const source = { width: 2_501, height: 1_803, channels: 3 as const };
    const noise = randomBytes(source.width * source.height * 3);
    const body = await sharp(noise, { raw: source }).png().toBuffer();
    for (const deviceScaleFactor of [1, 2]) {
      const viewport = { width: 1_281, height: 801 };
      const context = await page.context().browser()?.newContext({ viewport, deviceScaleFactor });
      const screen = await context?.newPage();
      if (screen === undefined) throw new Error("There is no browser.");
      onTestFinished(async () => await context?.close());
      await screen.route("**/*", (route) =>
        route.request().resourceType() === "image"
          ? route.fulfill({ contentType: "image/png", body })
          : route.continue(),
      );
      await screen.goto(`${origin}/gallery?open=${id}.0`);
      const img = screen.locator(".lightbox-placed img");
      await img.waitFor();
      const rendering = () => img.evaluate((one) => getComputedStyle(one).imageRendering);
      expect(await rendering()).toBe("auto");
      await screen.getByRole("button", { name: "100 %" }).click();
      await screen.getByRole("button", { name: "100 %", pressed: true }).waitFor();
      await screen.mouse.move(300, 300);
      await screen.mouse.down();
      await screen.mouse.move(317, 288);
      await screen.mouse.up();
      for (const factor of [1, 2]) {
        const clip = { x: 200, y: 200, width: 300, height: 200 };
        const shown = await sharp(await screen.screenshot({ clip }))
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        const { left, top } = await img.evaluate((one) => {
          const box = one.getBoundingClientRect();
          return { left: box.left, top: box.top };
        });
        const [x, y] = [clip.x - left, clip.y - top].map((from) => from * deviceScaleFactor);
        const { data, info } = shown;
        let wrong = 0;
        for (let row = 0; row < info.height; row += 1)
          for (let column = 0; column < info.width; column += 1) {
            const from = Math.floor(((y ?? 0) + row + 0.01) / factor) * source.width;
            const at = (from + Math.floor(((x ?? 0) + column + 0.01) / factor)) * 3;
            const pixel = (row * info.width + column) * 3;
            if (!noise.subarray(at, at + 3).equals(data.subarray(pixel, pixel + 3))) wrong += 1;
          }
        expect([deviceScaleFactor, factor, wrong]).toEqual([deviceScaleFactor, factor, 0]);
        expect(await rendering()).toBe("pixelated");
        await screen.keyboard.press("+");
      }
    }
  });

  test("what went in lies over it, whole and around the same middle, up to a line that is moved", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    const create = { width: 800, height: 300, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const file = { name: "teal.png", mimeType: "image/png", buffer };
    await page.locator("input[type=file]").first().setInputFiles(file);
    await page.getByText("teal.png", { exact: true }).waitFor();
    await runPrompt(page, "Warmer");
    await button(page, "Before and after").click();
    const given = page.getByRole("img", { name: "What went in" });
    const made = (within: string) => page.locator(`${within} img`).first();
    const box = async (one: Locator) => (await one.boundingBox()) ?? { x: 0, width: 0 };
    // Both are fitted into this one box.
    expect(await box(given)).toEqual(await box(made("figure")));
    const slider = page.getByRole("slider", { name: /before/ });
    await slider.fill("30");
    const cut = () => page.locator(".before").evaluate((one) => getComputedStyle(one).clipPath);
    expect(await cut()).toBe("inset(0px 70% 0px 0px)");
    await button(page, "Before and after").click();

    await page.locator("figure a").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Before and after" }).click();
    expect(await findBarriers(page)).toEqual([]);
    for (const key of ["0", "+"]) {
      await page.keyboard.press(key);
      expect(await box(given)).toEqual(await box(made("dialog .lightbox-placed")));
    }
    // The line is where the hand is, and the picture stays meanwhile.
    const stage = await box(dialog.locator(".lightbox-stage"));
    const still = await box(given);
    await page.mouse.move(stage.x + stage.width / 2, 200);
    await page.mouse.down();
    await page.mouse.move(stage.x + stage.width / 4, 260);
    await page.mouse.up();
    expect(await cut()).toBe("inset(0px 75% 0px 0px)");
    expect(await box(given)).toEqual(still);
    await page.mouse.move(stage.x + stage.width * 0.8, 200);
    await page.mouse.down();
    await page.mouse.move(stage.x + stage.width * 0.75, 260);
    await page.mouse.up();
    expect(await cut()).toBe("inset(0px 75% 0px 0px)");
    expect(await box(given)).not.toEqual(still);
    expect(await box(given)).toEqual(await box(made("dialog .lightbox-placed")));
    await dialog.getByRole("slider").focus();
    await page.keyboard.press("ArrowRight");
    expect(await cut()).toBe("inset(0px 74% 0px 0px)");
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
