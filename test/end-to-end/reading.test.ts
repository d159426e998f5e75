import { execFileSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

import { afterAll, expect, onTestFinished, test } from "vitest";

import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";
import { createReader } from "../support/follow-page.ts";
import { ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const SOON = { timeout: 20_000 };

afterAll(closeBrowser);

/** What is cloned, with the console as it was built. */
function copySources(target: string): string {
  const listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const paths = execFileSync("git", listing, { cwd: ROOT, encoding: "utf8" }).split("\0");
  for (const path of [...paths.filter(Boolean), "console/dist"])
    if (existsSync(join(ROOT, path)))
      cpSync(join(ROOT, path), join(target, path), { recursive: true });
  return target;
}

test(
  "README, the page on the client and the one on a typed app lead from a clone to two apps, by their blocks in their order",
  { timeout: 240_000 },
  async () => {
    const folder = await createTemporaryFolder();
    const source = copySources(await createTemporaryFolder());
    const reader = createReader(folder, source);
    onTestFinished(() => reader.stop());

    const [, app = ""] = await reader.follow("README.md");
    expect(reader.printed()).toMatch(/event: next[^]*"SUCCEEDED"[^]*\.svg[^]*event: complete/);
    expect(reader.printed()).toMatch(
      /"job":\{"status":"SUCCEEDED","assets":\[\{"url":"[^"]*\.svg"/,
    );
    if (hasChromium) {
      const { page } = await openPage();
      await page.goto(app);
      await page.getByRole("button", { name: "Submit" }).click();
      await page.locator("form img").waitFor(SOON);
    }
    await reader.follow("docs/client.md", join(folder, "first-app"));
    expect(reader.printed()).toMatch(/\nSUCCEEDED http:[^ ]*\.svg\n/);
    await reader.stop();

    const [, typed = ""] = await reader.follow("docs/typed-frontend.md");
    if (hasChromium) {
      const { page } = await openPage();
      await page.goto(typed);
      for (const [label, value] of Object.entries({
        Prompt: "A warmer harbour",
        Picture: "https://example.com/harbour.jpg",
        Width: "10",
      }))
        await page.getByLabel(label).fill(value);
      await page.getByRole("button", { name: "Submit" }).click();
      await page.locator("label", { hasText: "Width" }).getByText("is 10").waitFor(SOON);
    }
  },
);
