import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import type { Page } from "playwright-core";
import sharp from "sharp";
import { build } from "vite";
import { expect, onTestFinished, test } from "vitest";

import { hasChromium, openPage } from "../support/chromium.ts";
import { runGateway } from "../support/gateway-process.ts";
import { generateExample } from "../support/generate-example.ts";
import { JobsDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { holdUploads } from "./open-console.ts";
import { takePicture } from "./open-graphiql.ts";

const EXAMPLE = new URL("../../examples/react", import.meta.url).pathname;
const README_URL = "http://127.0.0.1:4000/graphql";
const PATIENCE_MS = 90_000;
const SOON = { timeout: 20_000, interval: 100 };

/** The example, or what else is written for a URL, built for a gateway of its own behind a proxy. */
async function openExample(
  name: string,
  environment: Readonly<Record<string, string>> = {},
  write: (url: string) => Promise<string> = () => Promise.resolve(EXAMPLE),
) {
  const folder = await createTemporaryFolder();
  const site = await serveFiles(folder);
  const gateway = runGateway({
    DATABASE_URL: `file:${folder}/gateway.db`,
    SANDBOX_SPEED: "4",
    CORS_ORIGINS: site,
    ...environment,
  });
  const origin = await gateway.url;
  const proxy = await startTcpProxy({ port: Number(new URL(origin).port) });
  onTestFinished(() => proxy.close());
  const url = `http://127.0.0.1:${proxy.port}/graphql`;
  await build({
    root: await write(url),
    define: { "import.meta.env.VITE_GATEWAY": JSON.stringify(url) },
    build: { outDir: folder, minify: false },
    logLevel: "silent",
  });
  const { page, foreignRequests, close } = await openPage();
  onTestFinished(async () => {
    await takePicture(page, `${name}-last`);
    await close();
    expect(foreignRequests).toEqual([]);
  });
  page.setDefaultTimeout(20_000);
  await page.goto(site);
  await page.getByRole("button", { name: "Submit" }).waitFor();
  return { page, proxy, origin };
}

/** A folder with README's component and that of the page on the client in one page, for a gateway at `url`. */
async function writeLantern(url: string): Promise<string> {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  const [component = ""] = readBlocks("README.md", "From React", "tsx");
  await writeFile(join(folder, "app.tsx"), component.replace(README_URL, url));
  const [history = ""] = readBlocks("docs/client.md", "From React", "tsx");
  await writeFile(join(folder, "history.tsx"), history);
  const main = `import { StrictMode, useState } from "react";
    import { createRoot } from "react-dom/client";
    import { createGatewayClient } from "runcomfy-graphql-client";
    import { GatewayProvider, useSubmit } from "runcomfy-graphql-client/react";
    import App from "./app.tsx";
    import { History } from "./history.tsx";
    const gateway = createGatewayClient({ url: ${JSON.stringify(url)} });
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
    createRoot(document.body).render(
      <StrictMode>
        <App />
        <GatewayProvider value={gateway}><History /><Own /><Either /></GatewayProvider>
      </StrictMode>,
    );`;
  await writeFile(join(folder, "main.tsx"), main);
  await writeFile(join(folder, "index.html"), `<script type="module" src="/main.tsx"></script>`);
  return folder;
}

/** Serves what a build writes into a folder, and gives the origin. */
async function serveFiles(folder: string): Promise<string> {
  const server = createServer(async ({ url = "/" }, response) => {
    const file = url === "/" ? "index.html" : url;
    const contentType = file.endsWith(".js") ? "text/javascript" : "text/html";
    const body = await readFile(join(folder, file)).catch(() => null);
    response.writeHead(body === null ? 404 : 200, { "content-type": contentType }).end(body);
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  return `http://127.0.0.1:${address.port}`;
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

async function listJobs(origin: string): Promise<readonly string[]> {
  const { jobs } = await request(origin, JobsDocument, { first: 10 });
  return jobs.edges.map(({ node }) => node.id);
}

const INPUT = { Prompt: "A warmer harbour", Picture: "https://example.com/harbour.jpg" };
const submit = (page: Page) => page.getByRole("button", { name: "Submit" });
const main = async (page: Page) => (await page.locator("body").innerText()).replaceAll(/\s+/g, " ");

test.skipIf(!hasChromium)(
  "an answer that is lost is asked for again under the same key, and the one job outlives a reload",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, proxy, origin } = await openExample("example-lost");
    await fill(page, INPUT);
    proxy.loseAnswers("SubmitJobSuccess");
    await submit(page).click();
    await page.getByText("Trying again").waitFor();
    await takePicture(page, "example-1-lost");
    expect(proxy.lost()).toBeGreaterThan(0);
    proxy.heal();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ SUCCEEDED/);
    const [id, ...others] = await listJobs(origin);
    expect(others).toEqual([]);
    expect(page.url()).toContain(id);

    await page.reload();
    await expect.poll(() => main(page), SOON).toMatch(new RegExp(`${id} SUCCEEDED`));
    await page.locator("img").waitFor();
    await takePicture(page, "example-2-reloaded");
  },
);

test.skipIf(!hasChromium)(
  "a key is kept while nothing answers, clicks and reloads included, and renewed by an answer or a changed input",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, proxy, origin } = await openExample("example-keys");
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
      expect(await main(page)).toMatch(/Check .*, then try again\./);
      proxy.heal();
    };
    await submitInVain();
    // Six tries, each of which the browser may repeat by itself.
    expect(proxy.lost()).toBeLessThanOrEqual(12);
    await takePicture(page, "example-3-given-up");
    await page.reload();
    await submit(page).dblclick();
    await page.getByText(/job_/).waitFor();
    expect(await listJobs(origin)).toHaveLength(1);

    const first = page.url();
    await submit(page).click();
    await expect.poll(() => page.url(), SOON).not.toBe(first);
    expect(await listJobs(origin)).toHaveLength(2);

    await fill(page, { Prompt: "A colder harbour" });
    await submitInVain();
    expect(await listJobs(origin)).toHaveLength(3);
    await fill(page, { Prompt: "A harbour by night" });
    await submit(page).click();
    await expect.poll(() => listJobs(origin), SOON).toHaveLength(4);
  },
);

