import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import sandbox from "../../../../sandbox/src/deployments.json" with { type: "json" };
import { closeBrowser, hasChromium } from "../../../support/chromium.ts";
import { ask, submit } from "../../../support/graphql-client.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../../../support/temporary-folder.ts";
import {
  button,
  expectMain,
  findBarriers,
  LANTERN,
  makePictures,
  openAccount,
  openConsole,
  runPrompt,
  SOON,
  WARM_GLOW,
} from "./console-page.ts";
import { findOverflows, findPaleEdges, readLooks } from "./look.ts";

const EDIT = `mutation ($id: ID!, $tag: String!) {
  editJobs(ids: [$id], addTags: [$tag], isStarred: true) { __typename }
}`;
/** So that documents of the tests run, too. */
const OPEN = { TRUSTED_DOCUMENTS: "", SANDBOX_SPEED: "50" };
/** So high that all of a screen is in view. */
const DESK = { width: 1_280, height: 2_200 };
const PHONE = { width: 390, height: 2_200 };

/** Each of the console's screens, with what opens on it, in turn. */
async function* openScreens(page: Page, origin: string, jobId: string) {
  const go = (path: string) => page.goto(`${origin}${path}`);
  const shown = (text: string | RegExp) => page.locator("main").getByText(text).first().waitFor();
  await go(`/run/${LANTERN}`);
  await page.getByText("Custom", { exact: true }).click();
  await page.getByText("More", { exact: true }).click();
  await page.getByRole("list", { name: "Latest pictures" }).getByRole("button").first().waitFor();
  yield "the form";
  await button(page, "Later…").click();
  await page.getByRole("group", { name: "Later" }).locator("input").first().waitFor();
  yield "what comes later";
  await go(`/run/${WARM_GLOW}`);
  await page
    .getByText(/^Drop or paste/)
    .first()
    .waitFor();
  yield "files";
  await go("/run/of-which-nothing-is-known");
  await page.locator("main textarea").waitFor();
  yield "JSON";
  await go("/jobs?tag=keeper");
  await shown("1 job that fits");
  await button(page, "Filters").click();
  yield "filters of jobs";
  await go(`/jobs/${jobId}`);
  await shown("Timeline");
  yield "a job";
  await page.getByRole("button", { name: "Tags" }).click();
  await page.getByLabel("Add a tag").waitFor();
  yield "its tags";
  await go("/gallery");
  await page.locator("main img").first().waitFor();
  yield "the gallery";
  await page.locator(".gallery-tile").first().hover();
  await page.locator(".toolbar-more").first().click();
  await page.getByText("Download", { exact: true }).waitFor();
  yield "the menu of a tile";
  await page.keyboard.press("Escape");
  await page.locator(".gallery-tile > input").first().check();
  await page.getByText("1 selected").waitFor();
  yield "what is selected";
  await go(`/gallery?open=${jobId}.0`);
  await page.getByRole("dialog").getByRole("button", { name: "Use as input" }).waitFor();
  await page.locator(".lightbox-placed").waitFor();
  yield "a picture";
  await go("/waiting");
  await shown("It waits until it is released");
  yield "what waits";
  await go("/deployments");
  await page.getByText("Details", { exact: true }).first().click();
  yield "deployments";
  for (const path of ["/webhooks", "/agents", "/spending"]) {
    await go(path);
    await page.locator("main h1").waitFor();
    yield path;
  }
  await openAccount(page);
  yield "the account";
  await page.getByRole("button", { name: "All shortcuts" }).click();
  yield "shortcuts";
}

async function makeOne(origin: string): Promise<string> {
  const [id = ""] = await makePictures(origin, ["A lantern"]);
  await ask(origin, EDIT, { variables: { id, tag: "keeper" } });
  await ask(origin, HOLD, { variables: { id: LANTERN } });
  return id;
}

