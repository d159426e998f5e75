import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import chromium, { inflate } from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";
import type { Page } from "playwright-core";
import { vi } from "vitest";

const WINDOW = { width: 1_280, height: 800 };

/** Whether the Chromium of package.json is made for this machine. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

/**
 * A page in a Chromium that package.json brings, cut off from everything but loopback. `foreignRequests` has the URLs
 * elsewhere that the page asked for, `errors` what it printed as an error.
 */
export async function openPage(): Promise<{
  readonly page: Page;
  readonly foreignRequests: readonly string[];
  readonly errors: readonly string[];
  close(): Promise<void>;
}> {
  // A folder of its own: the package unpacks in place, and another run would start what is half unpacked.
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-chromium-"));
  const executablePath = await unpack(folder);
  const browser = await playwright.launch({
    executablePath,
    args: [
      "--no-sandbox", // Chromium refuses to run as root with it.
      "--disable-background-networking",
      "--disable-component-update",
      "--no-pings",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
      // They stand in for those that a small system lacks.
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
    },
  });
  const context = await browser.newContext({ viewport: WINDOW });
  const foreignRequests: string[] = [];
  const errors: string[] = [];
  const note = (url: string) => isLocal(url) || foreignRequests.push(url);
  context.on("request", (request) => note(request.url()));
  const page = await context.newPage();
  page.on("websocket", (socket) => note(socket.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  context.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await context.route(
    (url) => !isLocal(url.href),
    (route) => route.abort(),
  );
  return {
    page,
    foreignRequests,
    errors,
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The package unpacks into the folder for temporary files, and its own fonts.conf knows only `/tmp`. */
async function unpack(folder: string): Promise<string> {
  const fonts = `<fontconfig><dir>/usr/share/fonts</dir><dir>${folder}/fonts</dir><cachedir>${folder}</cachedir></fontconfig>`;
  await writeFile(join(folder, "fonts.conf"), fonts);
  const libraries = new URL("../bin/al2023.tar.br", import.meta.resolve("@sparticuz/chromium"));
  vi.stubEnv("TMPDIR", folder);
  try {
    await inflate(fileURLToPath(libraries));
    return await chromium.executablePath();
  } finally {
    vi.unstubAllEnvs();
  }
}

function isLocal(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return hostname === "127.0.0.1" || protocol === "data:" || protocol === "blob:";
}
