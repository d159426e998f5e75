import { readFile, writeFile } from "node:fs/promises";

import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";

import sandbox from "../../../../sandbox/src/deployments.json" with { type: "json" };
import catalogue from "../../../../sandbox/src/models.json" with { type: "json" };
import workflow from "../../../../sandbox/src/workflow.json" with { type: "json" };
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { readModels } from "../../../support/models-page.ts";
import { addAll, openConsole } from "./console-page.ts";

const STORYBOARD = "runcomfy/storyboard/text-to-video";
const KREA = "runcomfy/krea2-turbo";
const TEXT = "A kite";
const ADDRESS = "https://e.co/a.svg";
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>';
/** More than there are from the chooser to the end of a form. */
const MAX_PRESSES = 150;

const FOCUS = `(() => {
  const at = document.activeElement;
  const nameOf = (one) => one.closest("[data-name]")?.dataset.name ?? "";
  const { id, type = at.localName, placeholder = "", innerText } = at;
  const isOpen = at.closest("details")?.open ?? true;
  const required = [...document.querySelectorAll("[aria-required=true]")].map(nameOf);
  return { id, type, placeholder, text: innerText, isOpen, name: nameOf(at), required };
})()`;
const HAS_UNFOLDED = "document.activeElement.nextElementSibling !== null";
const FOCUSED = z.object({
  id: z.string(),
  type: z.string(),
  placeholder: z.string(),
  text: z.string(),
  /** Whether what it may unfold is unfolded. */
  isOpen: z.boolean(),
  /** Of the field that it belongs to; empty for none. */
  name: z.string(),
  /** The fields of the form that have to be filled in. */
  required: z.array(z.string()),
});
type Focused = z.infer<typeof FOCUSED>;

const SENT = z.object({ variables: z.object({ input: z.unknown() }) });
const ANSWER = z.object({ data: z.object({ submitJob: z.object({ __typename: z.string() }) }) });

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the keyboard alone", { timeout: 120_000 }, () => {
  test("fills in and runs every model of the docs, of the sandbox and of its catalogue", async () => {
    const inCatalogue = [...catalogue.models.map(({ item }) => item.model_id), workflow.id];
    const DEPLOYMENTS_FILE = await addAll(inCatalogue);
    const { deployments: added } = JSON.parse(await readFile(DEPLOYMENTS_FILE, "utf8"));
    const loras = readModels().map(({ name, needsControlImage }) => ({
      entry: { id: `of-${name.replace(".", "-")}`, name, model: name },
      // The file that it needs may be any of several.
      needed: needsControlImage ? ["ctrl_img"] : [],
    }));
    const others = [...sandbox.deployments.filter(({ id }) => !inCatalogue.includes(id)), ...added];
    const all = [...loras, ...others.map((entry) => ({ entry, needed: [] }))];
    const deployments = all.map(({ entry }) => entry);
    await writeFile(DEPLOYMENTS_FILE, JSON.stringify({ deployments }));
    const { page, origin } = await openConsole({ DEPLOYMENTS_FILE, SANDBOX_SPEED: "50" });
    await openForm(page, deployments[0].id);
    const outcomes: unknown[] = [];
    for (const { entry, needed } of all) {
      await page.waitForURL(`${origin}/run/${encodeURIComponent(entry.id)}`);
      await fillIn(page, needed);
      const { outcome } = await run(page);
      outcomes.push([entry.id, outcome]);
      await walk(page, "Shift+Tab", isChooser);
      await page.keyboard.press("ArrowDown");
    }
    expect(outcomes).toEqual(deployments.map(({ id }) => [id, "SubmitJobSuccess"]));
  });

  test.for([
    [
      STORYBOARD,
      {
        multi_prompt: [{ prompt: TEXT, duration: "5" }],
        elements: [{ name: TEXT, image_urls: [ADDRESS], strength: 0.8 }],
        camera: { movement: "still", speed: 1 },
      },
    ],
    [KREA, { loras: [{ path: TEXT, network_multiplier: 1 }] }],
  ] as const)("fills in all that is nested in the input of %s", async ([id, nested]) => {
    const DEPLOYMENTS_FILE = await addAll([id]);
    const { page } = await openConsole({ DEPLOYMENTS_FILE });
    await openForm(page, id);
    await fillIn(page, ["/"]);
    const { input, outcome } = await run(page);
    expect(input).toMatchObject({ prompt: TEXT, ...nested });
    expect(outcome).toBe("SubmitJobSuccess");
  });
});

