import { readFile } from "node:fs/promises";

import { print } from "graphql";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { LANTERN, openConsole } from "../console/browser/console-page.ts";
import { closeBrowser, hasChromium } from "../../support/chromium.ts";
import { SubmitJobDocument } from "../../support/gql/operations.ts";
import { ask } from "../../support/graphql-client.ts";
import { readZip } from "../../support/read-zip.ts";

const SOON = { timeout: 20_000, interval: 200 };

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console's gallery", { timeout: 90_000 }, () => {
  test("an operator gets the pictures of several owners as one ZIP", async () => {
    const keys = await createApiKeysFile();
    const own = [await keys.create("anna"), await keys.create("ben")];
    const operator = await keys.create("operator", "--scopes", "jobs:read:all");
    const access = { AUTH: "api-keys", API_KEYS_FILE: keys.file };
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50", ...access });
    for (const key of own) {
      const input = { prompt: "A lantern" };
      const variables = { deploymentId: LANTERN, input, idempotencyKey: null };
      const headers = { authorization: `Bearer ${key}` };
      await ask(origin, print(SubmitJobDocument), { variables, headers });
    }
    await page.goto(`${origin}/gallery`);
    await page.getByLabel("API key or token").fill(operator);
    await page.keyboard.press("Enter");
    const boxes = page.getByRole("checkbox", { name: /^Select the job/ });
    await expect.poll(() => boxes.count(), SOON).toBe(2);
    for (const box of await boxes.all()) await box.check();
    // Their files are kept a moment after they are shown.
    const download = page.getByRole("button", { name: "Download ZIP" });
    const got = page.waitForEvent("download");
    await expect
      .poll(async () => {
        await download.click();
        return await page.getByText("None of these files is kept here.").count();
      }, SOON)
      .toBe(0);
    const zip = await got;
    expect(zip.suggestedFilename()).toMatch(/^runcomfy-.*\.zip$/);
    await page.locator(":focus", { hasText: "Download ZIP" }).waitFor();
    const files = await readZip(await readFile(await zip.path()));
    const made = { status: "SUCCEEDED", input: { prompt: "A lantern" } };
    expect(JSON.parse(String(files.get("jobs.json")))).toMatchObject([made, made]);
    await zip.delete();
  });
});
