import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { print } from "graphql";
import { pino } from "pino";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { openStore } from "../../../../src/engine/store/open-store.ts";
import { createApiKeysFile } from "../../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { SubmitJobDocument } from "../../../support/gql/operations.ts";
import { ask, countJobs } from "../../../support/graphql-client.ts";
import { toManyJobs } from "../../../support/many-jobs.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import { button, findBarriers, LANTERN, makePictures, openConsole, SOON } from "./console-page.ts";

/** Goes down a bit, which the layout may still take back. */
const SCROLL = `new Promise((done) => {
  scrollTo(0, 150);
  requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY)));
})`;

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the gallery", { timeout: 90_000 }, () => {
  test("several jobs at once are starred, tagged, compared and deleted, and found again by what they got", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["A first lantern", "A second lantern", "A third lantern"]);
    await page.goto(`${origin}/gallery`);
    await page.getByRole("heading", { name: /Today|Yesterday/ }).waitFor();
    const bar = page.getByRole("group", { name: "With what is selected" });
    expect(await bar.count()).toBe(0);
    const select = (prompt: string) =>
      page.getByRole("checkbox", { name: `Select the job of Picture: ${prompt}` });
    await select("A third lantern").check();
    await select("A first lantern").check();
    await bar.getByText("2 selected").waitFor();
    await bar.getByRole("button", { name: "Star" }).click();
    await page.getByRole("link", { name: "Picture: A first lantern, starred" }).waitFor();
    await bar.locator(":focus", { hasText: "Unstar" }).waitFor();
    await bar.getByLabel("Add a tag").fill("keeper");
    await page.keyboard.press("Enter");
    await bar.getByText("2 changed").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await bar.getByRole("link", { name: "Compare" }).click();
    await page.getByRole("dialog").getByText("What differs").waitFor();
    await page.keyboard.press("Escape");
    await bar.getByRole("button", { name: "Clear the selection" }).click();
    await expect.poll(() => bar.count()).toBe(0);

    const tiles = page.locator(".gallery-tile");
    await page.reload();
    const filters = page.getByRole("button", { name: /^Filters/ });
    await filters.click();
    const deployment = page.getByRole("combobox", { name: "Deployment" });
    const offered = () => deployment.locator("option").allInnerTexts();
    await expect.poll(offered, SOON).toContain("Slow Tide");
    const before = await offered();
    await deployment.selectOption("Slow Tide");
    await expect.poll(() => tiles.count(), SOON).toBe(0);
    // What is chosen doesn't move.
    expect(await offered()).toEqual(before);
    await deployment.selectOption("Any");
    const tag = page.getByRole("combobox", { name: "Tag" });
    expect(await page.locator("search option[value=keeper]").count()).toBe(1);
    await tag.fill("keeper");
    await tag.press("Enter");
    await page.waitForURL(/tag=keeper/);
    await expect.poll(() => tiles.count(), SOON).toBe(2);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Tag: keeper: remove" }).click();
    await expect.poll(() => tiles.count(), SOON).toBe(3);
    const starred = page.getByRole("button", { name: "Starred", exact: true });
    await starred.click();
    await expect.poll(() => tiles.count(), SOON).toBe(2);

    // In the viewer, one by one.
    await page.getByRole("link", { name: /A third lantern/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Tags" }).click();
    await dialog.getByRole("button", { name: "Remove the tag keeper" }).click();
    await expect.poll(() => dialog.locator(".chip").count(), SOON).toBe(0);
    await dialog.getByLabel("Add a tag").fill("a".repeat(64));
    expect(await dialog.locator("datalist option").first().getAttribute("value")).toBe("keeper");
    await page.keyboard.press("Enter");
    await dialog.locator(".lightbox-facts .chip").waitFor();
    await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "Star", pressed: true }).click();
    await dialog.getByRole("button", { name: "Star", pressed: false }).waitFor();
    await page.keyboard.press("Escape");

    await select("A first lantern").check();
    await bar.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText("Delete", { exact: true }).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await starred.click();
    const size = page.getByLabel("Size");
    await size.fill("400");
    const width = async () => (await tiles.first().boundingBox())?.height;
    await expect.poll(width, SOON).toBeGreaterThan(350);
    await page.reload();
    await expect.poll(width, SOON).toBeGreaterThan(350);

    // A user who comes back is where they were.
    await page.setViewportSize({ width: 480, height: 300 });
    await page.getByRole("searchbox").waitFor({ state: "hidden" });
    await expect.poll(() => page.evaluate(SCROLL), SOON).toBe(150);
    await page.evaluate(`document.querySelector("a[href='/jobs']").click()`);
    await page.getByRole("grid", { name: "Jobs" }).waitFor();
    await page.evaluate(`document.querySelector("a[href='/gallery']").click()`);
    await tiles.first().waitFor();
    await expect.poll(() => page.evaluate("scrollY"), SOON).toBe(150);
  });

  test("what was made is found by day and kind, in the viewer's time zone, and the address keeps all of it", async () => {
    const { page, origin } = await openMade([
      { at: "2026-06-15T09:00Z", kind: "IMAGE" },
      { at: "2026-06-15T11:00Z", kind: "VIDEO" },
      { at: "2026-06-15T12:00Z", kind: "IMAGE" },
      { at: "2026-06-15T13:00Z", kind: "AUDIO" },
      { at: "2026-06-15T13:00Z", kind: "VIDEO" },
      { at: new Date().toISOString(), kind: "VIDEO" },
    ]);
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setTimezoneOverride", { timezoneId: "Pacific/Kiritimati" });
    await page.goto(`${origin}/gallery`);
    await expectFound(page, 6, "6 jobs");
    await page.getByRole("link", { name: "June 16, 2026" }).click();
    await page.waitForURL(`${origin}/gallery?from=2026-06-16&to=2026-06-16`);
    await expectFound(page, 4, "4 jobs");
    await button(page, "Videos").click();
    // The gateway counts jobs, whatever they made.
    await expectFound(page, 2, "2 videos");
    await button(page, "Sounds").click();
    await expectFound(page, 3, "3 files");
    // Others begin the first row anew, rather than standing above it.
    await button(page, "Videos").click();
    await expectFound(page, 1, "1 sound");
    await button(page, "Videos").click();
    await expectFound(page, 3, "3 files");
    const tops = `new Set([...document.querySelectorAll(".gallery-tile")].map(({ style }) => style.top)).size`;
    expect(await page.evaluate(tops)).toBe(1);
    await button(page, "Sounds").click();
    const link = page.url();
    await page.goto("about:blank");
    await page.goto(link);
    await expectFound(page, 2, "2 videos");
    expect(await findBarriers(page)).toEqual([]);

    // A viewer goes from one video to the next, also where the link is all that it has.
    const step = (name: string) => page.getByRole("dialog").getByRole("button", { name });
    await page.goto(`${link}&open=job_5.0`);
    await step("Older picture").click();
    await page.waitForURL(/open=job_2\.0/);
    await expect.poll(() => step("Older picture").getAttribute("aria-disabled")).toBe("true");
    await page.keyboard.press("Escape");
    await page.goto(`${origin}/gallery?media=video&open=job_3.0`);
    await step("Older picture").click();
    await page.waitForURL(/open=job_2\.0/);

    await page.goto(link);
    await page.getByRole("button", { name: "Filters, 2 set" }).click();
    await page.getByLabel("From").fill("2026-06-17");
    await page.getByLabel("To", { exact: true }).fill("");
    await expectFound(page, 1, "1 video");
    await page.getByLabel("To", { exact: true }).fill("2026-06-30");
    await page.getByText("No matches. Clear one of these:").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.press("Escape");
    const dates = "from June 17, 2026 to June 30, 2026: remove";
    await page.locator(".empty").getByRole("button", { name: dates }).click();
    await expectFound(page, 3, "3 videos");
    // What was pressed is gone, and the focus stays among the filters.
    await page.locator("button:focus", { hasText: "Filters" }).waitFor();
    expect(page.url()).toBe(`${origin}/gallery?media=video`);
    await button(page, "Today").click();
    await expectFound(page, 1, "1 video");
  });

  test("of a kind that is rare, it says how far it has looked, and counts only what it has found", async () => {
    const { page, origin } = await openMade([], 1_100);
    await page.goto(`${origin}/gallery?media=video`);
    await page.getByText("Many jobs in a row made no videos.").waitFor();
    await page.getByText("0 videos so far", { exact: true }).waitFor();
    await button(page, "Look further back").click();
    await page.getByText("No matches. Clear this:").waitFor();
    await page.locator(".empty").getByRole("button", { name: "Videos: remove" }).click();
    await page.getByText("1,100 jobs", { exact: true }).waitFor();
  });

  test("operators filter by owner, and a link to somebody else's picture says no more than one to none", async () => {
    const keys = await createApiKeysFile();
    const [anna, ben] = [await keys.create("anna"), await keys.create("ben")];
    const operator = await keys.create("operator", "--scopes", "jobs:read:all");
    const access = { AUTH: "api-keys", API_KEYS_FILE: keys.file };
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50", ...access });
    const ids: string[] = [];
    for (const key of [anna, ben]) {
      const input = { prompt: "A lantern" };
      const variables = { deploymentId: LANTERN, input, idempotencyKey: null };
      const headers = { authorization: `Bearer ${key}` };
      const data = await ask(origin, print(SubmitJobDocument), { variables, headers });
      ids.push(String(JSON.stringify(data).match(/job_[0-9a-f]+/)));
    }
    const enter = async (path: string, key: string) => {
      await page.goto(`${origin}${path}`);
      await page.getByLabel("API key or token").fill(key);
      await page.keyboard.press("Enter");
    };
    await enter("/gallery", operator);
    await expectFound(page, 2, "2 jobs");
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByLabel("Owner").fill("ben");
    await page.keyboard.press("Enter");
    await expectFound(page, 1, "1 job");
    await page.waitForURL(`${origin}/gallery?owner=ben`);
    await page.getByRole("button", { name: "Owner: ben: remove" }).waitFor();

    const unknown = `job_${"0".repeat(32)}`;
    for (const id of [ids[0], unknown, "none"]) {
      for (const path of ["/gallery", `/run/${LANTERN}`]) {
        await enter(`${path}?open=${id}.0`, ben);
        await page
          .getByText(/no such picture: it was deleted, or belongs to somebody else/)
          .waitFor();
      }
      await enter(`/jobs/${id}`, ben);
      await page.getByText("It was deleted, or belongs to somebody else.").waitFor();
    }
  });

  test("on a phone one button holds the filters, and the first picture begins above a fifth of the screen", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["A first lantern", "A second lantern"]);
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [path, first] of [
      ["gallery", ".gallery-tile"],
      ["jobs", ".jobs-row .thumbnail"],
    ] as const) {
      await page.goto(`${origin}/${path}`);
      await page.locator(first).first().waitFor();
      const place = await page.locator(first).first().boundingBox();
      expect(place?.y).toBeLessThan(165);
      await page.getByRole("button", { name: "Filters", exact: true }).click();
      await page.getByRole("searchbox").fill("second");
      await button(page, "Today").click();
      await page.getByText("A second lantern").first().waitFor();
      await expect.poll(() => page.locator("main").innerText(), SOON).not.toContain("A first");
      expect(await findBarriers(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Filters, 2 set" }).click();
      await button(page, "Clear all").click();
      await page.getByText("A first lantern").first().waitFor();
      await page.keyboard.press("Escape");
      expect(await findBarriers(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    }
  });

  test("nothing moves while it opens", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["A first lantern", "A second lantern", "A third lantern"]);
    await page.addInitScript(`moved = []; new PerformanceObserver((list) => moved.push(
      ...list.getEntries().map(({ value, sources }) => [value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 90))])
    )).observe({ type: "layout-shift", buffered: true })`);
    for (const width of [1_280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(`${origin}/gallery`);
      await page.locator(".gallery-tile img").nth(2).waitFor();
      await page.getByText("live", { exact: true }).waitFor();
      await page.getByText("No more pictures").waitFor();
      const shifts = z.array(z.tuple([z.number()]).rest(z.unknown()));
      const moved = shifts.parse(await page.evaluate("moved"));
      const sum = moved.reduce((all, [value]) => all + value, 0);
      expect(sum, JSON.stringify(moved)).toBeLessThan(0.02);
    }
  });

  test("while jobs are selected, a click selects and Esc clears, in the gallery and in the list", async () => {
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "50" });
    await makePictures(origin, ["Lantern 1", "Lantern 2", "Lantern 3", "Lantern 4"]);
    for (const path of ["gallery", "jobs"]) {
      const screen = `${origin}/${path}`;
      await page.goto(screen);
      const link = (prompt: string) => page.getByRole("main").getByRole("link", { name: prompt });
      await page
        .getByRole("checkbox", { name: /^Select (this|the) job/ })
        .first()
        .check();
      await page.getByText("1 selected").waitFor();
      await link("Lantern 1").click({ modifiers: ["Shift"] });
      await page.getByText("4 selected").waitFor();
      await link("Lantern 2").click();
      await page.getByText("3 selected").waitFor();
      // Such a click is the browser's, which opens a tab.
      await page.evaluate(`addEventListener("click", (event) => {
        isLeft = !event.defaultPrevented;
        event.preventDefault();
      }, { once: true })`);
      await link("Lantern 3").click({ modifiers: ["ControlOrMeta"] });
      expect(await page.evaluate("isLeft")).toBe(true);
      await page.getByText("3 selected").waitFor();
      expect(page.url()).toBe(screen);
      // What is open above it takes the key.
      await page.getByRole("button", { name: "Filters" }).click();
      await page.keyboard.press("Escape");
      await page.getByText("3 selected").waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.getByText("3 selected").count(), SOON).toBe(0);
      await link("Lantern 3").click();
      await page.waitForURL((url) => url.href !== screen);
    }
  });
});

