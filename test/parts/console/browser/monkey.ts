import { setTimeout } from "node:timers/promises";

import type { Page } from "playwright-core";
import { z } from "zod";

import { Chance } from "../../../simulation/chance.ts";

const PATHS = `/ /run /jobs /waiting /gallery /deployments /webhooks /agents /spending /nowhere
/jobs/job_0 /run/none%2F /jobs?status=x&text=%00 /gallery?open=x&tag=%25&media=x&from=2026-02-31`;
const KEYS = `Tab Tab Tab Shift+Tab Enter Enter Space Escape ArrowUp ArrowDown ArrowLeft ArrowRight Home
End PageDown Delete Backspace Control+a Control+z Control+Enter Control+Enter r j g d w s q f l h x i ? / + - 0`;
const TEXTS = `A lantern|[slow] A lantern|[fail] A lantern|${"x".repeat(5_000)}|مرحبا \u202E שלום|👩‍👩‍👧🏳️‍🌈e\u0301|\0 \u2028
|</script><b>|{"a": [1, {"b": null|[1]|"|-1|1e400|__proto__|999999-12-31T00:00|https://`;
const FILES = [
  ["ü".repeat(120), "image/gif", "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"],
  ["</script>.svg", "image/svg+xml", "PHN2Zy8+"],
  ["a.txt", "text/plain", "d29yZHM="],
] as const;

/** In the page: reports presses with how many jobs they may make, and keeps the monkey in the console. */
const WATCH = String.raw`
  const note = (...pressed) => {
    const said = pressed.map((one) => one?.innerText ?? "").join(" ").replaceAll(/\$[\d.,]+|,/g, "");
    notePress(Math.max(1, ...(said.match(/\d+/g) ?? [])));
  };
  const find = () => document.querySelector(".run-submit");
  addEventListener("keydown", ({ key, ctrlKey }) => key === "Enter" && ctrlKey && find() && note(find()), true);
  addEventListener("click", (event) => {
    const [link, button] = ["a[href]", "button"].map((one) => event.target.closest(one));
    if (link && (link.origin !== location.origin || link.pathname === "/graphql")) event.preventDefault();
    // Enter in a field presses its form's button, and has to run nothing.
    if (button === null || (event.detail === 0 && button !== document.activeElement)) return;
    if (/^(Run|New seed|Same seed|Let it wait)/.test(button.innerText)) note(find(), button.closest("dialog") ?? button);
  }, true);`;
/** In the page: the middle of one of its controls, once it is in sight, and what that is. */
const FIND = `(nth) => {
  const inner = [...document.querySelectorAll("main, :popover-open, dialog:modal")].at(-1);
  const root = (nth % 8 > 0 && inner) || document.body;
  const all = root.querySelectorAll("a[href], button, input, select, textarea, summary, label, video, [tabindex='0']");
  const seen = [...all].filter((one) => one.checkVisibility({ visibilityProperty: true }));
  const one = seen[nth % seen.length] ?? root;
  one.scrollIntoView({ block: "nearest" });
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x + width / 2, y + height / 2, one.localName + " " + (one.ariaLabel || one.innerText || one.type)];
}`;
const FOUND = z.tuple([z.number(), z.number(), z.string()]);
const DROP = `([name, type, bytes], ...place) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([Uint8Array.fromBase64(bytes)], name, { type }));
  const given = { bubbles: true, cancelable: true, dataTransfer };
  for (const type of ["dragover", "drop"]) document.elementFromPoint(...place)?.dispatchEvent(new DragEvent(type, given));
}`;
/** In the page: what is wrong with it. */
const LOOK = `(async () => {
  const isSeen = () => (document.activeElement ?? document.body).checkVisibility({ visibilityProperty: true });
  // Chromium takes the focus from what was closed a little later.
  for (let frame = 0; frame < 60 && !isSeen(); frame += 1) await new Promise(requestAnimationFrame);
  if (document.body.innerText.includes("This screen could not be shown.")) return "A screen failed.";
  return isSeen() ? "" : "The focus is out of sight: " + document.activeElement.outerHTML.slice(0, 200);
})()`;
/** Refusals of what was typed are none, but those of variables that the page made are. */
const MISTAKE = /"code":"(?!BAD_USER_INPUT|NOT_FOUND)|"message":"Variable/;
const REFUSED = /^Failed to load resource: the server responded with a status of 4/;
const LOCAL = /^(\w+:\/\/127\.0\.0\.1:|data:|blob:)/;
const AWAY = /context was destroyed|interrupted by another|ERR_ABORTED/;

/**
 * Clicks, presses, types, drops and goes wherever the seed says, in the console of a sandbox. Throws, with its last steps,
 * once it finds an error, a failed screen, a focus out of sight, a request elsewhere, or a job that nobody pressed for.
 */
