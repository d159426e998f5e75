import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";

import models from "../../../../sandbox/src/models.json" with { type: "json" };
import { closeBrowser, hasChromium, holdUploads } from "../../../support/chromium.ts";
import { countJobs } from "../../../support/graphql-client.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import { button, expectMain, findBarriers, openConsole, promptOf, SOON } from "./console-page.ts";

const STORYBOARD = "runcomfy/storyboard/text-to-video";
const PICTURE = { type: "string", format: "image_uri" };
const NAME = { name: { type: "string" } };
const toTree = (levels: number): object => ({
  type: "object",
  properties: levels === 0 ? NAME : { ...NAME, child: toTree(levels - 1) },
});
const SIZE = {
  title: "Size",
  oneOf: [
    { enum: ["small", "large"], title: "Preset" },
    {
      type: "object",
      title: "Pixels",
      required: ["across"],
      properties: { across: { type: "integer", minimum: 8 } },
    },
  ],
};
const BOARD = {
  id: "board",
  name: "Board",
  inputSchema: {
    properties: {
      shots: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          required: ["prompt"],
          additionalProperties: false,
          properties: { prompt: { type: "string" }, still: PICTURE },
        },
      },
      size: SIZE,
      frame: {
        type: "object",
        properties: { first: { type: "string" }, last: { type: "string" } },
        minProperties: 2,
      },
      tree: toTree(5),
      duration: { enum: Array.from({ length: 40 }, (_, nth) => nth + 1) },
    },
    required: ["shots"],
    additionalProperties: false,
  },
};

const RUN = z.object({ variables: z.object({ input: z.unknown() }) });

async function openForm(id: string): Promise<{ readonly page: Page; readonly origin: string }> {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const known = models.models.map(({ item }) => ({
    id: item.model_id,
    name: item.display_name,
    kind: "model",
    inputSchema: item.input_schema,
  }));
  const deployments = [BOARD, ...known];
  await writeFile(file, JSON.stringify({ deployments }));
  const opened = await openConsole({ DEPLOYMENTS_FILE: file, SANDBOX_SPEED: "20" });
  await opened.page.goto(`${opened.origin}/run/${encodeURIComponent(id)}`);
  return opened;
}

/** What the page sends once this is done. */
async function sentBy(page: Page, act: () => Promise<void>): Promise<unknown> {
  const [sent] = await Promise.all([
    page.waitForRequest((asked) => asked.postData()?.includes("mutation Run(") === true),
    act(),
  ]);
  return RUN.parse(sent.postDataJSON()).variables.input;
}

const focused = (page: Page) =>
  page.evaluate(`(({ ariaLabel, id, innerText, parentElement }) =>
    ariaLabel ?? parentElement.closest("[role=radiogroup]")?.ariaLabel ?? document.querySelector('label[for="' + id + '"]')?.innerText ?? innerText)(document.activeElement)`);

