import { afterAll, describe, expect, test } from "vitest";

import { createChannels } from "../../../../src/engine/diagnostics/channels.ts";
import { start } from "../../../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../../../support/chromium.ts";
import { makePictures, openConsole } from "./console-page.ts";
import { runMonkey } from "./monkey.ts";

const { MONKEY_SEED: seed = "1", MONKEY_STEPS = "200" } = process.env;
const steps = Number(MONKEY_STEPS);

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("a monkey", { timeout: 60_000 + steps * 1_000 }, () => {
  test("finds nothing wrong with the console, whatever it presses", async () => {
    const jobs = new Set<string>();
    const channels = createChannels();
    channels.stored.subscribe(({ id }) => void jobs.add(id));
    const { page, origin } = await openConsole({ SANDBOX_SPEED: "20" }, { channels });
    await makePictures(origin, ["A lantern", "A kite", "A boat"]);
    await runMonkey(page, seed, steps, () => jobs.size);
  });

  test("says what failed, and after which steps", async () => {
    const { page } = await openConsole();
    await page.route("**/graphql", async (route) => {
      const isMeant = route.request().postData()?.includes("query Deployments") === true;
      await (isMeant ? route.fulfill({ json: { data: { deployments: {} } } }) : route.continue());
    });
    const run = runMonkey(page, "1", 100, () => 0);
    await expect(run).rejects.toThrow(/is not a function[^]*Seed 1, after:/);
  });

  test("leaves a gateway alone whose runs cost money", async () => {
    const { url: origin } = await start();
    const { page } = await openPage();
    await page.goto(origin);
    const run = runMonkey(page, seed, steps, () => 0);
    await expect(run).rejects.toThrow("sandbox only");
  });
});
