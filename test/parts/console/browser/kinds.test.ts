import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";

import workflow from "../../../../sandbox/src/workflow.json" with { type: "json" };
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { addAll, button, findBarriers, openConsole, promptOf } from "./console-page.ts";

const SOON = { timeout: 20_000, interval: 200 };
const PICTURE = "blackforestlabs/flux-2/flash/text-to-image";
const FILM = "wan-ai/wan-3.0/image-to-video";
const SOUND = "acestep-ai/ace-step-1.5/text-to-audio";

async function run(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(fields))
    await page
      .getByRole("textbox", { name: new RegExp(label, "i") })
      .first()
      .fill(value);
  await button(page, "Run").click();
}

/** How large the pictures and videos of the page are, once they have come, and how long its sounds. */
const SEEN = `[...document.querySelectorAll("main figure :is(img, video, audio)")].map((one) =>
  [one.localName, one.naturalWidth ?? one.videoWidth ?? Math.round(one.duration)])`;

/** Plays the first of these to somewhere, from the start again once the file is kept; what can't be decoded never gets there. */
async function play(page: Page, tag: "video" | "audio"): Promise<void> {
  const time = () =>
    page.evaluate(`(async (one) => {
      await one.play().catch(() => {});
      return one.currentTime;
    })(document.querySelector("main figure ${tag}"))`);
  await expect.poll(time, SOON).toBeGreaterThan(0.2);
}

