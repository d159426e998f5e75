import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { print, printSchema } from "graphql";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import sandbox from "../../sandbox/src/deployments.json" with { type: "json" };
import { readCatalogue } from "../../src/engine/deployments/load-catalogue.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, holdUploads, openPage } from "../support/chromium.ts";
import { JobsDocument } from "../support/gql/operations.ts";
import { countJobs } from "../support/graphql-client.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks, ROOT } from "../support/pages.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

const SOON = { timeout: 20_000, interval: 200 };
const PRESET = "presetConfig: { fragmentMasking: false },\n";
const README_URL = '"http://127.0.0.1:4000/graphql"';
/** What `npm create vite` writes for `react-ts`, but for what the page does not need. */
const TEMPLATE = {
  "index.html": `<!doctype html>
<html lang="en">
  <body>
    <div id="root"></div>
    <script type="module" src="./src/main.tsx"></script>
  </body>
</html>`,
  "src/main.tsx": `import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import App from './App.tsx'

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
)`,
};
/** What is shown below README's component: that of the page on the client, and submits of other kinds. */
const MORE = `
  import { useState } from "react";
  import { createRoot } from "react-dom/client";
  import { createGatewayClient } from "runcomfy-graphql-client";
  import { GatewayProvider, useSubmit } from "runcomfy-graphql-client/react";
  import { History } from "./History.tsx";
  const OWN = "mutation ($input: PaperLanternInput!, $key: String!) { submitPaperLantern(input: $input, idempotencyKey: $key) { ... on SubmitJobSuccess { job { id } } } }";
  function Own() {
    const { submit, jobId, error } = useSubmit({ document: OWN });
    return <p><button onClick={() => void submit({ prompt: "An owl" })}>Own</button><b>{jobId ?? error?.message}</b></p>;
  }
  function Either() {
    const [deploymentId, choose] = useState("unknown");
    const { submit, error } = useSubmit({ deploymentId });
    return <p><button onClick={() => void submit({})}>Either</button><button onClick={() => choose("other")}>Or</button><i>{error?.code}</i></p>;
  }
  createRoot(document.body.appendChild(document.createElement("div"))).render(
    <GatewayProvider value={createGatewayClient({ url: location.gateway })}><History /><Own /><Either /></GatewayProvider>,
  );`;

const INPUT = { Prompt: "A warmer harbour", Picture: "https://example.com/harbour.jpg" };

let folder = "";
let server: ViteDevServer | undefined;

/**
 * The example, with documents that are generated as the pages on a typed app and on trusted documents say, and in
 * `readme` a fresh Vite app with README's component.
 */
beforeAll(async () => {
  if (!hasChromium) return;
  folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  await linkPackages(folder);
  await cp(join(ROOT, "examples/react"), folder, { recursive: true });
  await writeFile(join(folder, "tsconfig.json"), '{ "compilerOptions": { "jsx": "react-jsx" } }');
  const schema = printSchema(createSchema(readCatalogue(sandbox, "sandbox").catalogue));
  await writeFile(join(folder, "schema.graphql"), schema);
  const chapter = "4. Set up the generated types";
  const [config = ""] = readBlocks("docs/typed-frontend.md", chapter, "ts");
  const [list = ""] = readBlocks("docs/trusted-documents.md", "Make the list", "ts");
  if (!config.includes(PRESET)) throw new Error(`The page has no ${PRESET}`);
  const text = `import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";\n${config.replace(PRESET, list)}`;
  await writeFile(join(folder, "codegen.ts"), text);
  const program = join(ROOT, "node_modules/.bin/graphql-codegen");
  await promisify(execFile)(process.execPath, [program], { cwd: folder });
  const [component = ""] = readBlocks("README.md", "From React", "tsx");
  const [history = ""] = readBlocks("docs/client.md", "From React", "tsx");
  const files = {
    ...TEMPLATE,
    "src/App.tsx": component.replace(README_URL, "location.gateway"),
    "src/History.tsx": history,
    "src/more.tsx": MORE,
  };
  await mkdir(join(folder, "readme/src"), { recursive: true });
  for (const [path, content] of Object.entries(files))
    await writeFile(join(folder, "readme", path), content);
  server = await createServer({
    root: folder,
    configFile: false,
    define: { "import.meta.env.VITE_GATEWAY": "location.gateway" },
    logLevel: "silent",
    server: { host: "127.0.0.1", port: 0 },
  });
  await server.listen();
});