/** With the focus on the chooser. */
async function openForm(page: Page, id: string): Promise<void> {
  const { origin } = new URL(page.url());
  const file = { contentType: "image/svg+xml", body: SVG };
  // On a busy machine the page also asks for what is typed of it so far.
  await page.route(/^https:\/\/e/, (route) => route.fulfill(file));
  await page.goto(`${origin}/run/${encodeURIComponent(id)}`);
  await page.getByLabel("Deployment", { exact: true }).waitFor();
  await walk(page, "Tab", isChooser);
}

const isChooser = async ({ id }: Focused): Promise<boolean> => id === "deployment";

async function lookAtFocus(page: Page): Promise<Focused> {
  return FOCUSED.parse(await page.evaluate(FOCUS));
}

/** Presses a key until the end. */
async function walk(
  page: Page,
  key: string,
  visit: (at: Focused) => Promise<boolean>,
): Promise<void> {
  for (let presses = 0; presses < MAX_PRESSES; presses += 1) {
    await page.keyboard.press(key);
    if (await visit(await lookAtFocus(page))) return;
  }
  throw new Error(`${key} does not get there.`);
}

/** From the chooser on: the fields that are required, and the needed ones; with "/", all that is nested. */
async function fillIn(page: Page, needed: readonly string[]): Promise<void> {
  const filled = new Set<string>();
  const press = (key: string) => page.keyboard.press(key);
  const withNested = needed.includes("/");
  await walk(page, "Tab", async function visit(at): Promise<boolean> {
    const { name, type, placeholder, text } = at;
    const wanted = [...at.required, ...needed];
    const isWanted = wanted.includes(name) || (withNested && name.includes("/"));
    if (withNested && type === "summary" && !at.isOpen) {
      await press("Enter");
      await expect.poll(() => page.evaluate(HAS_UNFOLDED)).toBe(true);
    } else if (
      withNested &&
      type === "button" &&
      text.startsWith("Add ") &&
      !filled.has(`+${name}`)
    ) {
      filled.add(`+${name}`);
      await press("Enter");
      // The focus goes into what was added.
      return await visit(await lookAtFocus(page));
    } else if (isWanted && !filled.has(name) && !/^(button|range|checkbox|summary)$/.test(type)) {
      filled.add(name);
      const [isNumber, isFile] = [/^-?[\d.]+$/.test(placeholder), placeholder.includes("https:")];
      if (/^(select-one|radio)$/.test(type)) await press("ArrowDown");
      else {
        await press("Control+a");
        await page.keyboard.type(isFile ? ADDRESS : isNumber ? placeholder : TEXT);
      }
    }
    return withNested ? text.startsWith("Run") : wanted.every((one) => filled.has(one));
  });
}

/** What was sent, and what came of it. */
async function run(page: Page): Promise<{ readonly input: unknown; readonly outcome: string }> {
  const isRun = (text: string | null): boolean => text?.includes("mutation Run(") === true;
  const [response] = await Promise.all([
    page.waitForResponse((answer) => isRun(answer.request().postData())),
    page.keyboard.press("Control+Enter"),
  ]);
  const { variables } = SENT.parse(response.request().postDataJSON());
  const { data } = ANSWER.parse(await response.json());
  return { input: variables.input, outcome: data.submitJob.__typename };
}