/** Goes on with the tab key to what has this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`The tab key does not lead to ${name}.`);
}

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("nested inputs in the console", { timeout: 90_000 }, () => {
  test("a storyboard is filled in and its shots are reordered by keyboard alone", async () => {
    const { page, origin } = await openForm(STORYBOARD);
    await promptOf(page).focus();
    await page.keyboard.type("A walk");
    await tabTo(page, "Add Shot 1");
    await page.keyboard.press("Enter");
    await page.keyboard.type("The door\nopens");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Duration");
    await page.keyboard.press("ArrowDown");
    await tabTo(page, "Add Shot 2");
    await page.keyboard.press("Enter");
    await page.keyboard.type("The street");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    expect(await focused(page)).toBe("Move Shot 2 up");
    await page.keyboard.press("Space");
    await expect.poll(() => focused(page), SOON).toBe("Move Shot 1 up");
    await tabTo(page, "Add Shot 3");
    await page.keyboard.press("Enter");
    await tabTo(page, "Remove Shot 3");
    await page.keyboard.press("Enter");
    await expect.poll(() => focused(page), SOON).toBe("Remove Shot 2");
    // What may be left out is folded, and sends nothing unless something is typed there.
    await tabTo(page, "Movement, Speed");
    await page.keyboard.press("Enter");
    await tabTo(page, "Movement");
    await page.keyboard.type("zoom");
    expect(await findBarriers(page)).toEqual([]);
    const input = await sentBy(page, () => page.keyboard.press("Control+Enter"));
    expect(input).toMatchObject({
      prompt: "A walk",
      multi_prompt: [{ prompt: "The street" }, { prompt: "The door\nopens", duration: "5" }],
      camera: { movement: "zoom" },
    });
    expect(input).not.toHaveProperty("elements");
    await expectMain(page, /Done/);
    expect(await countJobs(origin)).toBe(1);
    // The job's page names them as the form does.
    await page.getByRole("link", { name: "Details" }).click();
    await page.locator("dd dt", { hasText: "Movement" }).waitFor();
    await page.locator("dd li", { hasText: "The street" }).waitFor();
  });

  test("files go into the items of a list: chosen, dropped on their place, and pasted", async () => {
    const { page } = await openForm(STORYBOARD);
    const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    // An example goes into the form, also where all of it is JSON at the moment.
    await button(page, "All as JSON").click();
    const examples = page.getByRole("group", { name: "Example prompts" });
    await examples.getByRole("button").first().click();
    expect(await promptOf(page).inputValue()).not.toBe("");
    await promptOf(page).fill("A walk");
    // There is no element yet that takes it.
    await page.evaluate(GIVE, ["drop", "new.png", "body"] as const);
    await page.getByText("new.png", { exact: true }).waitFor();
    await button(page, "Remove Element 1").click();
    await button(page, "Add Element 1").click();
    await button(page, "Add Element 2").click();
    const second = page.getByRole("group", { name: "Element 2" });
    const chooser = second.locator("input[type=file]").first();
    const letUploadsGo = await holdUploads(page);
    await chooser.setInputFiles({ name: "second.png", mimeType: "image/png", buffer });
    await page.getByText("Uploading second.png, 0 %").waitFor();
    // It arrives where its item has gone meanwhile.
    await page.getByRole("button", { name: "Move Element 2 up" }).click();
    const asJson = page.getByRole("button", { name: "Elements as JSON" });
    await asJson.click();
    await page.getByText("The upload has to end first.").first().waitFor();
    letUploadsGo();
    const first = page.getByRole("group", { name: "Element 1" });
    await first.getByText("second.png", { exact: true }).waitFor();
    await page.evaluate(GIVE, [
      "drop",
      "dropped.png",
      "[data-slot='elements/0/image_urls']",
    ] as const);
    await second.getByText("dropped.png", { exact: true }).waitFor();
    await page.evaluate(GIVE, ["paste", "pasted.png", "body"] as const);
    await first.getByText("pasted.png", { exact: true }).waitFor();
    const upload = expect.stringMatching(/^upload:/);
    expect(await sentBy(page, () => button(page, "Run").click())).toMatchObject({
      elements: [{ image_urls: [upload, upload] }, { image_urls: [upload] }],
    });
    await expectMain(page, /Done/);
    const given = page.getByRole("group", { name: "Inputs" });
    await given.getByText("dropped.png").waitFor();
  });

  test("what is wrong stands beside the nested field, which gets the focus", async () => {
    const { page, origin } = await openForm("board");
    await button(page, "Run").click();
    await page.getByText("Shots is missing").waitFor();
    await expect.poll(() => focused(page), SOON).toBe("Add Shot 1");
    await page.keyboard.press("Enter");
    await page.keyboard.type("a");
    await page.keyboard.press("Backspace");
    await page.getByLabel("Kind of Size").selectOption("Pixels");
    await page.getByText("At least 8.").waitFor();
    await page.getByLabel("Across").fill("2");
    const shot = page.getByRole("group", { name: "Shot 1" });
    await shot.getByText("Prompt is missing").waitFor();
    await page.getByRole("group", { name: "Size" }).getByText("Across is 2").waitFor();
    await button(page, "Run").click();
    await page.getByText("Correct the marked fields").waitFor();
    await expect
      .poll(() => page.evaluate("document.activeElement.localName"), SOON)
      .toBe("textarea");
    expect(await findBarriers(page)).toEqual([]);
    await shot.getByLabel("Prompt").fill("A boat");
    await page.getByLabel("Kind of Size").selectOption("Preset");
    await page.getByRole("radio", { name: "Large" }).check();
    await page.getByText("First, Last").click();
    await page.getByLabel("First", { exact: true }).fill("a.png");
    await page.getByText("Frame must").waitFor();
    await button(page, "Run").click();
    await expect.poll(() => focused(page), SOON).toBe("Frame as JSON");
    await button(page, "Clear Frame").click();
    expect(await sentBy(page, () => button(page, "Run").click())).toEqual({
      ...{ shots: [{ prompt: "A boat" }], size: "large" },
    });
    await expectMain(page, /Done/);
    expect(await countJobs(origin)).toBe(1);
  });

  test("JSON is one switch away for each part and for all, and what the form can't hold stays JSON", async () => {
    const { page } = await openForm("board");
    await button(page, "Add Shot 1").click();
    await page.getByLabel(/^Prompt/).fill("A boat");
    const shots = page.getByRole("group", { name: "Shots" });
    const asJson = shots.getByRole("button", { name: "Shots as JSON" });
    await asJson.click();
    const json = shots.getByRole("textbox", { name: "Shots, JSON" });
    expect(JSON.parse(await json.inputValue())).toEqual([{ prompt: "A boat" }]);
    await json.fill('[{ "prompt": "A boat" }, { "prompt": "", "tilt": 2 }]');
    await asJson.click();
    // Only the item that has no form is left as JSON.
    const item = page.getByRole("group", { name: "Shot 2" });
    await item.getByText("Only JSON can hold this: there is no field for tilt.").waitFor();
    await item.getByRole("button", { name: "Shot 2 as JSON" }).click();
    expect(
      await item.getByRole("button", { name: "Shot 2 as JSON" }).getAttribute("aria-pressed"),
    ).toBe("true");
    expect(await findBarriers(page)).toEqual([]);
    await item.getByRole("textbox").fill('{ "prompt": "A quay" }');
    await item.getByRole("button", { name: "Shot 2 as JSON" }).click();
    expect(await item.getByLabel(/^Prompt/).inputValue()).toBe("A quay");
    // What is removed with what is in it comes back.
    await button(page, "Remove Shot 1").click();
    await item.waitFor({ state: "detached" });
    await button(page, "Undo").click();
    expect(await item.getByLabel(/^Prompt/).inputValue()).toBe("A quay");
    await button(page, "All as JSON").click();
    const all = page.getByRole("textbox", { name: /^Input/ });
    const written = { shots: [{ prompt: "A boat" }, { prompt: "A quay" }] };
    expect(JSON.parse(await all.inputValue())).toEqual(written);
    await all.fill("{");
    await button(page, "All as JSON").click();
    await page.getByRole("alert").getByText("Input is not complete JSON").waitFor();
    await all.fill(JSON.stringify({ ...written, size: { across: 9 } }));
    await page.reload();
    await button(page, "All as JSON").click();
    expect(await page.getByLabel("Across").inputValue()).toBe("9");
  });

  test("on a phone even what is deep stays on the page", async () => {
    const { page } = await openForm("board");
    await page.setViewportSize({ width: 390, height: 844 });
    // As it was kept before there were forms for it.
    const tree = '{ "name": "a", "child": { "child": { "child": { "name": "d" } } } }';
    const draft = JSON.stringify({ tree, shots: '[{ "prompt": "A boat" }]' });
    await page.evaluate(`sessionStorage.setItem("draft local board", ${JSON.stringify(draft)})`);
    await page.reload();
    for (const name of ["Tree", "Shots"])
      await page.getByRole("button", { name: `${name} as JSON` }).click();
    await page.getByRole("group", { name: "Child" }).nth(2).getByLabel("Name").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    expect(await findBarriers(page)).toEqual([]);
    // So many are no longer all in sight.
    await page.getByRole("combobox", { name: "Duration" }).selectOption({ label: "7 s" });
    const input = { tree: JSON.parse(tree), shots: [{ prompt: "A boat" }], duration: 7 };
    expect(await sentBy(page, () => button(page, "Run").click())).toEqual(input);
  });
});

/** Drops or pastes a small picture, as a person would. */
const GIVE = ([type, name, target]: readonly ["drop" | "paste", string, string]) => {
  const pixel = atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  );
  const data = new DataTransfer();
  const bytes = Uint8Array.from(pixel, (one) => one.charCodeAt(0));
  data.items.add(new File([bytes], name, { type: "image/png" }));
  const settings = { bubbles: true, cancelable: true };
  const event =
    type === "paste"
      ? new ClipboardEvent(type, { ...settings, clipboardData: data })
      : new DragEvent(type, { ...settings, dataTransfer: data });
  document.querySelector(target)?.dispatchEvent(event);
};
