import type { Locator, Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";
import { JobDocument } from "../support/gql/operations.ts";
import { ask, request, submit } from "../support/graphql-client.ts";

const TABS = ["Deployments", "Submit", "Watch", "WatchAll", "Jobs", "Cancel"];
/** The sandbox's deployment that needs nothing but a prompt. */
const PAPER_LANTERN = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
/** The editor checks and completes a text a while after it was changed. */
const SOON = { timeout: 20_000, interval: 200 };
/** Which tab GraphiQL would say that it was left on; it says so a while after. */
const STORED_TAB = 'JSON.parse(localStorage.getItem("graphiql:tabState"))?.activeTabIndex';
const ANSWER = ` {
  __typename
  ... on SubmitJobSuccess { job { status input } warnings { path message } }
  ... on InvalidInputError { issues { path message } }
}`;

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("GraphiQL", { timeout: 180_000 }, () => {
  test("takes a newcomer from the docs and the deployments to a live picture, a cancelled job and a mutation of their own, with no internet", async () => {
    const { origin, page, errors } = await openGraphiql();
    expect(await page.locator(".graphiql-tab-button").allTextContents()).toEqual(TABS);
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    const docs = page.locator(".graphiql-doc-explorer-content");
    const introduction = /^Runs LoRAs, ComfyUI workflows and models[^]*Submit[^]*Watch[^]*Show/;
    await expect.poll(() => docs.innerText(), SOON).toMatch(introduction);
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
    await run(page, "Warm Glow");
    for (const name of ["Watch", "Cancel"]) {
      await openTab(page, name);
      await run(page, "There is no job yet. Run tab 2");
    }

    const jobId = await submitFromTab(page);
    await openTab(page, "Watch");
    await run(page, '"status": "IN_');
    await expect.poll(() => readResult(page), SOON).toContain("SUCCEEDED");
    // What was sent is shown, as an app would send it.
    const variables = page.locator("section[aria-label=Variables] .graphiql-editor:not(.hidden)");
    const shown = await variables.locator(".view-lines").innerText();
    expect(shown.replaceAll(/\s+/g, " ")).toContain(`"id": "${jobId}"`);
    const { job } = await request(origin, JobDocument, { id: jobId });
    const picture = await fetch(job?.assets[0]?.url ?? "");
    expect(picture.headers.get("content-type")).toMatch(/^image\//);

    // Its last change, which would take the place of the answer.
    const kept = `{ job(id: "${jobId}") { assets { keep } } }`;
    const keeps = async () => (await ask(origin, kept)).job.assets;
    await expect.poll(keeps, SOON).toEqual([{ keep: "KEPT" }]);
    await openTab(page, "WatchAll");
    await run(page, '"reset": true');
    const later = await submit(origin, PAPER_LANTERN, "A harbour by day");
    await expect.poll(() => readResult(page), SOON).toContain(later.id);

    await openTab(page, "Jobs");
    await run(page, jobId);

    await openTab(page, "Cancel");
    // The last of them waits for so long that it still does when the cancel arrives.
    let queued = later;
    for (let count = 0; count < 5; count += 1)
      queued = await submit(origin, PAPER_LANTERN, "[slow] A harbour at night");
    await run(page, "CANCELLED");
    expect(await readResult(page)).toContain(queued.id);

    // A deployment's own mutation is offered, and what is wrong or will happen is shown.
    const editor = await openNewTab(page);
    await page.keyboard.type("mutation { submitWa");
    await take(page, /^submitWarmGlow *SubmitJobResult!$/);
    await page.keyboard.type("(inp");
    await take(page, /^input/);
    await page.keyboard.type("ctrlI");
    await take(page, /^ctrlImg1 *String!$/);
    await page.keyboard.type('"https://localhost/a.png", wid');
    await take(page, /^width *Int$/);
    await page.keyboard.type('5000, prompt: "Warmer"');
    await page.keyboard.press("ControlOrMeta+End");
    await page.keyboard.press("ArrowLeft"); // Before the brace that closes the mutation.
    await paste(page, ANSWER);
    await run(page, '"path": "width", "message": "is 5000; the most is 4096"');
    expect(await readResult(page)).toMatch(/"path": "ctrlImg1", "message": "[^"]*public host/);

    await replaceWord(page, editor.getByText('"https://localhost/a.png"'), "files.example.com");
    await replaceWord(page, editor.getByText("5000", { exact: true }), "1000");
    await run(page, '"__typename": "SubmitJobSuccess"');
    const answer = await readResult(page);
    // What was really sent: the upstream's own names, and no defaults.
    expect(answer).toContain('"ctrl_img_1": "https://files.example.com/a.png"');
    expect(answer).not.toContain("height");
    expect(answer).toMatch(/"path": "width", "message": "[^"]*1000 is rounded down to 992\b/);

    expect(errors).toEqual([]);
  });

  test("lets users who are signed in to the console watch jobs too, all by POST", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("anna");
    const { page } = await openGraphiql({
      AUTH: "api-keys",
      API_KEYS_FILE: keys.file,
      SIGN_IN: "key",
    });
    await page.evaluate(`fetch("/sign-in", { method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer ${key}" } })`);
    const methods = new Set<string>();
    page.on("request", (one) => void methods.add(one.method()));
    const id = await submitFromTab(page);
    await openTab(page, "WatchAll");
    await run(page, id);
    await openTab(page, "Watch");
    await run(page, id);
    expect(methods).toEqual(new Set(["POST"]));
  });

  test("opens again on the tab that was left, as it was left, and on no empty one", async () => {
    const { origin, page } = await openGraphiql();
    const tabs = page.locator(".graphiql-tab-button");
    const shown = page.locator(".graphiql-tab-active");
    const visit = async (url: string, names: readonly string[], active: string) => {
      await page.goto("about:blank");
      await page.goto(url);
      await tabs.first().waitFor();
      expect(await tabs.allTextContents()).toEqual(names);
      expect(await shown.innerText()).toBe(active);
    };
    await expect.poll(() => page.evaluate(STORED_TAB), SOON).toBe(0);
    await visit(`${origin}/graphql`, TABS, "Deployments");
    await run(page, "Warm Glow");
    await openTab(page, "Watch");
    await expect.poll(() => page.evaluate(STORED_TAB), SOON).toBe(2);
    const left = page.url();
    await visit(`${origin}/graphql`, TABS, "Watch");
    await visit(left, TABS, "Watch");
    await run(page, "There is no job yet. Run tab 2");

    // What is empty is not kept, nor is a stack shown for it.
    await openNewTab(page);
    await run(page, "Syntax Error");
    expect(await readResult(page)).not.toMatch(/stack|http/);
    await expect.poll(() => page.evaluate(STORED_TAB), SOON).toBe(6);
    await visit(`${origin}/graphql`, TABS, "Deployments");

    // A link brings a tab of its own, without what others had for variables.
    await openTab(page, "Cancel");
    await expect.poll(() => page.evaluate(STORED_TAB), SOON).toBe(5);
    const asked = "query Mine { viewer { id } }";
    const link = `${origin}/graphql?query=${encodeURIComponent(asked)}`;
    for (let visits = 0; visits < 2; visits += 1) await visit(link, [...TABS, "Mine"], "Mine");
    const variables =
      'JSON.parse(localStorage.getItem("graphiql:tabState")).tabs[6]?.variables ?? ""';
    expect(await page.evaluate(variables)).toBe("");
    await run(page, '"id": "local"');
  });

  test("sends a key that is given once with every tab and with subscriptions, and does not keep it", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { page } = await openGraphiql({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    await run(page, "UNAUTHENTICATED");
    const credential = page.getByLabel("Credential");
    await credential.fill(key);
    await credential.press("Enter");
    await run(page, "Warm Glow");
    const id = await submitFromTab(page);
    await openTab(page, "Watch");
    await page.getByRole("button", { name: "Variables" }).click();
    const variables = page.locator("section[aria-label=Variables]");
    await replaceAll(page, variables.locator(".view-lines", { hasText: '"id"' }), { id });
    await run(page, "SUCCEEDED");

    // What a tab's own headers say wins.
    await openTab(page, "Jobs");
    await page.getByRole("button", { name: "Headers" }).click();
    const headers = page.locator("section[aria-label=Headers] .graphiql-editor:not(.hidden)");
    await replaceAll(page, headers.locator(".view-lines"), { Authorization: "Bearer another" });
    await run(page, "UNAUTHENTICATED");
    // The schema was read once the key was there, so that the docs are too.
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.getByText("Runs LoRAs, ComfyUI workflows and models on RunComfy").waitFor();

    // A key that was taken out goes with no subscription any more, and the tab says why.
    await credential.fill("");
    await openTab(page, "Watch");
    await run(page, "UNAUTHENTICATED");
    await credential.fill("wrong");
    await run(page, "The API key is unknown or was revoked.");
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

/** Opens an empty tab, and puts the cursor into its editor. */
async function openNewTab(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "New tab" }).click();
  await page.locator(".graphiql-tab-button", { hasText: "<untitled>" }).last().waitFor();
  const editor = page.getByRole("region", { name: "Operation Editor" });
  await editor.click();
  return editor;
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

/** Pastes where the cursor is: to what is typed the editor adds braces, and offers that lie over other things. */
async function paste(page: Page, text: string): Promise<void> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.keyboard.press("ControlOrMeta+V");
}

/** Replaces all that an editor holds. */
async function replaceAll(page: Page, editor: Locator, value: object): Promise<void> {
  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await paste(page, JSON.stringify(value));
}

/** Replaces the word in the middle of a token. */
async function replaceWord(page: Page, token: Locator, text: string): Promise<void> {
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
async function take(page: Page, offer: RegExp): Promise<void> {
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
