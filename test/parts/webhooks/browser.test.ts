import type { Locator, Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../support/chromium.ts";
import { submit } from "../../support/graphql-client.ts";
import { isSigned } from "./is-signed.ts";
import { startReceiver } from "../../support/receiver.ts";
import {
  findBarriers,
  LANTERN,
  openAccount,
  openConsole,
  SOON,
} from "../console/browser/console-page.ts";

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Lets the page's time pass until so many of this are shown: what no job tells it asks again, every 15 s at the least. */
const expectLater = (page: Page, shown: Locator, count = 1) =>
  expect
    .poll(async () => {
      await page.clock.fastForward(15_000);
      return await shown.count();
    }, SOON)
    .toBe(count);

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console's page of webhooks", { timeout: 90_000 }, () => {
  test("a person makes a webhook, sees its tries, sends one again, and enables it again once the gateway has disabled it", async () => {
    let status = 500;
    // Only what is sent again is tried again meanwhile.
    const receiver = await startReceiver(() => status, { "retry-after": "3600" });
    const { page, origin } = await openConsole({
      WEBHOOKS_ALLOW: "127.0.0.0/8",
      SANDBOX_SPEED: "20",
    });
    await page.clock.install();
    await page.reload();
    await openAccount(page);
    await page.getByRole("link", { name: "Webhooks" }).click();
    await page.getByText("No server is called yet").waitFor();
    await button(page, "New webhook").click();
    await page.getByLabel("URL of your server").fill("https://10.0.0.1/hook");
    await button(page, "Create").click();
    await page.getByRole("alert").getByText("The URL must be on a public host").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel("URL of your server").fill(receiver.url);
    await page.getByLabel("a job's files were kept").uncheck();
    await button(page, "Create").click();
    const shown = page.getByRole("region", { name: "Its secret" }).locator("code");
    const secret = await shown.innerText();
    await page.getByRole("button", { name: "Copy the secret" }).waitFor();
    await page.getByText("Active", { exact: true }).waitFor();

    const { id } = await submit(origin, LANTERN, "A lantern to be notified of");
    await page.getByText("Deliveries").click();
    await expectLater(page, page.getByText(/answered 500 after/));
    await expectLater(page, page.getByText(/^Failing, first/));
    await page.getByText(/^Waiting, next try/).waitFor();
    expect(await page.locator(`main a[href="/jobs/${id}"]`).count()).toBe(1);
    expect(await findBarriers(page)).toEqual([]);
    status = 204;
    await button(page, "Send again").click();
    await expectLater(page, page.getByText(/answered 204 after/));
    await page.getByText("Delivered", { exact: true }).waitFor();
    await expectLater(page, page.getByText("Active", { exact: true }));
    const [first, second] = receiver.calls;
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(receiver.calls.map((call) => isSigned(call, secret))).toEqual([true, true]);

    await page.setViewportSize({ width: 390, height: 800 });
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await button(page, "I have it").click();
    await shown.waitFor({ state: "detached" });
    await button(page, "New secret").click();
    const next = await shown.innerText();
    expect(next).not.toBe(secret);
    await button(page, "I have it").click();
    await shown.waitFor({ state: "detached" });
    status = 410;
    await button(page, "Send again").click();
    await expectLater(page, page.getByText("Its server answered with 410"));
    const reported = page.getByRole("status").getByText("Webhooks: 1 disabled");
    await expectLater(page, reported);
    expect(await button(page, "Send again").count()).toBe(0);
    const last = receiver.calls.at(-1);
    expect([secret, next].map((one) => last && isSigned(last, one))).toEqual([true, true]);
    await button(page, "Enable again").click();
    await page.getByText("Active", { exact: true }).waitFor();
    await expectLater(page, reported, 0);

    await button(page, "Change").click();
    await page.getByLabel("Tag").fill("shop");
    await button(page, "Save").click();
    await page
      .getByText(
        "a job was cancelled, or another webhook was disabled; jobs with the tag shop only",
      )
      .waitFor();
    await button(page, "Delete").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No server is called yet").waitFor();
    expect(receiver.calls).toHaveLength(3);
  });

  test("a credential without the scope is led to no webhooks, and gets the reason if it asks for them", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { page } = await openConsole({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    await page.getByLabel("API key or token").fill(key);
    await button(page, "Sign in").click();
    await page.getByRole("link", { name: "Gallery" }).waitFor();
    await openAccount(page);
    await page.getByRole("link", { name: "Connect an agent" }).waitFor();
    expect(await page.getByRole("link", { name: "Webhooks" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Gallery" }).press("w");
    await page.getByText("Your credential lacks the scope webhooks").waitFor();
    expect(await button(page, "New webhook").count()).toBe(0);
  });
});
