import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";

import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { openPage } from "../support/chromium.ts";

/** The editor checks and completes a text a while after it was changed. */
const SOON = { timeout: 20_000, interval: 200 };

/** GraphiQL of a gateway of its own, wide enough for a whole input beside its answer. */
export async function openGraphiql(
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly origin: string; readonly page: Page; readonly errors: readonly string[] }> {
  const { url: origin } = await start({ ...SANDBOX, SANDBOX_SPEED: "4", ...environment });
  const { page, errors } = await openPage();
  await page.setViewportSize({ width: 1_600, height: 900 });
  await page.goto(`${origin}/graphql`);
  await page.locator(".graphiql-tab-button").first().waitFor();
  return { origin, page, errors };
}

export async function openTab(page: Page, name: string): Promise<void> {
  await page.locator(".graphiql-tab-button", { hasText: new RegExp(`^${name}$`) }).click();
}

/** Opens an empty tab, and puts the cursor into its editor. */
export async function openNewTab(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "New tab" }).click();
  await page.locator(".graphiql-tab-button", { hasText: "<untitled>" }).last().waitFor();
  const editor = page.getByRole("region", { name: "Operation Editor" });
  await editor.click();
  return editor;
}

/** Runs the tab's operation until the result shows a text. */
export async function run(page: Page, expected: string): Promise<void> {
  const execute = page.getByRole("button", { name: /^Execute query/ });
  await execute.click();
  await expect
    .poll(async () => {
      const text = await readResult(page);
      // GraphiQL learns the name of a tab's operation a moment after the tab has opened.
      if (text.includes("Cannot infer operation")) await execute.click();
      return text;
    }, SOON)
    .toContain(expected);
}

/** The result as it is shown, in one line. */
export async function readResult(page: Page): Promise<string> {
  const text = await page.locator(".result-window .view-lines").innerText();
  // The editor wraps lines, and shows all spaces as unbreakable ones.
  return text.replaceAll(/\s+/g, " ");
}

/** Pastes where the cursor is: to what is typed the editor adds braces, and offers that lie over other things. */
export async function paste(page: Page, text: string): Promise<void> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.keyboard.press("ControlOrMeta+V");
}

/** Replaces all that an editor holds. */
export async function replaceAll(page: Page, editor: Locator, value: object): Promise<void> {
  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await paste(page, JSON.stringify(value));
}

/** Replaces the word in the middle of a token. */
export async function replaceWord(page: Page, token: Locator, text: string): Promise<void> {
  // On a busy machine the editor may miss one of the two clicks.
  await expect
    .poll(async () => {
      if ((await token.count()) === 0) return true;
      await token.dblclick({ timeout: 1_000 });
      await paste(page, text);
      return false;
    }, SOON)
    .toBe(true);
}

/** Waits until this is what the editor would complete to, and takes it. */
export async function take(page: Page, offer: RegExp): Promise<void> {
  const chosen = page.locator(".suggest-widget.visible .monaco-list-row.focused");
  let polls = 0;
  await expect
    .poll(async () => {
      polls += 1;
      // Asked before it knew the schema, it offers nothing, or only the words of other tabs.
      if (polls % 10 === 0) {
        await page.keyboard.press("Escape");
        await page.keyboard.press("Control+Space");
      }
      return (await chosen.allInnerTexts()).join().replaceAll(/\s+/g, " ");
    }, SOON)
    .toMatch(offer);
  await page.keyboard.press("Enter");
}
