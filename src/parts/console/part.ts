import { join } from "node:path";

import type { SettingsOf } from "../../config/rules.ts";
import { flag, NOT_IN_PRODUCTION, optional } from "../../config/rules.ts";
import type { Part } from "../../part.ts";

const SETTINGS = {
  CONSOLE: optional(
    flag(),
    NOT_IN_PRODUCTION,
    "Whether to serve the console at `/`. It asks for a credential if `AUTH` requires one.",
  ),
};

export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "console",
  settings: SETTINGS,
  isOn: ({ CONSOLE }, { isProduction }) => CONSOLE ?? !isProduction,
  async open(engine) {
    const { openConsole } = await import("./open-console.ts");
    return openConsole(join(engine.folder, "console/dist"), engine);
  },
};