async function expectFound(page: Page, tiles: number, words: string): Promise<void> {
  await expect.poll(() => page.locator(".gallery-tile").count(), SOON).toBe(tiles);
  await page.getByText(words, { exact: true }).waitFor();
}

type Made = { readonly at: string; readonly kind: "IMAGE" | "VIDEO" | "AUDIO" };

/** The console of a gateway with `job_1` and so on, each of which made one file at that moment, or with so many pictures. */
async function openMade(made: readonly Made[], count = made.length) {
  const path = join(await createTemporaryFolder(), "gateway.db");
  const databaseUrl = `file:${path}`;
  const log = pino({ level: "silent" });
  await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
  const opened = await openConsole({ DATABASE_URL: databaseUrl });
  const toAssets = (kind: Made["kind"]): string =>
    JSON.stringify([{ kind, path: "files[0]", url: `${opened.origin}/console/icon.svg` }]);
  using file = new DatabaseSync(path, { timeout: 5_000 });
  file.exec(`${toManyJobs("local", count)}
    insert into job_documents (job_id, input_bytes, output_bytes, input, output)
    select id, 40, 2, json_object('prompt', 'Boat ' || substr(id, 5)), '{}' from jobs;
    insert into job_assets (job_id, bytes, assets) select id, 99, '${toAssets("IMAGE")}' from jobs`);
  for (const [index, { at, kind }] of made.entries())
    file.exec(`update jobs set created_at = ${Date.parse(at)} where id = 'job_${index + 1}';
      update job_assets set assets = '${toAssets(kind)}' where job_id = 'job_${index + 1}'`);
  return opened;
}
