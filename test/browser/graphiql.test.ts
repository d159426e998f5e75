import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";

const TABS = ["Submit", "Watch", "List"];
const SOON = { timeout: 20_000, interval: 200 };

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("GraphiQL", { timeout: 180_000 }, () => {
  test("has three tabs that submit, watch and list as they stand, and the docs, with no internet", async () => {
    const { page, errors } = await openGraphiql();
    expect(await page.locator(".graphiql-tab-button").allTextContents()).toEqual(TABS);
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.getByText("Runs LoRAs, ComfyUI workflows and models on RunComfy").waitFor();
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
    const id = await submitFromTab(page);
    await openTab(page, "Watch");
    await run(page, id);
    await expect.poll(() => readResult(page), SOON).toContain("SUCCEEDED");
    await openTab(page, "List");
    await run(page, id);
    expect(await readResult(page)).toContain("Warm Glow");
    expect(errors).toEqual([]);
    await page.getByRole("link", { name: "Console" }).click();
    await page.waitForURL((url) => url.pathname === "/");
  });

  test("lets users who are signed in to the console watch jobs too", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("anna");
    const { page } = await openGraphiql({
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
      SIGN_IN: "key",
    });
    await page.evaluate(`fetch("/sign-in", { method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer ${key}" } })`);
    const id = await submitFromTab(page);
    await openTab(page, "Watch");
    await run(page, id);
  });

  test("sends a key that is given once with every tab and with subscriptions, and does not keep it", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { page } = await openGraphiql({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    await run(page, "UNAUTHENTICATED");
    await openTab(page, "Watch");
    await run(page, "UNAUTHENTICATED");
    const credential = page.getByLabel("Credential");
    await credential.fill("wrong");
    await run(page, "The API key is unknown or was revoked.");
    await credential.fill(key);
    await credential.press("Enter");
    const id = await submitFromTab(page);
    await openTab(page, "Watch");
    await run(page, id);
    // The schema was read once the key was there, so that the docs are too.
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.getByText("Runs LoRAs, ComfyUI workflows and models on RunComfy").waitFor();
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(key);
  });
});

/** Submits the prefilled example, and gives the id that a newcomer reads in the answer. */
async function submitFromTab(page: Page): Promise<string> {
  await openTab(page, "Submit");
  await run(page, "SubmitJobSuccess");
  return /job_[\w-]+/.exec(await readResult(page))?.[0] ?? "";
}

/** GraphiQL of a gateway of its own, wide enough for a whole input beside its answer. */
async function openGraphiql(
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly origin: string; readonly page: Page; readonly errors: readonly string[] }> {
  const { url: origin } = await start({ ...SANDBOX, SANDBOX_SPEED: "4", ...environment });
  const { page, errors } = await openPage();
  await page.setViewportSize({ width: 1_600, height: 900 });
  await page.goto(`${origin}/graphql`);
  await page.locator(".graphiql-tab-button").first().waitFor();
  return { origin, page, errors };
}

async function openTab(page: Page, name: string): Promise<void> {
  await page.locator(".graphiql-tab-button", { hasText: new RegExp(`^${name}$`) }).click();
}

/** Runs the tab's operation until the result shows a text. */
async function run(page: Page, expected: string): Promise<void> {
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
async function readResult(page: Page): Promise<string> {
  const text = await page.locator(".result-window .view-lines").innerText();
  // The editor wraps lines, and shows all spaces as unbreakable ones.
  return text.replaceAll(/\s+/g, " ");
}
