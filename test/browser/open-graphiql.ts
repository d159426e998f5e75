import { mkdir } from "node:fs/promises";

import type { Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";

import { openPage } from "../support/chromium.ts";
import { runGateway } from "../support/gateway-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const ARTIFACTS = new URL("../../artifacts/", import.meta.url).pathname;

/**
 * GraphiQL of a gateway of its own, which runs the sandbox with these variables beside it; what it looked like in the end becomes the picture
 * `<name>-last`. The other members are those of `openPage`.
 */
export async function openGraphiql(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{
  readonly origin: string;
  readonly page: Page;
  readonly foreignRequests: readonly string[];
  readonly errors: readonly string[];
}> {
  const folder = await createTemporaryFolder();
  const gateway = runGateway({
    DATABASE_URL: `file:${folder}/gateway.db`,
    SANDBOX_SPEED: "4",
    ...environment,
  });
  const origin = await gateway.url;
  const { page, foreignRequests, errors, close } = await openPage();
  onTestFinished(async () => {
    await takePicture(page, `${name}-last`);
    await close();
  });
  page.setDefaultTimeout(20_000);
  await page.goto(`${origin}/graphql`);
  await page.locator(".graphiql-tab-button").first().waitFor();
  return { origin, page, foreignRequests, errors };
}

export async function openTab(page: Page, name: string): Promise<void> {
  await page.locator(".graphiql-tab-button", { hasText: new RegExp(`^${name}$`) }).click();
}

/** Runs the tab's operation until the result shows a text. */
export async function run(page: Page, expected: string): Promise<void> {
  const execute = page.getByRole("button", { name: /^Execute query/ });
  await execute.click();
  await expect
    .poll(
      async () => {
        const text = await readResult(page);
        // GraphiQL learns the name of a tab's operation a moment after the tab has opened.
        if (text.includes("Cannot infer operation")) await execute.click();
        return text;
      },
      { timeout: 20_000, interval: 100 },
    )
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

/** Keeps what the page looks like as `artifacts/<name>.png`. */
export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png` });
}
