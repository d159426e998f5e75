import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { hasChromium } from "../support/chromium.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { openGraphiql, openTab, paste, readResult, run, takePicture } from "./open-graphiql.ts";

const MANAGE_KEYS = fileURLToPath(new URL("../../src/manage-keys.ts", import.meta.url));
const PATIENCE_MS = 90_000;
test.skipIf(!hasChromium)(
  "in GraphiQL a key that is given once goes with every tab and with subscriptions, and is not kept",
  { timeout: PATIENCE_MS },
  async () => {
    const file = join(await createTemporaryFolder(), "api-keys.json");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [MANAGE_KEYS, "create", "--owner", "web"],
      { env: { ...process.env, API_KEYS_FILE: file } },
    );
    const key = stdout.trim();
    const { page, foreignRequests } = await openGraphiql("graphiql-key", {
      AUTH: "api-keys",
      API_KEYS_FILE: file,
    });
    await run(page, "UNAUTHENTICATED");

    const credential = page.getByLabel("Credential");
    await credential.fill(key);
    await credential.press("Enter");
    await run(page, "Warm Glow");
    await takePicture(page, "graphiql-key-credential");
    await openTab(page, "Submit");
    await run(page, "SubmitJobSuccess");
    const id = /job_[\w-]+/.exec(await readResult(page))?.[0] ?? "";

    await openTab(page, "Watch");
    await page.getByRole("button", { name: "Variables" }).click();
    const variables = page.locator("section[aria-label=Variables]");
    await variables.locator(".view-lines", { hasText: '"id"' }).click();
    await page.keyboard.press("ControlOrMeta+A");
    await paste(page, JSON.stringify({ id }));
    await run(page, "SUCCEEDED");
    await takePicture(page, "graphiql-key-watch");

    // What a tab's own headers say wins.
    await openTab(page, "Jobs");
    await setHeaders(page, { Authorization: "Bearer another" });
    await run(page, "UNAUTHENTICATED");
    // The schema was read once the key was there, so that the docs are too.
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.getByText("Runs LoRA deployments on RunComfy").waitFor();

    // A key that was taken out goes with no socket any more, and the tab says why a socket is closed.
    await credential.fill("");
    await openTab(page, "Watch");
    await run(page, "No credential came.");
    expect(await readResult(page)).not.toContain("isTrusted");
    await credential.fill("wrong");
    await run(page, "The API key is unknown or was revoked.");

    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(key);
    expect(foreignRequests).toEqual([]);
  },
);

async function setHeaders(page: Page, headers: Readonly<Record<string, string>>): Promise<void> {
  await page.getByRole("button", { name: "Headers" }).click();
  // Named by whichever of its two editors is shown.
  const editor = page.locator("section[aria-label=Headers] .graphiql-editor:not(.hidden)");
  await editor.locator(".view-lines").click();
  await page.keyboard.press("ControlOrMeta+A");
  await paste(page, JSON.stringify(headers));
}
