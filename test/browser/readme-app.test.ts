import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createServer } from "vite";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";
import { JobsDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const SOON = { timeout: 20_000, interval: 200 };
const README_URL = "http://127.0.0.1:4000/graphql";
/** What `npm create vite` writes for `react-ts`, but for what the page does not need. */
const TEMPLATE = {
  "index.html": `<!doctype html>
<html lang="en">
  <body>
    <div id="root"></div>
    <script type="module" src="/src/main.tsx"></script>
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
/** What is shown below it: the component of the page on the client, and submits of other kinds. */
const toMore = (url: string) => `
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
    <GatewayProvider value={createGatewayClient({ url: "${url}" })}><History /><Own /><Either /></GatewayProvider>,
  );`;

/** A fresh Vite app with README's component as its `App.tsx`, for a gateway at `url`, as `npm run dev` serves it. */
async function openApp(url: string) {
  const root = await createTemporaryFolder();
  await linkPackages(root);
  await mkdir(join(root, "src"));
  const [component = ""] = readBlocks("README.md", "From React", "tsx");
  const [history = ""] = readBlocks("docs/client.md", "From React", "tsx");
  const files = {
    ...TEMPLATE,
    "src/App.tsx": component.replace(README_URL, url),
    "src/History.tsx": history,
    "src/more.tsx": toMore(url),
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    server: { host: "127.0.0.1", port: 0 },
  });
  onTestFinished(() => server.close());
  await server.listen();
  const site = server.resolvedUrls?.local[0] ?? "";
  const { page } = await openPage();
  await page.goto(site);
  return { page, site: new URL(site).origin };
}

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("README's component in a fresh Vite app", { timeout: 90_000 }, () => {
  test("runs a job at a gateway that was just started, a prompt that failed again, and says what is wrong, beside a live list", async () => {
    const { url: origin } = await start(SANDBOX);
    const { page } = await openApp(`${origin}/graphql`);
    await page.addScriptTag({ type: "module", url: "/src/more.tsx" });
    const countJobs = async () =>
      (await request(origin, JobsDocument, { first: 0 })).jobs.totalCount;
    const submit = page.getByRole("button", { name: "Submit" });
    const prompt = page.getByRole("textbox");
    await prompt.fill("[fail] again");
    await submit.click();
    await page.getByText("The run failed").waitFor();
    await submit.click();
    await expect.poll(countJobs, SOON).toBe(2);
    await prompt.fill("A lantern");
    await expect.poll(() => submit.isEnabled(), SOON).toBe(true);
    await submit.click();
    await page.getByText("SUCCEEDED").waitFor();
    await page.locator("form img").waitFor();
    await page.getByText("1 pictures").waitFor();
    await page.locator("section img").waitFor();
    await page.reload();
    await page.locator("form img").waitFor();
    expect(await countJobs()).toBe(3);

    // Another deployment's job, by a document of one's own, is kept apart.
    await page.addScriptTag({ type: "module", url: "/src/more.tsx" });
    await page.getByRole("button", { name: "Own" }).click();
    await page.locator("b", { hasText: /^job_/ }).waitFor();
    expect(await countJobs()).toBe(4);

    // What is said of one deployment is not said of another.
    await page.getByRole("button", { name: "Either" }).click();
    await page.getByText("DeploymentNotFoundError").waitFor();
    await page.getByRole("button", { name: "Or", exact: true }).click();
    await page.getByText("DeploymentNotFoundError").waitFor({ state: "detached" });

    // Nothing to submit is told by the browser, and nothing is sent.
    await prompt.fill("");
    await submit.click();
    const isMissing = (input: HTMLInputElement) => input.validity.valueMissing;
    expect(await prompt.evaluate(isMissing)).toBe(true);
    expect(await page.locator("body").innerText()).not.toMatch(/Correct the marked|\[GraphQL\]/);
  });

  test("says right after the first try that its origin is not let in, and goes on trying", async () => {
    const { url: gateway } = await start({
      ...SANDBOX,
      CORS_ORIGINS: "https://app.example.com",
    });
    const { page, site } = await openApp(`${gateway}/graphql`);
    await page.clock.install();
    const submit = page.getByRole("button", { name: "Submit" });
    await submit.click();
    const text = async () => await page.locator("form p").innerText();
    const blocked = `${gateway} is not reachable, or this page's origin, ${site}, is not in its CORS_ORIGINS`;
    await expect.poll(text).toContain(blocked);
    expect(await submit.isDisabled()).toBe(true);
    const readLater = async () => {
      await page.clock.runFor(4_000);
      return await submit.isEnabled();
    };
    await expect.poll(readLater, SOON).toBe(true);
    expect(await text()).toContain(blocked);
  });
});
