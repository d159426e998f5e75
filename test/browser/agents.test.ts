import { afterAll, describe, expect, test } from "vitest";

import { closeBrowser, hasChromium } from "../support/chromium.ts";
import { findBarriers, openConsole } from "./console-page.ts";

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console's page for agents", { timeout: 90_000 }, () => {
  test("it has the lines to copy, with this gateway's address, and is not there where MCP is off", async () => {
    const { page, origin } = await openConsole();
    await page.getByRole("link", { name: "Connect an agent" }).click();
    await page.getByRole("heading", { name: "Connect an agent" }).waitFor();
    const lines = (name: string) =>
      page.getByLabel(`Lines for ${name}`, { exact: true }).innerText();
    expect(await lines("Claude Code")).toBe(
      `claude mcp add --transport http runcomfy ${origin}/mcp`,
    );
    expect(JSON.parse(await lines("VS Code"))).toEqual({
      servers: { runcomfy: { type: "http", url: `${origin}/mcp` } },
    });
    expect(JSON.parse(await lines("Cursor"))).toEqual({
      mcpServers: { runcomfy: { url: `${origin}/mcp` } },
    });
    expect(await findBarriers(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);

    const off = await openConsole({ MCP: "false" });
    await off.page.getByText("sandbox: nothing costs money").waitFor();
    expect(await off.page.getByText("Connect an agent").count()).toBe(0);
  });
});
