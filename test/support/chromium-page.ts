import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import chromium, { inflate } from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";
import type { Browser } from "playwright-core";

/** A Chromium that package.json brings. It is unpacked into `programFolder`, where it is not there yet. */
export async function launchChromium(programFolder: string): Promise<Browser> {
  const folder = await unpackOnce(programFolder);
  return await playwright.launch({
    executablePath: join(folder, "chromium"),
    args: [
      "--no-sandbox", // Chromium refuses to run as root with it.
      "--disable-background-networking",
      "--disable-component-update",
      "--no-pings",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
      // They stand in for those that a small system lacks.
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
    },
  });
}

/**
 * A page that shares nothing with the others of the browser, is cut off from everything but loopback, and spends no
 * processor time on animations; with the URLs elsewhere that it asked for, but for those that a test answers itself, and
 * what it printed as an error.
 */
export async function openPageIn(browser: Browser) {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 800 },
    locale: "en-US",
    reducedMotion: "reduce",
  });
  const foreignRequests: string[] = [];
  const errors: string[] = [];
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("websocket", (socket) => isLocal(socket.url()) || foreignRequests.push(socket.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  context.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await context.route(
    (url) => !isLocal(url.href),
    (route) => {
      foreignRequests.push(route.request().url());
      return route.abort();
    },
  );
  return { page, foreignRequests, errors, close: () => context.close() };
}

/** The folder where the package is unpacked for all of this run; the package's own way would start what is half unpacked. */
async function unpackOnce(programFolder: string): Promise<string> {
  const folder = join(programFolder, "chromium");
  if (existsSync(folder)) return folder;
  const unpacked = await mkdtemp(`${folder}-`);
  await unpack(unpacked);
  const fonts = `<fontconfig><dir>/usr/share/fonts</dir><dir>${folder}/fonts</dir><cachedir>${folder}</cachedir></fontconfig>`;
  await writeFile(join(unpacked, "fonts.conf"), fonts);
  await rename(unpacked, folder).catch(async (error: unknown) => {
    // Another file of the run was faster.
    if (!existsSync(folder)) throw error;
    await rm(unpacked, { recursive: true, force: true });
  });
  return folder;
}

/** The package unpacks into the folder for temporary files, and its own fonts.conf knows only `/tmp`. */
async function unpack(folder: string): Promise<void> {
  const libraries = new URL("../bin/al2023.tar.br", import.meta.resolve("@sparticuz/chromium"));
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = folder;
  try {
    await inflate(fileURLToPath(libraries));
    await chromium.executablePath();
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  }
}

function isLocal(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return (
    ["127.0.0.1", "localhost"].includes(hostname) || protocol === "data:" || protocol === "blob:"
  );
}