test.skipIf(!hasChromium)(
  "a picture that is dropped goes with the next submit, and one that is none is told apart",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, origin } = await openExample("example-drop");
    const picture = page.getByLabel("Picture");
    await drop(page, "notes.png", Buffer.from("These are notes."));
    await page.getByText("The file is not what it was said to be").waitFor();
    expect(await picture.inputValue()).toBe("");
    const create = { width: 64, height: 64, channels: 3, background: "teal" } as const;
    const letUploadsGo = await holdUploads(page);
    await drop(page, "teal.png", await sharp({ create }).png().toBuffer());
    await fill(page, { Prompt: "A teal harbour" });
    letUploadsGo();
    await expect.poll(() => picture.inputValue(), SOON).toMatch(/^upload:upl_/);
    await takePicture(page, "example-5-dropped");
    expect(await page.getByLabel("Prompt").inputValue()).toBe("A teal harbour");
    await submit(page).click();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ SUCCEEDED/);
    expect(await listJobs(origin)).toHaveLength(1);
  },
);

test.skipIf(!hasChromium)(
  "a second submit that fails marks its fields beside the job that is there, which can be cancelled while it waits",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, proxy, origin } = await openExample("example-second", { SANDBOX_SPEED: "1" });
    await fill(page, { ...INPUT, Prompt: "[slow] A warmer harbour", Width: "1000" });
    await submit(page).click();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ IN_QUEUE/);
    expect(await main(page)).toContain("width 1000 is rounded down to 992");

    await fill(page, { Width: "10", Picture: "https://localhost/a.png" });
    await submit(page).click();
    const picture = page.locator("label", { hasText: "Picture" });
    await expect.poll(() => picture.innerText(), SOON).toContain("must be on a public host");
    expect(await page.locator("label", { hasText: "Width" }).innerText()).toContain("is 10");
    expect(await main(page)).toContain("Correct the marked fields, then submit again.");
    expect(await main(page)).toMatch(/job_\w+ IN_QUEUE/);
    await takePicture(page, "example-4-issues");

    proxy.drop();
    await expect.poll(() => main(page), SOON).toContain("The connection is down; trying again.");
    proxy.heal();
    await expect.poll(() => main(page), SOON).not.toContain("The connection is down");

    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ CANCELLED/);
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    expect(await listJobs(origin)).toHaveLength(1);
  },
);

