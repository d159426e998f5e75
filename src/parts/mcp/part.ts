import type { SettingsOf } from "../../config/rules.ts";
import { flag, NOT_IN_PRODUCTION, optional } from "../../config/rules.ts";
import type { Part } from "../../part.ts";

const SETTINGS = {
  MCP: optional(
    flag(),
    NOT_IN_PRODUCTION,
    "Whether to serve agents at `/mcp`, with the Model Context Protocol: [agents.md](agents.md).",
  ),
};

export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "mcp",
  settings: SETTINGS,
  isOn: ({ MCP }, { isProduction }) => MCP ?? !isProduction,
  async open(engine, { MCP }) {
    const { openMcp } = await import("./open-mcp.ts");
    const { auth, files } = engine.config;
    if (auth.kind === "jwt" && MCP === true && files.publicUrl === null)
      engine.log.warn(
        "MCP clients are told where to log in by the gateway's address, and without PUBLIC_URL that begins with http:, so behind TLS they refuse it. Set PUBLIC_URL to the address that they call, such as https://gateway.example.com.",
      );
    return openMcp(engine);
  },
};