const HOLD = `mutation ($id: ID!) {
  submitJob(deploymentId: $id, input: { prompt: "A boat" }, queue: { hold: true }) { __typename }
}`;

afterAll(closeBrowser);

describe.skipIf(!hasChromium)(
  "anyone who sees, hears or presses otherwise",
  { timeout: 180_000 },
  () => {
    test.each(["light", "dark"] as const)(
      "meets targets of 24 pixels and fields with edges of 3:1 on all screens, when it is %s",
      async (colorScheme) => {
        const { page, origin } = await openConsole(OPEN);
        const id = await makeOne(origin);
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(colorScheme === "light" ? DESK : PHONE);
        const found: string[] = [];
        for await (const screen of openScreens(page, origin, id)) {
          found.push(...(await findBarriers(page)).map((barrier) => `${screen}: ${barrier}`));
          found.push(...(await findPaleEdges(page)).map((edge) => `${screen}: ${edge}`));
          found.push(...(await findOverflows(page)).map((text) => `${screen}: ${text}`));
        }
        expect(found).toEqual([]);
      },
    );

    test("sees what is chosen and where one is in the colours of the system, too", async () => {
      const { page, origin } = await openConsole(OPEN);
      const id = await makeOne(origin);
      await page.emulateMedia({ forcedColors: "active" });
      let chosen = 0;
      for await (const screen of openScreens(page, origin, id)) {
        if (screen === "the form") await page.getByText("16:9", { exact: true }).click();
        for (const [selector, attribute, value] of [
          ["[aria-pressed]", "aria-pressed", "true"],
          ["header nav a", "aria-current", "page"],
        ] as const) {
          const looks = await readLooks(page, selector, attribute);
          const [on, off] = [
            looks.filter(([is]) => is === value),
            looks.filter(([is]) => is !== value),
          ];
          const same = on.filter(([, look]) => off.some(([, other]) => other === look));
          expect(same, `${selector} of ${screen}`).toEqual([]);
          chosen += on.length;
        }
      }
      expect(chosen).toBeGreaterThan(15);
    });

    test("reads names of any length without one of them lying on something else", async () => {
      const file = join(await createTemporaryFolder(), "deployments.json");
      const name = `Deployment${"W".repeat(120)}`;
      const text = JSON.stringify({ deployments: sandbox.deployments });
      await writeFile(
        file,
        text.replaceAll(/"name":"(?=(Warm Glow|Paper Lantern)")/g, `"name":"${name}`),
      );
      const { page, origin } = await openConsole({ ...OPEN, DEPLOYMENTS_FILE: file });
      const [id = ""] = await makePictures(origin, ["A lantern"]);
      await ask(origin, EDIT, { variables: { id, tag: "W".repeat(64) } });
      await ask(origin, HOLD, { variables: { id: LANTERN } });
      const create = { width: 80, height: 60, channels: 3, background: "teal" } as const;
      const buffer = await sharp({ create }).png().toBuffer();
      const picture = { name: `${"w".repeat(236)}.png`, mimeType: "image/png", buffer };
      await page.goto(`${origin}/run/${WARM_GLOW}`);
      await page.locator("input[type=file]").first().setInputFiles(picture);
      await page.getByText(/^w.*\.png$/).waitFor();
      await runPrompt(page, "A harbour");
      await expectMain(page, /Done/);
      const look = async (where: string): Promise<void> => {
        for (const width of [390, 1_280]) {
          await page.setViewportSize({ width, height: 900 });
          // The page lays itself out anew a frame after that.
          const message = `${where}, ${width}`;
          await expect.poll(() => findOverflows(page), { message, ...SOON }).toEqual([]);
        }
      };
      await look("the form");
      await page.getByRole("link", { name: "Details" }).click();
      await page.getByText(/^w.*\.png$/).waitFor();
      await look("a job with a file");
      for (const path of [
        "/jobs",
        `/jobs/${id}`,
        "/gallery",
        `/gallery?open=${id}.0`,
        "/waiting",
      ]) {
        await page.goto(`${origin}${path}`);
        await page.locator("main :is(img, input)").first().waitFor();
        await look(path);
      }
      await page.goto(`${origin}/deployments`);
      await page.getByRole("article").first().waitFor();
      await look("/deployments");
    });

    test("keeps the focus where a button goes that was pressed", async () => {
      const { page, origin } = await openConsole();
      const focused = page.locator("main :is(a, button):focus");
      for (const path of [`/run/${LANTERN}`, "/jobs/"]) {
        const { id } = await submit(origin, LANTERN, "[slow] A lantern");
        if (path === "/jobs/") await page.goto(`${origin}/jobs/${id}`);
        else await runPrompt(page, "[slow] A lantern");
        await button(page, "Cancel").press("Enter");
        await expectMain(page, /It was cancelled/);
        await button(page, "Cancel").waitFor({ state: "detached" });
        await focused.waitFor();
      }
    });

    test("reads “Cancelled” to its end at every width", async () => {
      const { page, origin } = await openConsole();
      await runPrompt(page, "[slow] A lantern");
      await button(page, "Cancel").click();
      await expectMain(page, /It was cancelled/);
      // Where it is chosen it stands on another ground in the colours of the system.
      await page.emulateMedia({ forcedColors: "active" });
      const chosen = page.locator(".run-strip [aria-pressed=true]");
      const colorOf = (element: Element): string => getComputedStyle(element).color;
      expect(await chosen.locator(".status").evaluate(colorOf)).toBe(
        await chosen.evaluate(colorOf),
      );
      await page.emulateMedia({ forcedColors: "none" });
      const cut: string[] = [];
      for (const path of [`/run/${LANTERN}`, "/jobs"]) {
        await page.goto(`${origin}${path}`);
        await page.locator(".status-cancelled").first().waitFor();
        for (let width = 320; width <= 1_600; width += 40) {
          await page.setViewportSize({ width, height: 900 });
          const words = page.locator(".status-cancelled:visible");
          for (const [nth, one] of (await words.all()).entries())
            if (await one.evaluate(isCut)) cut.push(`${path} ${width} ${nth}`);
        }
      }
      expect(cut).toEqual([]);
    });

    test("is not promised an end that nobody knows while the connection is lost", async () => {
      const { page, origin } = await openConsole({ SANDBOX_SPEED: "8" });
      await makePictures(
        origin,
        Array.from({ length: 5 }, (_, nth) => `A lantern ${nth}`),
      );
      const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
      onTestFinished(() => proxy.close());
      const { id } = await submit(origin, LANTERN, "[slow] A lantern");
      await page.goto(`http://127.0.0.1:${proxy.port}/jobs/${id}`);
      await page.clock.install();
      await expectMain(page, / %, done/);
      proxy.drop();
      await expectMain(page, /Connection lost The job goes on/);
      const bar = page.getByRole("progressbar");
      const before = await bar.getAttribute("value");
      await page.clock.runFor(5_000);
      expect(await bar.getAttribute("value")).toBe(before);
      expect(await bar.getAttribute("aria-valuetext")).toBe("not known");
      proxy.heal();
      await page.clock.runFor(5_000);
      await expectMain(page, /Done/);
    });
  },
);

/** Whether something around the words of an element cuts a part of them off. */
function isCut(element: Element): boolean {
  const range = document.createRange();
  range.selectNodeContents(element);
  if (range.getClientRects().length > 1) return true;
  const { left, right, top, bottom } = range.getBoundingClientRect();
  for (let box: Element | null = element; box; box = box.parentElement) {
    if (getComputedStyle(box).overflowX === "visible") continue;
    const outer = box.getBoundingClientRect();
    if (left < outer.left || right > outer.right || top < outer.top || bottom > outer.bottom)
      return true;
  }
  return false;
}