/** From the page of the sound: opens it large, and goes on to the video. */
async function expectViewer(page: Page): Promise<void> {
  const isPaused = (media: string) => page.evaluate(`${media}.paused`);
  const seen = (selector: string) => `document.querySelector("${selector}")`;
  const keep = (tag: string) => page.evaluate(`kept = ${seen(`dialog ${tag}`)}; undefined`);
  await play(page, "audio");
  await page.getByRole("link", { name: "Open large" }).click();
  await page.getByRole("dialog", { name: "Sound: piano, slow" }).waitFor();
  await page.getByRole("dialog").getByRole("heading", { name: "Sound" }).waitFor();
  await page.locator("dialog .media").getByText("♪ piano, slow").waitFor();
  // Never two at once.
  expect(await isPaused(seen("main figure audio"))).toBe(true);
  await page.keyboard.press("Space");
  await expect
    .poll(() => page.evaluate(`${seen("dialog audio")}.currentTime`), SOON)
    .toBeGreaterThan(0.2);
  expect(await findBarriers(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  const edges = async (name: string) => await page.getByRole("button", { name }).boundingBox();
  const [newer, sound, older] = await Promise.all([
    edges("Newer picture"),
    page.locator("dialog audio").boundingBox(),
    edges("Older picture"),
  ]);
  expect(sound?.x).toBeGreaterThanOrEqual((newer?.x ?? 0) + (newer?.width ?? 0));
  expect((sound?.x ?? 0) + (sound?.width ?? 0)).toBeLessThanOrEqual(older?.x ?? 0);
  await page.setViewportSize({ width: 1_280, height: 800 });

  await keep("audio");
  await page.keyboard.press("ArrowRight");
  await page.getByRole("dialog", { name: "Video: Slow pan" }).waitFor();
  await expect.poll(() => isPaused("kept"), SOON).toBe(true);
  const video = page.getByLabel("Video: Slow pan").locator("video");
  expect(await video.getAttribute("aria-label")).toBe("Video: Slow pan");
  // As large as the stage is high; its controls lie on it, not at the end of the stage.
  await expect.poll(async () => (await video.boundingBox())?.width, SOON).toBe(800);
  expect(await video.evaluate((one) => one.matches("[controls]"))).toBe(true);
  await page.getByRole("dialog").getByRole("heading", { name: "Video" }).waitFor();
  for (const isStill of [false, true]) {
    await page.keyboard.press("Space");
    await expect.poll(() => isPaused(seen("dialog video")), SOON).toBe(isStill);
  }
  // Where it has the focus, its own keys work.
  await video.focus();
  await page.keyboard.press("Space");
  await expect.poll(() => isPaused(seen("dialog video")), SOON).toBe(false);
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("dialog", { name: "Video: Slow pan" }).waitFor();
  await keep("video");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => isPaused("kept"), SOON).toBe(true);
}

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console", { timeout: 90_000 }, () => {
  test("shows the picture, the video and the sound of models that the command added, with their prices and costs", async () => {
    const DEPLOYMENTS_FILE = await addAll([PICTURE, FILM, SOUND]);
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE, SANDBOX_SPEED: "20" });
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByText("Model API").first().waitFor();
    await page.locator("dd", { hasText: /\$0\.08\s*per second/ }).waitFor();
    await page.getByText("1080p costs twice as much.").waitFor();
    expect(await findBarriers(page)).toEqual([]);

    await page.getByRole("link", { name: "Run Flux 2 Flash" }).click();
    await page.waitForURL(`${origin}/run/${encodeURIComponent(PICTURE)}`);
    await run(page, { "^Prompt": "A red kite" });
    await expect.poll(() => page.evaluate(SEEN), SOON).toEqual([["img", 960]]);

    await page.goto(`${origin}/run/${encodeURIComponent(FILM)}`);
    const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const file = { name: "teal.png", mimeType: "image/png", buffer };
    await page.locator("input[type=file]").first().setInputFiles(file);
    await page.getByText("teal.png", { exact: true }).waitFor();
    await run(page, { "^Prompt": "Slow pan" });
    await expect.poll(() => page.evaluate(SEEN), SOON).toEqual([["video", 480]]);
    await play(page, "video");

    await page.goto(`${origin}/run/${encodeURIComponent(SOUND)}`);
    await run(page, { "^Tags": "piano, slow" });
    await expect.poll(() => page.evaluate(SEEN), SOON).toEqual([["audio", 30]]);
    await play(page, "audio");
    expect(await findBarriers(page)).toEqual([]);

    await page.getByRole("link", { name: "Details" }).click();
    await page.getByText("Kept here,").waitFor();
    await page.locator("dd", { hasText: "Model API" }).waitFor();
    await page.locator("dd", { hasText: "$0.006" }).waitFor();
    await expect.poll(() => page.title()).toMatch(/^piano, slow/);
    await expectViewer(page);
    await page.getByRole("link", { name: "Gallery" }).click();
    await page.locator(".gallery-grid video").waitFor();
    // A thumbnail, which takes a real picture.
    const width = () => page.evaluate("document.querySelector('.gallery-grid img').naturalWidth");
    await expect.poll(width, SOON).toBe(320);
    // A sound has no picture that says what it is, and is not compared with one.
    const captions = `[...document.querySelectorAll(".gallery-caption")].map((it) =>
      it.innerText + " " + getComputedStyle(it).opacity)`;
    expect(await page.evaluate(captions)).toContain("piano, slow 1");
    expect(await page.evaluate(captions)).toContain("A red kite 0");
    await page.getByRole("link", { name: "Picture: A red kite" }).click();
    await button(page, "Compare").click();
    await page.getByText("There is no other one to compare with yet.").waitFor();
  });

  test("asks in front for what decides the result, as shapes and words, also by keyboard, and sends the values as they are", async () => {
    const DEPLOYMENTS_FILE = await addAll([PICTURE, FILM, workflow.id]);
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE, SANDBOX_SPEED: "20" });
    const radio = (name: string) => page.getByRole("radio", { name, exact: true });
    const checked = () => page.locator("label:has([type=radio]:checked)").allInnerTexts();
    const inputOf = async () => {
      const sent = page.waitForRequest((one) => /mutation Run\(/.test(one.postData() ?? ""));
      await button(page, "Run").click({ delay: 1_000 });
      return (await sent).postDataJSON().variables.input;
    };
    await page.goto(`${origin}/run/${encodeURIComponent(PICTURE)}`);
    await promptOf(page).fill("A red kite");
    const sizes = page.getByRole("radiogroup", { name: "Image size" });
    expect(await sizes.locator("label").allInnerTexts()).toEqual([
      ...["Square HD", "Square", "Portrait 3:4", "Portrait 9:16", "Landscape 4:3"],
      "Landscape 16:9",
    ]);
    expect(await checked()).toEqual(["Landscape 4:3"]);
    expect(await inputOf()).not.toHaveProperty("image_size");
    await promptOf(page).focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    expect(await checked()).toEqual(["Landscape 16:9"]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await checked()).toEqual(["Portrait 9:16"]);
    expect(await findBarriers(page)).toEqual([]);
    expect(await inputOf()).toMatchObject({ image_size: "portrait_16_9" });
    await button(page, "Take the default of Image size").click();
    expect(await checked()).toEqual(["Landscape 4:3"]);

    await page.goto(`${origin}/run/${encodeURIComponent(FILM)}`);
    await expect.poll(checked, SOON).toEqual(["Adaptive", "720p"]);
    await page.locator("[data-name=duration]", { hasText: "5 s" }).waitFor();
    expect(await button(page, "Rotate").getAttribute("aria-disabled")).toBe("true");
    await promptOf(page).fill("Slow pan");
    await page.route("https://example.com/**", (route) => route.fulfill({ body: "" }));
    await page
      .getByPlaceholder(/an address/)
      .first()
      .fill("https://example.com/a.png");
    await radio("16:9").check();
    await button(page, "Rotate").click();
    await radio("1080p").check();
    await page.getByRole("textbox", { name: "Duration" }).fill("8");
    await page.locator("[data-name=duration]", { hasText: "8 s" }).waitFor();
    expect(await inputOf()).toMatchObject({
      ...{ aspect_ratio: "9:16", resolution: "1080p", duration: 8 },
    });

    await page.goto(`${origin}/run/${workflow.id}`);
    await radio("1:1").check();
    await page.getByText("640 × 640", { exact: true }).waitFor();
  });

  test("runs a workflow that the command added by the names of its entry", async () => {
    const DEPLOYMENTS_FILE = await addAll([workflow.id]);
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE, SANDBOX_SPEED: "20" });
    await page.goto(`${origin}/run/${workflow.id}`);
    await run(page, { "^Prompt|^Text": "A tin robot" });
    await expect
      .poll(() => page.evaluate(SEEN), SOON)
      .toEqual([
        ["img", 768],
        ["img", 768],
        ["video", 480],
      ]);
    await play(page, "video");
    await page.getByRole("link", { name: "Details" }).click();
    await page.locator("dd", { hasText: "ComfyUI workflow" }).waitFor();
  });
});