test.skipIf(!hasChromium)(
  "the example shows a job, cancels one and uploads a picture with documents that are generated and trusted as the pages tell",
  { timeout: PATIENCE_MS },
  async () => {
    const example = await generateExample();
    const { page, origin } = await openExample(
      "example-trusted",
      {
        SANDBOX_SPEED: "1",
        TRUSTED_DOCUMENTS: join(example, "src/gql/persisted-documents.json"),
        CONSOLE: "false",
      },
      () => Promise.resolve(example),
    );
    const create = { width: 64, height: 64, channels: 3, background: "teal" } as const;
    await drop(page, "teal.png", await sharp({ create }).png().toBuffer());
    await expect.poll(() => page.getByLabel("Picture").inputValue(), SOON).toMatch(/^upload:upl_/);
    await fill(page, { Prompt: "[slow] A teal harbour" });
    await submit(page).click();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ IN_QUEUE/);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => main(page), SOON).toMatch(/job_\w+ CANCELLED/);
    const refused = await fetch(`${origin}/graphql?query={viewer{id}}`);
    expect(await refused.text()).toContain("PERSISTED_QUERY_REQUIRED");
  },
);

test.skipIf(!hasChromium)(
  "README's component runs a prompt that failed again, asks again for a lost answer, and says what is wrong, beside a live list",
  { timeout: PATIENCE_MS },
  async () => {
    const { page, proxy, origin } = await openExample(
      "lantern",
      { SANDBOX_SPEED: "20" },
      writeLantern,
    );
    const prompt = page.getByRole("textbox");
    await prompt.fill("[fail] again");
    await submit(page).click();
    await page.getByText("The run failed").waitFor();
    await submit(page).click();
    await expect.poll(() => listJobs(origin), SOON).toHaveLength(2);
    // Its own answer has come too, so that none but the next is lost.
    await expect.poll(() => submit(page).isEnabled(), SOON).toBe(true);

    await prompt.fill("A lantern");
    proxy.loseAnswers("SubmitJobSuccess");
    await submit(page).click();
    await expect.poll(() => proxy.lost(), SOON).toBeGreaterThan(0);
    proxy.heal();
    await page.getByText("SUCCEEDED").waitFor();
    await page.locator("form img").waitFor();
    await page.getByText("1 pictures").waitFor();
    await page.locator("section img").waitFor();
    expect(await listJobs(origin)).toHaveLength(3);
    await page.reload();
    await page.locator("form img").waitFor();
    expect(await listJobs(origin)).toHaveLength(3);

    // Another deployment's job, by a document of one's own, is kept apart.
    await page.getByRole("button", { name: "Own" }).click();
    await page.locator("b", { hasText: /^job_/ }).waitFor();
    expect(await listJobs(origin)).toHaveLength(4);

    // What is said of one deployment is not said of another.
    await page.getByRole("button", { name: "Either" }).click();
    await page.getByText("DeploymentNotFoundError").waitFor();
    await page.getByRole("button", { name: "Or", exact: true }).click();
    await page.getByText("DeploymentNotFoundError").waitFor({ state: "detached" });

    // Nothing to submit is told by the browser, and nothing is sent.
    await prompt.fill("");
    await submit(page).click();
    expect(await prompt.evaluate((input: HTMLInputElement) => input.validity.valueMissing)).toBe(
      true,
    );
    expect(await main(page)).not.toContain("Correct the marked fields");
    expect(await main(page)).not.toContain("[GraphQL]");
  },
);