afterAll(async () => {
  await closeBrowser();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The example at a gateway behind a proxy. The gateway runs nothing but the example's documents, and the test's list. */
async function openExample(environment: Readonly<Record<string, string>>) {
  const generated = await readFile(join(folder, "src/gql/persisted-documents.json"), "utf8");
  const documents = join(folder, "documents.json");
  const listed = { ...JSON.parse(generated), jobs: print(JobsDocument) };
  await writeFile(documents, JSON.stringify(listed));
  const { url: origin } = await start({
    ...SANDBOX,
    CORS_ORIGINS: toSite().origin,
    TRUSTED_DOCUMENTS: documents,
    CONSOLE: "false",
    ...environment,
  });
  const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
  onTestFinished(() => proxy.close());
  const page = await openApp("/", `http://127.0.0.1:${proxy.port}`);
  return { page, proxy, origin, generated };
}

const toSite = () => new URL(server?.resolvedUrls?.local[0] ?? "");

/** A page of an app, for a gateway at this origin. */
async function openApp(path: string, gateway: string): Promise<Page> {
  const { page } = await openPage();
  await page.addInitScript(`location.gateway = "${gateway}/graphql"`);
  await page.goto(new URL(path, toSite()).href);
  return page;
}

async function fill(page: Page, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
}

async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([fileName, base64]) => {
      const transfer = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([content], fileName, { type: "image/png" }));
      return transfer;
    },
    [name, bytes.toString("base64")] as const,
  );
  await page.dispatchEvent("form", "drop", { dataTransfer });
}

const submit = (page: Page) => page.getByRole("button", { name: "Submit" });
const body = async (page: Page) => (await page.locator("body").innerText()).replaceAll(/\s+/g, " ");

