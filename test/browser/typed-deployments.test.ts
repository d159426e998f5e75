import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";

import { hasChromium } from "../support/chromium.ts";
import { openGraphiql, paste, readResult, run, takePicture } from "./open-graphiql.ts";

const PATIENCE_MS = 90_000;
/** The editor checks a text a while after it was changed. */
const SOON = { timeout: 20_000, interval: 100 };

/** Wide enough for a whole input beside its answer. */
const WINDOW = { width: 1_600, height: 900 };

const ANSWER = ` {
  __typename
  ... on SubmitJobSuccess {
    job { status input }
    warnings { path message }
  }
  ... on InvalidInputError {
    issues { path message }
  }
}`;

test.skipIf(!hasChromium)(
  "GraphiQL offers a deployment's mutation and its fields, tells their bounds, and shows what is wrong or will happen",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, foreignRequests, errors } = await openGraphiql("typed");
    await page.setViewportSize(WINDOW);

    const docs = await readDocs(page, "WarmGlowInput");
    await takePicture(page, "typed-1-docs");
    expect(docs.get("width: Int")).toMatch(/minimum 64, maximum 4096\..*Default: 1024\./);
    expect(docs.get("prompt: String!")).toContain("What to change in the picture.");
    expect(docs.get("ctrlImg1: String!")).toContain("Sent as ctrl_img_1.");
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();

    const editor = await openNewTab(page);
    await page.keyboard.type("mutation { submitWa");
    await take(page, /^submitWarmGlow *SubmitJobResult!$/, "typed-2-mutation");
    await page.keyboard.type("(inp");
    await take(page, /^input/);
    await page.keyboard.type("ctrlI");
    await take(page, /^ctrlImg1 *String!$/, "typed-3-field");
    await page.keyboard.type('"https://localhost/a.png", wid');
    await take(page, /^width *Int$/, "typed-4-bounds");
    await page.keyboard.type('5000, prompt: "Warmer"');
    await page.keyboard.press("ControlOrMeta+End");
    await page.keyboard.press("ArrowLeft"); // Before the brace that closes the mutation.
    await paste(page, ANSWER);

    await run(page, '"path": "width", "message": "is 5000; the most is 4096"');
    expect(await readResult(page)).toMatch(/"path": "ctrlImg1", "message": "[^"]*public host/);
    await takePicture(page, "typed-5-issues");

    await replace(page, editor.getByText('"https://localhost/a.png"'), "files.example.com");
    await replace(page, editor.getByText("5000", { exact: true }), "1000");
    await run(page, '"__typename": "SubmitJobSuccess"');
    const answer = await readResult(page);
    // What was really sent: the upstream's own names, and no defaults.
    expect(answer).toContain('"ctrl_img_1": "https://files.example.com/a.png"');
    expect(answer).not.toContain("height");
    expect(answer).toMatch(/"path": "width", "message": "[^"]*1000 is rounded down to 992\b/);
    await takePicture(page, "typed-6-warning");

    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
);

test.skipIf(!hasChromium)(
  "GraphiQL offers the values of a field, and underlines a field that doesn't exist and a value of the wrong type",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, errors } = await openGraphiql("underlined");
    await page.setViewportSize(WINDOW);

    const editor = await openNewTab(page);
    await page.keyboard.type("mutation { submitSlowTide { __typename");
    await editor.getByText("submitSlowTide", { exact: true }).click();
    await page.keyboard.press("ControlOrMeta+ArrowRight"); // To the end of the word.
    await page.keyboard.type('(input: { prompt: "A harbour", resolution: H');
    await take(page, /^HIGH/, "underlined-1-values");
    // The editor checks no scalars but GraphQL's own: what else is wrong, an answer tells.
    await page.keyboard.type(', widht: 640, fps: "fast"');

    const problems = new Set<string>();
    const readProblems = async () => {
      problems.add(await readNextProblem(page));
      return [...problems].join("\n");
    };
    await expect.poll(readProblems, SOON).toMatch(/unknown field "widht"\. Did you mean "width"/);
    await takePicture(page, "underlined-2-problem");
    await expect
      .poll(readProblems, SOON)
      .toContain('Int cannot represent non-integer value: "fast"');
    expect(errors).toEqual([]);
  },
);

/** What the docs panel says of each field of a type, by the field's first line. */
async function readDocs(page: Page, typeName: string): Promise<ReadonlyMap<string, string>> {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.getByRole("combobox").click();
  await page.keyboard.type(typeName);
  await page.getByRole("option", { name: typeName, exact: true }).click();
  await page.locator(".graphiql-doc-explorer-title", { hasText: typeName }).waitFor();
  const fields = await page.locator(".graphiql-doc-explorer-item").allInnerTexts();
  return new Map(
    fields.map((field) => {
      const [head = "", ...description] = field.split("\n");
      return [head, description.join(" ")];
    }),
  );
}

/** Opens an empty tab, and puts the cursor into its editor. */
async function openNewTab(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "New tab" }).click();
  await page.locator(".graphiql-tab-button", { hasText: "<untitled>" }).waitFor();
  const editor = page.getByRole("region", { name: "Operation Editor" });
  await editor.click();
  return editor;
}

/** Waits until this is what the editor would complete to, and takes it; `picture` names one of that moment. */
async function take(page: Page, offer: RegExp, picture?: string): Promise<void> {
  const chosen = page.locator(".suggest-widget.visible .monaco-list-row.focused");
  let polls = 0;
  await expect
    .poll(async () => {
      polls += 1;
      // Asked before it knew the schema, it offers nothing, or only the words of other tabs.
      if (polls % 20 === 0) {
        await page.keyboard.press("Escape");
        await page.keyboard.press("Control+Space");
      }
      return (await chosen.allInnerTexts()).join().replaceAll(/\s+/g, " ");
    }, SOON)
    .toMatch(offer);
  if (picture !== undefined) await takePicture(page, picture);
  await page.keyboard.press("Enter");
}

/** Replaces the word in the middle of a token. */
async function replace(page: Page, token: Locator, text: string): Promise<void> {
  // On a busy machine the editor may miss one of the two clicks.
  await expect
    .poll(
      async () => {
        if ((await token.count()) === 0) return true;
        await token.dblclick({ timeout: 1_000 });
        await paste(page, text);
        return false;
      },
      { timeout: 20_000, interval: 500 },
    )
    .toBe(true);
}

/** Has the editor tell the next of the problems that it has underlined; empty when there is none. */
async function readNextProblem(page: Page): Promise<string> {
  await page.keyboard.press("F8");
  return (await page.locator(".marker-widget").allInnerTexts()).join();
}
