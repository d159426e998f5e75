import { inject } from "vitest";

import { launchPage } from "./chromium-page.ts";

/** Whether the Chromium of package.json is made for this machine. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

/** A page in a Chromium that is unpacked once for all of this run; see `launchPage`. */
export const openPage = (): ReturnType<typeof launchPage> => launchPage(inject("programFolder"));
