import { globSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { Request } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";

import sandbox from "../../../../sandbox/src/deployments.json" with { type: "json" };
import { closeBrowser, hasChromium, holdUploads, openPage } from "../../../support/chromium.ts";
import { SubmitJobDocument } from "../../../support/gql/operations.ts";
import { countJobs, request } from "../../../support/graphql-client.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import {
  button,
  expectMain,
  findBarriers,
  HARBOUR,
  LANTERN,
  main,
  makePictures,
  openConsole,
  promptOf,
  runPrompt,
  SOON,
  WARM_GLOW,
} from "./console-page.ts";

const SLOW_TIDE = "e4079b13-5ad8-4c62-b7e9-f31d60a82c03";

/** Of script, gzipped. */
const MAX_FIRST_BYTES = 55_000;
const MAX_BYTES = 130_000;
const ASSETS = join(import.meta.dirname, "../../../../console/dist/assets");
/** Keys come in tasks of their own, and there may be no frame between two of them. */
const TYPE_AND_RUN = `(async (field) => {
  field.select();
  document.execCommand("insertText", false, "A lantern in the rain");
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => { port1.onmessage = resolve; port2.postMessage(0); });
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
})(document.querySelector("main textarea"))`;

const SENT = z.object({ variables: z.object({ key: z.string() }) });
const SEED = z.object({ variables: z.object({ input: z.object({ seed: z.int().min(0) }) }) });
const SEEDS = z.object({
  variables: z.object({
    items: z.array(
      z.object({ input: z.object({ seed: z.int().min(0) }), idempotencyKey: z.string() }),
    ),
  }),
});

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>';

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("making pictures in the console", { timeout: 90_000 }, () => {
  test("a person sees a picture they asked for without a line of code, and pays once for a double click, also of a gateway that restarts", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs`);
    await other.getByText("live", { exact: true }).waitFor();
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.getByLabel("Deployment", { exact: true }).focus();
    for (const id of [LANTERN, SLOW_TIDE]) {
      await page.keyboard.press("ArrowDown");
      await page.waitForURL(`${origin}/run/${id}`);
    }
    await page.keyboard.press("ArrowUp");
    await page.waitForURL(`${origin}/run/${LANTERN}`);
    await promptOf(page).fill("A lantern for two");
    const unavailable = { message: "Try again.", extensions: { code: "UNAVAILABLE" } };
    let submits = 0;
    await page.route("**/graphql", async (route) => {
      const isSubmit = route.request().postData()?.includes("mutation Run(") === true;
      if (isSubmit) submits += 1;
      if (!isSubmit || submits > 1) return await route.continue();
      return await route.fulfill({ status: 503, json: { errors: [unavailable] } });
    });
    await button(page, "Run").dblclick();
    await expectMain(page, /Done/);
    await page.locator("main img").first().waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await expectMain(other, /A lantern for two.*Done/);
    await page.locator("button:focus", { hasText: /^Run(,|$)/ }).waitFor();
    await page.reload();
    await page.locator("main img").first().waitFor();
    expect(await countJobs(origin)).toBe(1);
    // One run says nothing about the next.
    expect(await main(page)).not.toContain("A run takes");
  });

  test("a job that waits is cancelled, and one that is done is run again with a new seed", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "2" });
    await runPrompt(page, "[slow] A lantern that nobody wants");
    await button(page, "Cancel").click();
    await expectMain(page, /Cancelled/);
    await runPrompt(page, "A lantern once more");
    await expectMain(page, /Done/);
    await page.getByText("As code").click();
    const code = page.locator(".run-code pre");
    await code.waitFor();
    await button(page, "Run again").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByText("It is a new job.").waitFor();
    await button(page, "New seed").click();
    await expect.poll(() => countJobs(origin), SOON).toBe(3);
    await page.getByText("Sending…").waitFor({ state: "detached" });
    await page.locator(".toolbar button:focus").waitFor();
    const promised = await code.innerText();
    const [sent] = await Promise.all([
      page.waitForRequest((asked) => asked.postData()?.includes("mutation Run(") === true),
      // So long after an answer it is meant as another job.
      button(page, "Run").click({ delay: 1_000 }),
    ]);
    expect(promised).toContain(SENT.parse(sent.postDataJSON()).variables.key);
    await expect.poll(() => countJobs(origin), SOON).toBe(4);
  });

  test("Ctrl and Enter run what was typed just before, and the page prints nothing", async () => {
    const { page } = await openConsole({ SANDBOX_SPEED: "20" });
    const printed: string[] = [];
    page.on("console", (message) => printed.push(message.text()));
    await promptOf(page).fill("A lantern");
    await page.evaluate(TYPE_AND_RUN);
    await expectMain(page, /Done.*A lantern in the rain/);
    expect(printed).toEqual([]);
  });

  test("a choice that is not offered is shown beside what is wrong with it, and code is not spell-checked", async () => {
    const { page, origin } = await openConsole();
    const draft = JSON.stringify({ sampler: '"heun"', "": '{ "cfg": 7 }' });
    await page.evaluate(
      `sessionStorage.setItem("draft local ${HARBOUR}", ${JSON.stringify(draft)})`,
    );
    await page.goto(`${origin}/run/${HARBOUR}`);
    await expectMain(page, /Sampler .* dpmpp_2m/);
    const sampler = page.getByLabel("Sampler");
    expect(await sampler.locator(":checked").innerText()).toBe("heun");
    const ofCode = [page.getByLabel("More as JSON"), page.getByPlaceholder(/address/)];
    for (const field of ofCode) expect(await field.getAttribute("spellcheck")).toBe("false");
    expect(await promptOf(page).getAttribute("spellcheck")).not.toBe("false");
  });

  test("a wrong value is marked beside its field before anything is paid for, also where nothing outlives a reload", async () => {
    const { page, origin } = await openConsole();
    await page.addInitScript(
      "Object.defineProperty(self, 'sessionStorage', { get: () => null() })",
    );
    await page.reload();
    const width = page.getByLabel(/^Width/i).last();
    const seed = page.getByLabel(/^Seed/i);
    const leave = () => page.evaluate("document.activeElement.blur()");
    const checked = page.waitForResponse(
      (one) => one.request().postData()?.includes("query CheckInput") === true,
    );
    // A form that one only goes through says nothing of what is still empty.
    for (let presses = 0; presses < 12; presses += 1) await page.keyboard.press("Tab");
    await checked;
    await promptOf(page).focus();
    await leave();
    expect(await main(page)).not.toContain("missing");
    // Also where a click on nothing takes the focus.
    await promptOf(page).fill("A");
    await promptOf(page).fill("");
    await leave();
    await expectMain(page, /Prompt \* .*missing/);
    await promptOf(page).fill("قارب, red");
    expect(await page.locator("textarea:dir(rtl)").count()).toBe(1);
    await page.getByText("Custom", { exact: true }).click();
    await width.fill("10");
    await expectMain(page, /is 10/);
    await seed.pressSequentially("12-34");
    await width.fill("1030");
    await page.getByText("is rounded down").waitFor();
    await promptOf(page).fill("");
    await button(page, "Run").click();
    await page.getByText("Seed is no number").waitFor();
    await seed.fill("12");
    await button(page, "Run").click();
    await page.getByText("Correct the marked fields").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(await countJobs(origin)).toBe(0);
  });

  test("a picture that is given is uploaded and goes with the job, unless another was given meanwhile", async () => {
    const file = join(await createTemporaryFolder(), "deployments.json");
    const picture = { type: "string", format: "image_uri" };
    const inputSchema = { properties: { pictures: { type: "array", items: picture } } };
    const board = { id: "board", name: "Board", inputSchema };
    await writeFile(file, JSON.stringify({ deployments: [...sandbox.deployments, board] }));
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE: file, SANDBOX_SPEED: "20" });
    const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const mimeType = "image/png";
    const give = (name: string, slot = 0) =>
      page.locator("input[type=file]").nth(slot).setInputFiles({ name, mimeType, buffer });

    await page.goto(`${origin}/run/board`);
    const addresses = page.getByPlaceholder(/an address/);
    await addresses.fill("https://127.0.0.1/old.png");
    let letUploadsGo = await holdUploads(page);
    await give("first.png");
    await give("second.png", 1);
    letUploadsGo();
    for (const name of ["first.png", "second.png"])
      await page.getByText(name, { exact: true }).waitFor();
    // Of many only the newest stay in the page.
    await page.evaluate(COUNT_FORGOTTEN);
    const many = Array.from({ length: 21 }, (_, nth) => ({ name: `${nth}.png`, mimeType, buffer }));
    await page.locator("input[type=file]").nth(2).setInputFiles(many);
    await expect.poll(() => page.evaluate("forgotten"), SOON).toBe(3);
    await page.getByText("20.png", { exact: true }).waitFor();

    await page.goto(`${origin}/run/${WARM_GLOW}`);
    // A file that is taken out takes the focus along, but nobody has left its field without one.
    await give("mistaken.png");
    await page.getByText("mistaken.png", { exact: true }).waitFor();
    const checked = page.waitForResponse((one) =>
      /query CheckInput(?!.*upload:)/s.test(one.request().postData() ?? ""),
    );
    await page.getByRole("button", { name: /^Remove / }).click();
    await checked;
    await page.getByText("The picture to edit.").waitFor();
    letUploadsGo = await holdUploads(page);
    const arrived = page.waitForResponse(/\/uploads\//);
    await give("wrong.png");
    await page.getByText("Uploading wrong.png").waitFor();
    await button(page, "Run").click({ force: true });
    await page.getByText("The upload has to end first").waitFor();
    await addresses.first().fill("https://127.0.0.1/right.png");
    letUploadsGo();
    await arrived;
    await promptOf(page).fill("Warmer");
    expect(await addresses.first().inputValue()).toBe("https://127.0.0.1/right.png");

    await give("teal.png");
    await page.getByText("teal.png", { exact: true }).waitFor();
    await button(page, "Run").click();
    await expectMain(page, /Done/);
    expect(await countJobs(origin)).toBe(1);

    await button(page, "Before and after").click();
    await page.getByRole("slider", { name: /before/ }).fill("30");
    const clip = "getComputedStyle(document.querySelector('.before')).clipPath";
    expect(await page.evaluate(clip)).toBe("inset(0px 70% 0px 0px)");
    expect(await findBarriers(page)).toEqual([]);
    await page.getByText("Use as input").click();
    await button(page, "Warm Glow").click();
    await page.getByText("0.png", { exact: true }).waitFor();
    expect(await page.getByLabel(/^Seed/i).inputValue()).toBe("");
    // The menu would cover the form, and offers the same again.
    await page.getByRole("group", { name: "Use as input" }).waitFor({ state: "hidden" });
    await page.getByText("Use as input").click();
    await button(page, "Warm Glow").click({ trial: true });
    await button(page, "Run").click({ delay: 1_000 });
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
  });

  test("an address with a % stands as it is, typed or a job's, and what can't be read is said beside its field, also after a reload", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const picture = { contentType: "image/svg+xml", body: SVG };
    await page.route("https://example.com/**", (route) => route.fulfill(picture));
    const input = { prompt: "A lantern", ctrl_img_1: "https://example.com/50%off.png" };
    const variables = { deploymentId: WARM_GLOW, input, idempotencyKey: null };
    await request(origin, SubmitJobDocument, variables);
    await expect.poll(() => countJobs(origin, ["SUCCEEDED"]), SOON).toBe(1);

    await page.goto(`${origin}/run/${WARM_GLOW}`);
    const address = page.getByPlaceholder(/address/).first();
    await address.fill("https://example.com/100%.png");
    await page.getByText("From the web").waitFor();
    await page.reload();
    await page.getByText("From the web").waitFor();
    expect(await address.inputValue()).toBe("https://example.com/100%.png");
    await page.getByRole("list", { name: "Latest pictures" }).getByRole("button").click();
    for (const reload of [() => page.reload(), () => undefined]) {
      await page.getByText("50%off.png", { exact: true }).waitFor();
      await reload();
    }

    await page.goto(`${origin}/run/of-which-nothing-is-known`);
    const code = page.locator("main textarea");
    await code.fill(`{"a":${"[".repeat(9_000)}${"]".repeat(9_000)}}`);
    await page.reload();
    await button(page, "Run").click();
    await page.getByText("Input is nested deeper than 64 levels; flatten it.").waitFor();
  });

  test("a seed is always a number, which is seen beside its picture and used again", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const seeds: number[] = [];
    page.on("request", (one) => {
      if (one.postData()?.includes("mutation Run(") === true)
        seeds.push(SEED.parse(one.postDataJSON()).variables.input.seed);
    });
    const seed = page.getByLabel(/^Seed/i);
    const another = page.getByLabel("New seed each run");
    expect(await another.isChecked()).toBe(true);
    await runPrompt(page, "A lantern in the rain");
    await expectMain(page, /Done/);
    // A seed that RunComfy would draw is reported to nobody.
    await seed.fill("-1");
    await button(page, "Run").click();
    await expect.poll(() => seeds.length, SOON).toBe(2);
    expect(new Set(seeds).size).toBe(2);
    await expectMain(page, new RegExp(`Seed ${seeds[1]}`));
    await button(page, "Use seed").click();
    expect(await seed.inputValue()).toBe(String(seeds[1]));
    expect(await another.isChecked()).toBe(false);
    await button(page, "Run again").click();
    await button(page, "Same seed").click();
    await expect.poll(() => seeds.length, SOON).toBe(3);
    expect(seeds[2]).toBe(seeds[1]);
    await expect.poll(() => countJobs(origin), SOON).toBe(3);
    expect(await findBarriers(page)).toEqual([]);
  });

  test("four are made by one call and paid for once over a lost answer and a reload, and each opens its job", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const sent: z.infer<typeof SEEDS>["variables"]["items"][] = [];
    await page.route("**/graphql", async (route) => {
      if (route.request().postData()?.includes("mutation RunMany(") !== true)
        return await route.continue();
      sent.push(SEEDS.parse(route.request().postDataJSON()).variables.items);
      if (sent.length > 1) return await route.continue();
      // It ran, and nobody knew.
      await route.fetch();
      return await route.fulfill({ status: 500, body: "{}" });
    });
    await promptOf(page).fill("Four lanterns");
    await page.getByLabel("How many").selectOption("4");
    await button(page, "Run 4").click();
    await expect.poll(() => countJobs(origin), SOON).toBe(4);
    await page.reload();
    await button(page, "Run 4").click();
    const tiles = page.getByRole("list", { name: "Made together" }).locator(".run-frame");
    await expect.poll(() => tiles.locator("img").count(), SOON).toBe(4);
    expect(await countJobs(origin)).toBe(4);
    expect(sent[1]).toEqual(sent[0]);
    expect(new Set(sent[0]?.map(({ input }) => input.seed)).size).toBe(4);
    // With a screen reader, each sounds different.
    const names = tiles.evaluateAll(
      (all) => new Set(all.map((one) => one.getAttribute("title"))).size,
    );
    expect(await names).toBe(4);
    expect(await findBarriers(page)).toEqual([]);
    await tiles.nth(2).click();
    await expectMain(page, new RegExp(`Seed ${sent[0]?.[2]?.input.seed}`));
    // The tile that had the focus is gone, and so is the button back to it.
    const back = page.locator(":focus", { hasText: "← All 4" });
    await back.waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("list", { name: "Made together" }).locator("button:focus").waitFor();
    // The next four have other seeds.
    await button(page, "Run 4").click({ delay: 1_000 });
    await expect.poll(() => countJobs(origin), SOON).toBe(8);
    expect(sent.at(-1)?.[0]?.input.seed).not.toBe(sent[0]?.[0]?.input.seed);
  });

  test("where only three of four were made, asking again makes the fourth", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const full = { message: "Too many jobs.", extensions: { code: "QUOTA_EXCEEDED" } };
    let isFull = true;
    await page.route("**/graphql", async (route) => {
      const text = route.request().postData() ?? "";
      if (!isFull || !text.includes("mutation Run")) return await route.continue();
      if (text.includes("mutation Run(")) return await route.fulfill({ json: { errors: [full] } });
      const sent = route.request().postDataJSON();
      const items = sent.variables.items.slice(0, 3);
      const response = await route.fetch({ postData: { ...sent, variables: { items } } });
      const { submitJobs } = (await response.json()).data;
      const errors = [{ ...full, path: ["submitJobs", 3] }];
      return await route.fulfill({ json: { data: { submitJobs: [...submitJobs, null] }, errors } });
    });
    await promptOf(page).fill("Four lanterns");
    await page.getByLabel("How many").selectOption("4");
    await button(page, "Run 4").click();
    await page.getByText("3 of 4 were submitted. Too many jobs.").waitFor();
    const tiles = page.getByRole("list", { name: "Made together" }).locator(".run-frame");
    await expect.poll(() => tiles.count(), SOON).toBe(3);
    isFull = false;
    await button(page, "Run 4").click({ delay: 1_000 });
    await expect.poll(() => tiles.count(), SOON).toBe(4);
    expect(await countJobs(origin)).toBe(4);
  });

  test("of eight made together, those that wait are cancelled by one press, and none of those that ran", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "3" });
    await page.getByLabel("How many").selectOption("8");
    await promptOf(page).fill("Eight lanterns");
    await button(page, "Run 8").click();
    const tiles = page.getByRole("list", { name: "Made together" }).getByRole("button");
    await expect.poll(() => tiles.locator("img").count(), SOON).toBe(8);
    const cancel = button(page, "Cancel all");
    expect(await cancel.count()).toBe(0);
    await promptOf(page).fill("[slow] Eight more");
    await page.keyboard.press("Control+Enter");
    await cancel.click();
    await expect.poll(() => countJobs(origin, ["CANCELLED"]), SOON).toBeGreaterThan(0);
    await expect.poll(() => countJobs(origin, ["SUBMITTING", "IN_QUEUE"]), SOON).toBe(0);
    expect(await countJobs(origin)).toBe(16);
    await cancel.waitFor({ state: "detached" });
    await page.getByRole("list", { name: "Made together" }).locator("button:focus").waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });

  test("several wait here together, until they are cancelled together", async () => {
    const { page, origin } = await openConsole();
    await page.getByLabel("How many").selectOption("3");
    await promptOf(page).fill("Three lanterns");
    await button(page, "Later…").click();
    await page.getByLabel("Hold it until I release it").check();
    await button(page, "Let it wait here").click();
    await expect.poll(() => countJobs(origin, ["HELD"]), SOON).toBe(3);
    await button(page, "Cancel all").click();
    await expect.poll(() => countJobs(origin, ["CANCELLED"]), SOON).toBe(3);
    // Without a seed all would be the same.
    await page.goto(`${origin}/run/of-which-nothing-is-known`);
    await button(page, "Run").waitFor();
    expect(await page.getByLabel("How many").count()).toBe(0);
  });

  test("the last prompts of a deployment are searched and taken again, each once and the newest first", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    await makePictures(origin, ["A red boat", "A blue boat", "A hut", "A red boat"]);
    const input = { prompt: "Warmer", ctrl_img_1: "https://example.com/a.png" };
    const elsewhere = { deploymentId: WARM_GLOW, input, idempotencyKey: null };
    await request(origin, SubmitJobDocument, elsewhere);
    await promptOf(page).fill("What I typed");
    await button(page, "Recent prompts").click();
    const prompts = page.getByRole("group", { name: "Recent prompts" }).getByRole("button");
    await expect
      .poll(() => prompts.allInnerTexts(), SOON)
      .toEqual([...["A red boat", "A hut", "A blue boat"]]);
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.type("boat BLUE");
    await expect.poll(() => prompts.allInnerTexts(), SOON).toEqual(["A blue boat"]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(() => promptOf(page).inputValue(), SOON).toBe("A blue boat");
    await prompts.first().waitFor({ state: "detached" });
    await button(page, "Undo").click();
    expect(await promptOf(page).inputValue()).toBe("What I typed");
  });

  test("a first-time user begins with an example and a shape, sees the latest pictures, and takes along what fits", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    const examples = page.getByRole("group", { name: "Example prompts" });
    await examples.getByRole("button").first().click();
    const prompt = await promptOf(page).inputValue();
    expect(prompt).not.toBe("");
    await page.getByRole("radio", { name: "16:9", exact: true }).check();
    await button(page, "Rotate").click();
    await page.getByText("768 × 1376", { exact: true }).waitFor();
    expect(await page.getByRole("radio", { name: "9:16" }).isChecked()).toBe(true);
    expect(await findBarriers(page)).toEqual([]);
    await button(page, "Run").click();
    await expectMain(page, /Done/);
    await page.getByLabel("Deployment", { exact: true }).selectOption("Slow Tide");
    await page.waitForURL(`${origin}/run/${SLOW_TIDE}`);
    expect(await promptOf(page).inputValue()).toBe(prompt);

    // In a tab of its own nothing was made yet.
    const other = await page.context().newPage();
    await other.goto(`${origin}/run/${LANTERN}`);
    await other.getByRole("list", { name: "Latest pictures" }).getByRole("button").click();
    await expectMain(other, /Done/);
    await expectMain(other, /Seed \d/);
  });

  test("on a phone what is made comes into view, also while its code is still on its way", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" });
    await page.setViewportSize({ width: 390, height: 844 });
    const gate = Promise.withResolvers<void>();
    await page.route(/\/made-/, async (route) => {
      await gate.promise;
      await route.continue();
    });
    await page.goto(`${origin}/run/${LANTERN}`);
    await runPrompt(page, "A lantern");
    await expect.poll(() => countJobs(origin), SOON).toBe(1);
    await page.locator(".run-coming").waitFor();
    gate.resolve();
    await expectMain(page, /Done/);
    const frame = await page.locator("figure .run-frame").boundingBox();
    expect(frame?.y).toBeGreaterThanOrEqual(0);
    expect((frame?.y ?? 0) + (frame?.height ?? 0)).toBeLessThanOrEqual(844);
  });

  test("a result fills the screen that is there, with its toolbar in view", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await page.goto(`${origin}/run/${LANTERN}`);
    await runPrompt(page, "A lantern");
    await expectMain(page, /Done/);
    const boxOf = async (one: string) =>
      (await page.locator(one).boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    for (const [width, height, least] of [
      [2_560, 1_440, 1_080],
      [1_280, 800, 440],
      [390, 844, 280],
    ] as const) {
      await page.setViewportSize({ width, height });
      const frameHeight = async () => (await boxOf("figure .run-frame")).height;
      await expect.poll(frameHeight, SOON).toBeGreaterThan(least);
      expect(await frameHeight()).toBeLessThan(height);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const column = await boxOf(".run-right");
      expect(column.x + column.width).toBe(width - 16);
      if (width < 860) continue;
      expect(column.x).toBeLessThanOrEqual(16 + 562 + 16);
      const toolbar = await boxOf(".toolbar");
      expect(toolbar.y + toolbar.height).toBeLessThanOrEqual(height);
    }
    await page.setViewportSize({ width: 2_560, height: 1_440 });
    await page.getByRole("link", { name: "Details" }).click();
    const outputs = page.getByRole("region", { name: "Outputs" }).getByRole("img");
    await expect
      .poll(async () => (await outputs.boundingBox())?.width, SOON)
      .toBeGreaterThan(2_000);
  });

  test("the first screen takes little to load", async () => {
    const { origin } = await openConsole();
    const { page } = await openPage();
    // The other screens come 2 s later.
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    const scripts: Request[] = [];
    page.on("request", (one) => void (one.resourceType() === "script" && scripts.push(one)));
    const asked: string[] = [];
    page.on("request", (one) => {
      const [, query] = /query (\w+)/.exec(one.postData() ?? "") ?? [];
      asked.push(query ?? one.resourceType());
    });
    const gate = Promise.withResolvers<void>();
    await page.route("**/graphql", async (route) => {
      await gate.promise;
      await route.continue();
    });
    await page.goto(`${origin}/run/${LANTERN}`);
    // All that it waits for is asked for at once, by what the page itself names.
    await expect.poll(() => asked, SOON).toContain("Deployments");
    const waited = asked.filter((one) => one !== "image").toSorted();
    expect(waited).toEqual(["Deployments", "Viewer", "document", "script", "stylesheet"]);
    gate.resolve();
    await button(page, "Run").waitFor();
    await page.getByRole("group", { name: "Example prompts" }).waitFor();
    const sizes = await Promise.all(scripts.map((one) => one.sizes()));
    const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    expect(bytes).toBeGreaterThan(30_000);
    expect(bytes).toBeLessThan(MAX_FIRST_BYTES);
    const all = globSync("*.js", { cwd: ASSETS }).map((name) => readFileSync(join(ASSETS, name)));
    expect(all.reduce((sum, file) => sum + gzipSync(file).length, 0)).toBeLessThan(MAX_BYTES);
  });

  test("files come in by a drop or a paste anywhere, and an upload goes on while another screen is shown", async () => {
    const file = join(await createTemporaryFolder(), "deployments.json");
    const picture = { type: "string", format: "image_uri" };
    const pictures = { type: "array", items: picture, maxItems: 3 };
    const inputSchema = { properties: { pictures, last: picture }, additionalProperties: false };
    const board = { id: "board", name: "Board", inputSchema };
    await writeFile(file, JSON.stringify({ deployments: [...sandbox.deployments, board] }));
    const { page, origin } = await openConsole({
      ...{ DEPLOYMENTS_FILE: file, SANDBOX_SPEED: "20", UPLOAD_MIB: "1" },
    });
    await page.goto(`${origin}/run/board`);
    const drop = (type: string, names: readonly string[], target = "body", bytes = 0) =>
      page.evaluate(DROP, [type, names, target, bytes] as const);
    const words = page.locator(".run-drop [role=status]");
    await words.first().waitFor();
    expect(await words.first().innerText()).toBe("Drop or paste a file here, up to 1 MB");

    await drop("dragover", ["a.png"]);
    await page.getByText("Drop it here as: Pictures, 1").waitFor();
    await drop("dragover", ["a.png"], "[data-slot=last]");
    await page.getByText("Drop it here as: Last").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await drop("drop", ["a.png", "b.png"]);
    await drop("paste", ["c.png"], "a");
    await drop("drop", ["d.png"], "[data-slot=last]");
    for (const name of ["a", "b", "c", "d"])
      await page.getByText(`${name}.png`, { exact: true }).waitFor();
    expect(await words.allInnerTexts()).toEqual(["a.png", "b.png", "c.png", "d.png"]);
    await page.reload();
    await page.getByText("d.png", { exact: true }).waitFor();
    expect(await words.allInnerTexts()).toEqual(["a.png", "b.png", "c.png", "d.png"]);
    await expect.poll(() => page.locator(".run-drop .thumbnail img").count(), SOON).toBe(4);

    // What can't work is reported once, without another try.
    await drop("drop", ["notes.txt"]);
    await page.getByText("notes.txt can't be used here").waitFor();
    await page.getByRole("button", { name: "Remove Last" }).click();
    await drop("drop", ["large.png"], "body", 1_048_577);
    await page.getByText("The file is too large: up to 1 MB are taken.").waitFor();
    expect(await button(page, "Try again").count()).toBe(0);
    await button(page, "Run").click({ force: true });
    await page.getByText("A file did not get here.").waitFor();
    expect(await countJobs(origin)).toBe(0);
    await page.getByRole("button", { name: "Remove Last" }).click();

    const letUploadsGo = await holdUploads(page);
    await drop("drop", ["late.png"]);
    await page.getByText("Uploading late.png, 0 %").waitFor();
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByRole("heading", { name: "Board" }).waitFor();
    // Nothing takes it there, and it does not open in place of the page either.
    for (const type of ["dragover", "drop"]) expect(await drop(type, ["e.png"])).toBe(true);
    const arrived = page.waitForResponse(/\/uploads\//);
    letUploadsGo();
    await arrived;
    await page.getByRole("link", { name: "Run Board" }).click();
    await page.getByText("late.png", { exact: true }).waitFor();
    await button(page, "Run").click();
    await expectMain(page, /Done/);
    const inputs = page.getByRole("group", { name: "Inputs" });
    expect(await inputs.innerText()).toMatch(/a\.png\s+b\.png\s+c\.png\s+late\.png/);
    await page.getByRole("link", { name: "Details" }).click();
    await page.locator("dd").getByText("late.png").waitFor();
  });

  test("an upload says how far it is", async () => {
    const { page, origin } = await openConsole();
    await page.goto(`${origin}/run/${WARM_GLOW}`);
    await page.locator(".run-drop").first().waitFor();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
    await session.send("Network.emulateNetworkConditions", slow);
    await page.evaluate(DROP, ["drop", ["large.png"], "body", 3_000_000] as const);
    await page.getByText(/Uploading large\.png, [1-9]\d? %/).waitFor();
  });
});

const COUNT_FORGOTTEN = `var forgotten = 0;
  const revoke = URL.revokeObjectURL;
  URL.revokeObjectURL = (url) => { forgotten += 1; revoke.call(URL, url); };`;

/** Drops or pastes pictures of one pixel, with so many bytes behind them, as a person would. Whether the page took them. */
const DROP = ([type, names, target, bytes]: readonly [
  string,
  readonly string[],
  string,
  number,
]) => {
  const pixel = atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  );
  const data = new DataTransfer();
  for (const name of names) {
    const content = Uint8Array.from(pixel, (one) => one.charCodeAt(0));
    const kind = name.endsWith(".txt") ? "text/plain" : "image/png";
    data.items.add(new File([content, new Uint8Array(bytes)], name, { type: kind }));
  }
  const settings = { bubbles: true, cancelable: true };
  const event =
    type === "paste"
      ? new ClipboardEvent(type, { ...settings, clipboardData: data })
      : new DragEvent(type, { ...settings, dataTransfer: data });
  return document.querySelector(target)?.dispatchEvent(event) === false;
};
