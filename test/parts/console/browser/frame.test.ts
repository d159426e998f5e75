import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { submit } from "../../../support/graphql-client.ts";
import { button, findBarriers, LANTERN, openAccount, openConsole } from "./console-page.ts";

const SOON = { timeout: 20_000, interval: 200 };

/** Stands for the browser's own, which shows nothing to a test. */
const NOTIFICATIONS = `
  self.shown = [];
  self.answers = ["granted", "default"];
  self.Notification = class extends EventTarget {
    static permission = "default";
    static async requestPermission() { return Notification.permission = answers.pop(); }
    constructor(title, { body }) { super(); shown.push(title + ": " + body); }
  }`;
const LOOK_ELSEWHERE = `self.draw = requestAnimationFrame; requestAnimationFrame = () => 0;
  Object.defineProperty(document, "hidden", { value: true, configurable: true })`;
const LOOK_BACK = `requestAnimationFrame = draw; delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`;

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true });

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console's frame", { timeout: 90_000 }, () => {
  test("the tab counts what runs and says that it is done while the user is elsewhere, and so does the browser if asked to", async () => {
    const { page, origin } = await openConsole();
    await page.addInitScript(NOTIFICATIONS);
    await page.goto(`${origin}/jobs`);
    await openAccount(page);
    const notify = page.getByRole("checkbox", { name: "Notify me when a job ends" });
    expect(await notify.isChecked()).toBe(false);
    // A user who gives no answer is asked again.
    await notify.click();
    await expect.poll(() => page.evaluate("answers"), SOON).toEqual(["granted"]);
    expect(await notify.isChecked()).toBe(false);
    await notify.check();
    await page.keyboard.press("Escape");
    await submit(origin, LANTERN, "[slow] A lantern");
    await expect.poll(() => page.title(), SOON).toBe("1 running · Jobs · RunComfy console");
    await page.evaluate(LOOK_ELSEWHERE);
    await expect.poll(() => page.title(), SOON).toBe("Done · Jobs · RunComfy console");
    expect(await page.evaluate("shown")).toEqual(["Done: [slow] A lantern"]);
    await page.evaluate(LOOK_BACK);
    await expect.poll(() => page.title(), SOON).toBe("Jobs · RunComfy console");
  });

  test("no words are broken or lie below buttons on a phone, and an empty place fits into a wide screen", async () => {
    const { page, origin } = await openConsole();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${origin}/waiting`);
    await page.getByLabel("Deployment").waitFor();
    const lines = `(() => {
      const range = document.createRange();
      range.selectNode(document.querySelector(".waiting-select label").firstChild);
      return range.getClientRects().length;
    })()`;
    expect(await page.evaluate(lines)).toBe(1);

    await page.goto(`${origin}/gallery?open=job_0.0`);
    const sides = async (name: string) =>
      await page.getByRole("dialog").getByRole("button", { name }).boundingBox();
    const words = await page
      .getByRole("dialog")
      .getByText("There is no such picture")
      .boundingBox();
    const [newer, older] = [await sides("Newer picture"), await sides("Older picture")];
    if (!words || !newer || !older) throw new Error("They can't be seen.");
    expect(words.x).toBeGreaterThan(newer.x + newer.width);
    expect(words.x + words.width).toBeLessThan(older.x);

    await page.setViewportSize({ width: 2_560, height: 1_300 });
    await page.goto(`${origin}/run/${LANTERN}`);
    await page.getByText("will appear here").waitFor();
    const bottom = `document.querySelector(".run-frame").getBoundingClientRect().bottom`;
    expect(await page.evaluate(`${bottom} < innerHeight`)).toBe(true);
  });

  test("single letters lead to screens until they are switched off, which the browser keeps", async () => {
    const { page, origin } = await openConsole();
    await page.getByText("live", { exact: true }).waitFor();
    await page.keyboard.press("d");
    await heading(page, "Deployments").waitFor();
    await openAccount(page);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("checkbox", { name: "Single letters are shortcuts" }).uncheck();
    await page.keyboard.press("Escape");
    await page.reload();
    await heading(page, "Deployments").waitFor();
    for (const key of ["j", "?", "/"]) await page.keyboard.press(key);
    expect(page.url()).toBe(`${origin}/deployments`);
    expect(await heading(page, "Keyboard shortcuts").isVisible()).toBe(false);
    await openAccount(page);
    await page.getByRole("button", { name: "All shortcuts" }).press("Enter");
    await heading(page, "Keyboard shortcuts").waitFor();
    // Closed, it leads back to where it was opened.
    await page.keyboard.press("Enter");
    await page.locator("button:focus", { hasText: "local" }).waitFor();
  });

  test("a screen that fails says so, tells the browser why, and comes after a reload", async () => {
    const { page, origin } = await openConsole();
    const thrown: string[] = [];
    page.on("pageerror", ({ message }) => thrown.push(message));
    await page.route("**/graphql", async (route) => {
      const isMeant = route.request().postData()?.includes("query Deployments") === true;
      await (isMeant ? route.fulfill({ json: { data: { deployments: {} } } }) : route.continue());
    });
    await page.goto(`${origin}/deployments`);
    await page.getByText("This screen could not be shown.").waitFor();
    expect(thrown).toEqual([expect.stringContaining("is not a function")]);
    await page.unroute("**/graphql");
    await page.getByRole("button", { name: /^Forget .* reload$/ }).click();
    await heading(page, "Deployments").waitFor();
  });

  test("a screen whose code did not come is there at the next try, and what was typed stays", async () => {
    const { page } = await openConsole();
    await page.getByLabel(/^Prompt/).fill("A lantern");
    await page.route(/\/assets\/deployments-/, (route) => route.abort());
    await page.getByRole("link", { name: "Deployments" }).click();
    await page.getByText("This screen could not be shown.").waitFor();
    await page.unroute(/\/assets\/deployments-/);
    await page.getByRole("button", { name: "Try again" }).click();
    await heading(page, "Deployments").waitFor();
    await page.getByRole("link", { name: "Run", exact: true }).click();
    expect(await page.getByLabel(/^Prompt/).inputValue()).toBe("A lantern");
  });

  test("where a gateway has no parts on, the console works on what is left, and asks for nothing of theirs", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    // The page that has the parts asks for nothing any more.
    await page.goto("about:blank");
    const thrown: string[] = [];
    page.on("pageerror", ({ message }) => thrown.push(message));
    const asked: string[] = [];
    await page.route("**/graphql", async (route) => {
      const text = route.request().postData() ?? "";
      asked.push(text);
      if (!text.includes("query Viewer")) return await route.continue();
      const response = await route.fetch();
      const { data } = await response.json();
      await route.fulfill({ response, json: { data: { viewer: { ...data.viewer, parts: [] } } } });
    });
    await page.goto(`${origin}/webhooks`);
    await page.getByText("Page not found").waitFor();
    await openAccount(page);
    await page.getByRole("button", { name: "All shortcuts" }).click();
    await page
      .getByText("Run, Jobs, Waiting here, Gallery, Deployments", { exact: true })
      .waitFor();
    expect(await page.getByRole("link", { name: /Webhooks|agent/ }).count()).toBe(0);
    await submit(origin, LANTERN, "A lantern without parts");
    await page.goto(`${origin}/gallery`);
    await page.getByRole("checkbox", { name: /^Select the job/ }).check();
    await page.getByText("1 selected").waitFor();
    expect(await page.getByRole("button", { name: "Download ZIP" }).count()).toBe(0);
    expect(asked.filter((text) => /webhook|createDownload/i.test(text))).toEqual([]);
    expect(thrown).toEqual([]);
  });

  test("without scripts the page says so, in the frame that it has before they run", async () => {
    const { page, origin } = await openConsole();
    const context = await page.context().browser()?.newContext({ javaScriptEnabled: false });
    const still = await context?.newPage();
    await still?.goto(origin);
    expect(await still?.locator("header").innerText()).toContain("RunComfy console");
    expect(await still?.locator("main").innerText()).toContain("needs JavaScript");
    await context?.close();
  });

  test("with SIGN_IN one signs in once for reloads, tabs and links, until one signs out of all of them", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const operatorKey = await keys.create("ops", "--scopes", "jobs:read:all");
    const { page, origin } = await openConsole({
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
      SIGN_IN: "key",
    });
    const field = page.getByLabel("API key or token");
    for (const given of ["“rck_wrong”", "rck_wrong", key]) {
      await field.fill(given);
      await field.press("Enter");
      if (given === key) continue;
      await page.getByRole("alert").waitFor();
      await expect.poll(() => field.inputValue(), SOON).toBe("");
    }
    await page.getByText("live", { exact: true }).waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor();
    const kept = "JSON.stringify([localStorage, sessionStorage, document.cookie])";
    expect(await page.evaluate(kept)).not.toMatch(/rck_|console/);
    const other = await page.context().newPage();
    await other.goto(`${origin}/jobs?text=lantern`);
    await other.getByText("live", { exact: true }).waitFor();
    await other.getByText("No matches").waitFor();

    await openAccount(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading(page, "Sign in").waitFor();
    await other.getByText(/You are signed out\. .*another one\. What you typed stays/).waitFor();
    expect(await other.getByText("No matches").count()).toBe(0);
    await page.reload();
    await heading(page, "Sign in").waitFor();

    // Operators see whose each job is.
    await page.getByLabel("API key or token").fill(key);
    await page.getByLabel("API key or token").press("Enter");
    await page.getByLabel(/^Prompt/).fill("A lantern of the web");
    await button(page, "Run").click();
    await page.goto(`${origin}/jobs`);
    await page.getByRole("row", { name: "A lantern of the web" }).waitFor();
    expect(await page.getByRole("columnheader", { name: "Owner" }).count()).toBe(0);
    await other.getByLabel("API key or token").fill(operatorKey);
    await other.getByLabel("API key or token").press("Enter");
    await other.getByRole("columnheader", { name: "Owner" }).waitFor();
    await other.getByRole("gridcell", { name: "web", exact: true }).waitFor();
  });
});