export async function runMonkey(page: Page, seed: string, steps: number, countJobs: () => number) {
  const { origin } = new URL(page.url());
  const isSandbox = await page.locator("meta[name=gateway][content*=sandbox]").count();
  if (!isSandbox) throw new Error("The monkey plays with a sandbox only.");
  const problems: string[] = [];
  const note = (text: string, isWrong = true): unknown => isWrong && problems.push(text);
  let pressed = 0;
  await page.exposeFunction("notePress", (jobs: number) => void (pressed += jobs));
  await page.addInitScript(WATCH);
  page.on("pageerror", (error) => note(error.message));
  page.on("popup", (popup) => popup.close());
  page.on("console", (it) => note(it.text(), it.type() === "error" && !REFUSED.test(it.text())));
  page.on("request", (it) => note(it.url(), !LOCAL.test(it.url())));
  page.on("response", async (response) => {
    if (!response.url().startsWith(`${origin}/graphql`)) return;
    const { errors = [] } = await response.json().catch(() => ({}));
    note(JSON.stringify(errors), MISTAKE.test(JSON.stringify(errors)));
  });
  const [chance, forFiles] = [new Chance(seed), new Chance(`files ${seed}`)];
  page.on("filechooser", async (chooser) => {
    const [name, mimeType, bytes] = forFiles.pick(FILES);
    const file = { name, mimeType, buffer: Buffer.from(bytes, "base64") };
    await chooser.setFiles(file).catch(String); // The page may be another one by now.
  });
  await page.reload();

  const often = createActs(page, origin, chance).flatMap((act) => Array<Act>(act[0]).fill(act));
  const done: string[] = [];
  let last = { jobs: countJobs(), pressed, step: 0 };
  let first = last;
  for (let step = 1; step <= steps && problems.length === 0; step += 1) {
    if (!page.url().startsWith(origin)) await page.goto(origin);
    const [, name, choices, act] = chance.pick(often);
    const choice = chance.pick(choices);
    const doing = act(choice).then((found) => {
      const what = JSON.stringify(typeof found === "string" ? found : choice).slice(0, 90);
      done.push(`${step}. ${name} ${what} at ${page.url()}`);
      return page.evaluate(LOOK);
    });
    const hangs = setTimeout(30_000, `${name} ${choice} hangs.`, { ref: false });
    const wrong = String(await Promise.race([doing, hangs]).catch(String));
    note(wrong, wrong !== "" && !AWAY.test(wrong));
    const jobs = countJobs();
    if (jobs !== last.jobs || pressed !== last.pressed) last = { jobs, pressed, step };
    // By then no press makes jobs any more.
    if (step > last.step + 10) first = last;
    note("Nobody pressed for a job.", jobs - first.jobs > pressed - first.pressed);
  }
  if (problems.length > 0)
    throw new Error([...problems, `Seed ${seed}, after:`, ...done.slice(-20)].join("\n"));
}

/** How often it comes beside the others, its name, and what it does with one of its choices, or has found instead. */
type Act = readonly [number, string, readonly string[], (choice: string) => Promise<unknown>];

function createActs(page: Page, origin: string, chance: Chance): readonly Act[] {
  const call = (script: string, ...given: readonly unknown[]) =>
    page.evaluate(`(${script})(${given.map((one) => JSON.stringify(one)).join()})`);
  const place = () => [chance.integer(0, 1_279), chance.integer(0, 799)] as const;
  async function click(): Promise<string> {
    const [x, y, found] = FOUND.parse(await call(FIND, chance.integer(0, 9_999)));
    await page.mouse.click(x, y, { clickCount: chance.happens(0.1) ? 2 : 1 });
    if (/^(input|textarea)/.test(found))
      await page.keyboard.insertText(chance.pick(TEXTS.split("|")));
    return found;
  }
  const resize = (width: string) => page.setViewportSize({ width: Number(width), height: 800 });
  return [
    [16, "click", [""], click],
    [12, "press", KEYS.split(/\s/), (key) => page.keyboard.press(key)],
    [4, "type", TEXTS.split("|"), (text) => page.keyboard.insertText(text)],
    [1, "click anywhere", [""], () => page.mouse.click(...place())],
    [1, "drop", [""], () => call(DROP, chance.pick(FILES), ...place())],
    [1, "go to", PATHS.split(/\s/), (path) => page.goto(origin + path)],
    [1, "go back", [""], () => page.goBack()],
    [1, "go forward", [""], () => page.goForward()],
    [1, "reload", [""], () => page.reload()],
    [1, "resize", ["320", "390", "1280", "2560"], resize],
  ];
}
