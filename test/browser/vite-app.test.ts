import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { createServer } from "vite";
import { expect, onTestFinished, test } from "vitest";

import { hasChromium, openPage } from "../support/chromium.ts";
import { runGateway } from "../support/gateway-process.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks, ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

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
  "tsconfig.json": `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["ES2023", "DOM"],
    "module": "esnext",
    "types": ["vite/client"],
    "allowArbitraryExtensions": true,
    "skipLibCheck": true,
    "moduleResolution": "bundler",
    "allowImportingTsExtensions": true,
    "verbatimModuleSyntax": true,
    "moduleDetection": "force",
    "noEmit": true,
    "jsx": "react-jsx",
    "noUnusedLocals": true,
    "noUnusedParameters": true,
    "erasableSyntaxOnly": true,
    "noFallthroughCasesInSwitch": true
  },
  "include": ["src"]
}`,
};

/** A fresh Vite app with README's component as its `App.tsx`, for a gateway at `url`. */
async function writeApp(url: string): Promise<string> {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  await mkdir(join(folder, "src"));
  const [component = ""] = readBlocks("README.md", "From React", "tsx");
  const files = { ...TEMPLATE, "src/App.tsx": component.replace(README_URL, url) };
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  return folder;
}

async function compile(folder: string): Promise<string> {
  const compiler = join(ROOT, "node_modules/typescript/lib/tsc.js");
  const compiled = promisify(execFile)(process.execPath, [compiler, "-p", folder]);
  return (await compiled.catch((failure: { readonly stdout: string }) => failure)).stdout;
}

/** The app in a browser, as `npm run dev` serves it. */
async function openApp(folder: string) {
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "silent",
    server: { host: "127.0.0.1", port: 0 },
  });
  onTestFinished(() => server.close());
  await server.listen();
  const site = server.resolvedUrls?.local[0] ?? "";
  const { page, close } = await openPage();
  onTestFinished(close);
  page.setDefaultTimeout(20_000);
  await page.goto(site);
  return { page, site: new URL(site).origin };
}

test.skipIf(!hasChromium)(
  "README's component, pasted into a fresh Vite app, compiles and runs a job at a gateway that was just started",
  { timeout: 90_000 },
  async () => {
    const gateway = runGateway({ DATABASE_URL: ":memory:", SANDBOX_SPEED: "20" });
    const folder = await writeApp(`${await gateway.url}/graphql`);
    expect(await compile(folder)).toBe("");
    const { page } = await openApp(folder);
    await page.getByRole("button", { name: "Submit" }).click();
    await page.getByText("SUCCEEDED").waitFor();
    await page.locator("img").waitFor();
  },
);

test.skipIf(!hasChromium)(
  "where its origin is not let in, it says so right after the first try, and goes on trying",
  { timeout: 90_000 },
  async () => {
    const environment = { DATABASE_URL: ":memory:", CORS_ORIGINS: "https://app.example.com" };
    const gateway = await runGateway(environment).url;
    const { page, site } = await openApp(await writeApp(`${gateway}/graphql`));
    await page.clock.install();
    const button = page.getByRole("button", { name: "Submit" });
    await button.click();
    const text = async () => await page.locator("form p").innerText();
    const blocked = `${gateway} is not reachable, or this page's origin, ${site}, is not in its CORS_ORIGINS`;
    await expect.poll(text).toContain(blocked);
    expect(await button.isDisabled()).toBe(true);
    const readLater = async () => {
      await page.clock.runFor(4_000);
      return await button.isEnabled();
    };
    await expect.poll(readLater, { timeout: 20_000 }).toBe(true);
    expect(await text()).toContain(blocked);
  },
);
