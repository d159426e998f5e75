import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { closeBrowser, hasChromium } from "../../support/chromium.ts";
import { findBarriers, openAccount, openConsole } from "../console/browser/console-page.ts";

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("the console's page for agents", { timeout: 90_000 }, () => {
  test("it has the lines to copy, with this gateway's address, and is not there where MCP is off", async () => {
    const { page, origin } = await openConsole();
    await openAccount(page);
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
    expect(JSON.parse(await lines("Claude Desktop"))).toEqual({
      mcpServers: {
        runcomfy: {
          command: "npx",
          args: ["-y", "mcp-remote", `${origin}/mcp`],
        },
      },
    });
    expect(await findBarriers(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);

    const off = await openConsole({ MCP: "false" });
    await openAccount(off.page);
    await off.page.getByRole("link", { name: "GraphiQL" }).waitFor();
    expect(await off.page.getByText("Connect an agent").count()).toBe(0);
  });

  test("where keys are asked for, each program gets its from where it keeps secrets", async () => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { page } = await openConsole({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    await page.getByLabel("API key or token").fill(key);
    await page.getByLabel("API key or token").press("Enter");
    await openAccount(page);
    await page.getByRole("link", { name: "Connect an agent" }).click();
    const lines = (name: string) =>
      page.getByLabel(`Lines for ${name}`, { exact: true }).innerText();
    expect(await lines("Claude Code")).toContain('"Authorization: Bearer $RUNCOMFY_GATEWAY_KEY"');
    const [input] = JSON.parse(await lines("VS Code")).inputs;
    expect(input).toMatchObject({ type: "promptString", password: true });
    expect(await lines("VS Code")).toContain(`Bearer \${input:${input.id}}`);
    expect(await lines("Cursor")).toContain("Bearer ${env:RUNCOMFY_GATEWAY_KEY}");
    expect(await lines("Claude Desktop")).toContain('"Bearer YOUR_KEY"');
    expect(await page.getByText(key).count()).toBe(0);
  });
});