describe.skipIf(!hasChromium)("the example", { timeout: 90_000 }, () => {
  test("keeps a key while nothing answers, clicks and reloads included, and renews it by an answer or a changed input", async () => {
    const { page, proxy, origin } = await openExample({ SANDBOX_SPEED: "4" });
    await fill(page, INPUT);
    await page.clock.install();
    const submitInVain = async () => {
      proxy.loseAnswers("SubmitJobSuccess");
      await submit(page).click();
      await page.getByText("Trying again").waitFor();
      const isGivenUpLater = async () => {
        await page.clock.runFor(4_000);
        return await submit(page).isEnabled();
      };
      await expect.poll(isGivenUpLater, SOON).toBe(true);
      expect(await body(page)).toMatch(/Check .*, then try again\./);
      proxy.heal();
    };
    await submitInVain();
    // Six tries, each of which the browser may repeat by itself.
    expect(proxy.lost()).toBeLessThanOrEqual(12);
    await page.reload();
    await submit(page).dblclick();
    await page.getByText(/job_/).waitFor();
    expect(await countJobs(origin)).toBe(1);

    // The one job outlives a reload.
    await page.reload();
    await expect.poll(() => body(page), SOON).toMatch(/Done job_\w+/);
    await page.locator("img").waitFor();
    const first = page.url();
    await submit(page).click();
    await expect.poll(() => page.url(), SOON).not.toBe(first);
    expect(await countJobs(origin)).toBe(2);

    await fill(page, { Prompt: "A colder harbour" });
    await submitInVain();
    expect(await countJobs(origin)).toBe(3);
    await fill(page, { Prompt: "A harbour by night" });
    await submit(page).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(4);
  });

  test("sends a picture that is dropped, marks the fields of a second submit beside the first job, and cancels it, with generated and trusted documents", async () => {
    const { page, proxy, origin, generated } = await openExample({ SANDBOX_SPEED: "1" });
    // The transform of the page on trusted documents puts it into each selection.
    expect(generated).toMatch(/mutation [^{]*\{\s*__typename\s+submitWarmGlow\(/);
    const refused = await fetch(`${origin}/graphql?query={viewer{id}}`);
    expect(await refused.text()).toContain("PERSISTED_QUERY_REQUIRED");

    const picture = page.getByLabel("Picture");
    await drop(page, "notes.png", Buffer.from("These are notes."));
    await page.getByText("The file is not what it was said to be").waitFor();
    expect(await picture.inputValue()).toBe("");
    const create = { width: 64, height: 64, channels: 3, background: "teal" } as const;
    const letUploadsGo = await holdUploads(page);
    await drop(page, "teal.png", await sharp({ create }).png().toBuffer());
    await fill(page, { Prompt: "[slow] A teal harbour", Width: "1000" });
    letUploadsGo();
    await expect.poll(() => picture.inputValue(), SOON).toMatch(/^upload:upl_/);
    const dropped = await picture.inputValue();
    const buffer = await sharp({ create }).png().toBuffer();
    const chosen = { name: "chosen.png", mimeType: "image/png", buffer };
    await page.getByLabel("Choose a file").setInputFiles(chosen);
    await expect.poll(() => picture.inputValue(), SOON).not.toBe(dropped);
    expect(await page.getByLabel("Prompt").inputValue()).toBe("[slow] A teal harbour");
    await submit(page).click();
    await expect.poll(() => body(page), SOON).toMatch(/Waiting (\(\d+ before it\) )?job_\w+/);
    expect(await body(page)).toContain("width 1000 is rounded down to 992");

    await fill(page, { Width: "10", Picture: "https://localhost/a.png" });
    await submit(page).click();
    const labelled = (text: string) => page.locator("label", { hasText: text }).innerText();
    await expect.poll(() => labelled("Picture"), SOON).toContain("must be on a public host");
    expect(await labelled("Width")).toContain("is 10");
    expect(await body(page)).toContain("Correct the marked fields, then submit again.");
    expect(await body(page)).toMatch(/Waiting (\(\d+ before it\) )?job_\w+/);

    proxy.drop();
    await page.getByText("The connection is down; trying again.").waitFor();
    proxy.heal();
    await page.getByText("The connection is down").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => body(page), SOON).toMatch(/Cancelled job_\w+/);
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    expect(await countJobs(origin)).toBe(1);
  });
});

describe.skipIf(!hasChromium)("README's component in a fresh Vite app", { timeout: 90_000 }, () => {
  test("runs a job at a gateway that was just started, a prompt that failed again, and says what is wrong, a lost connection too, beside a live list", async () => {
    const { url: origin } = await start(SANDBOX);
    const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
    onTestFinished(() => proxy.close());
    const page = await openApp("/readme/index.html", `http://127.0.0.1:${proxy.port}`);
    await page.addScriptTag({ type: "module", url: "/readme/src/more.tsx" });
    const prompt = page.getByRole("textbox");
    await prompt.fill("[fail] again");
    await submit(page).click();
    await page.getByText("The run failed").waitFor();
    await submit(page).click();
    await expect.poll(() => countJobs(origin), SOON).toBe(2);
    await prompt.fill("A lantern");
    await expect.poll(() => submit(page).isEnabled(), SOON).toBe(true);
    await submit(page).click();
    await page.getByText("SUCCEEDED").waitFor();
    await page.locator("form img").waitFor();
    await page.getByText("1 pictures").waitFor();
    await page.locator("section img").waitFor();
    await page.reload();
    await page.locator("form img").waitFor();
    expect(await countJobs(origin)).toBe(3);

    // Another deployment's job, by a document of one's own, is kept apart.
    await page.addScriptTag({ type: "module", url: "/readme/src/more.tsx" });
    await page.getByRole("button", { name: "Own" }).click();
    await page.locator("b", { hasText: /^job_/ }).waitFor();
    expect(await countJobs(origin)).toBe(4);

    // What is said of one deployment is not said of another.
    await page.getByRole("button", { name: "Either" }).click();
    await page.getByText("DeploymentNotFoundError").waitFor();
    await page.getByRole("button", { name: "Or", exact: true }).click();
    await page.getByText("DeploymentNotFoundError").waitFor({ state: "detached" });

    await prompt.fill("[slow] A lantern");
    await submit(page).click();
    await page.getByText(/^IN_/).waitFor();
    proxy.drop();
    await page.locator("form").getByText("The connection is down; trying again.").waitFor();
    proxy.heal();
    await page.getByText("The connection is down").waitFor({ state: "detached" });

    // The browser says that there is nothing to submit, and nothing is sent.
    await prompt.fill("");
    await submit(page).click();
    const isMissing = (input: HTMLInputElement) => input.validity.valueMissing;
    expect(await prompt.evaluate(isMissing)).toBe(true);
    expect(await page.locator("body").innerText()).not.toMatch(/Correct the marked|\[GraphQL\]/);
  });
});
