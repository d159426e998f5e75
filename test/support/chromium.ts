import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { expect, inject, onTestFinished } from "vitest";

import { launchChromium, openPageIn } from "./chromium-page.ts";
import { ROOT } from "./pages.ts";

/** Whether the Chromium of package.json is made for this machine. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

let browser: Promise<Browser> | undefined;

/**
 * A page with nothing in it, which is closed when the test ends; `errors` has what it printed as an error. One browser
 * serves all tests of a file, which calls `closeBrowser` after them. A test fails if its page asked for anything elsewhere,
 * or did what its own policy forbids. A failed test leaves a screenshot, `artifacts/<title>.png`.
 */
export async function openPage() {
  browser ??= launchChromium(inject("programFolder"));
  const { page, foreignRequests, errors, close } = await openPageIn(await browser);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") {
      const name = task.name.replaceAll(/\W+/g, "-").slice(0, 80);
      await page.screenshot({ path: join(ROOT, `artifacts/${name}.png`) });
    }
    await close();
    expect(foreignRequests).toEqual([]);
    expect(errors.filter((error) => /Content Security Policy/.test(error))).toEqual([]);
  });
  return { page, errors };
}

export async function closeBrowser(): Promise<void> {
  const opened = browser;
  browser = undefined;
  await (await opened)?.close();
}

/** Holds back what is uploaded until the returned function is called. */
export async function holdUploads(page: Page): Promise<() => void> {
  const gate = Promise.withResolvers<void>();
  await page.route("**/uploads/**", async (route) => {
    await gate.promise;
    await route.continue();
  });
  return gate.resolve;
}
