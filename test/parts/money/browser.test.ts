import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { startSandbox } from "runcomfy-sandbox";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import deployments from "../../../sandbox/src/deployments.json" with { type: "json" };
import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import {
  button,
  expectMain,
  findBarriers,
  main,
  openAccount,
  openConsole,
  promptOf,
  SOON,
} from "../console/browser/console-page.ts";
import { closeBrowser, hasChromium } from "../../support/chromium.ts";
import { ask } from "../../support/graphql-client.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

/** A LoRA, whose runs the gateway estimates, and a model, whose runs RunComfy prices. */
const LORA = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const MODEL = "blackforestlabs/flux-2/flash/text-to-image";

/** A gateway's console before a sandbox that takes faults, with members of entries of its deployments file by id. */
async function openPriced(
  members: Readonly<Record<string, object>>,
  environment: Readonly<Record<string, string>>,
) {
  const sandbox = await startSandbox({ port: 0, token: "t", speed: 5, dataFolder: null });
  onTestFinished(() => sandbox.close());
  const file = join(await createTemporaryFolder(), "deployments.json");
  const entries = deployments.deployments.map((entry) =>
    Object.assign({}, entry, members[entry.id]),
  );
  await writeFile(file, JSON.stringify({ deployments: entries }));
  const opened = await openConsole({
    ...{ UPSTREAM: "runcomfy", RUNCOMFY_API_TOKEN: "t", DEPLOYMENTS_FILE: file },
    ...{ RUNCOMFY_BASE_URL: sandbox.url, RUNCOMFY_MODEL_URL: sandbox.url },
    ...environment,
  });
  return { ...opened, sandbox };
}

/** Runs a prompt once its price stands on the button. */
async function runAt(page: Page, origin: string, id: string, prompt: string, price: RegExp) {
  await page.goto(`${origin}/run/${encodeURIComponent(id)}`);
  await promptOf(page).fill(prompt);
  await expect.poll(() => button(page, "Run").innerText(), SOON).toMatch(price);
  await button(page, "Run").click();
}

async function expectSuits(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await findBarriers(page)).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  await page.setViewportSize({ width: 1280, height: 800 });
}

afterAll(closeBrowser);

describe.skipIf(!hasChromium)("money in the console", { timeout: 90_000 }, () => {
  test("a price stands on the button before, a cost at the job after, and a month sums up what is exact, estimated and unknown", async () => {
    const { page, origin, sandbox } = await openPriced({ [LORA]: { usdPerHour: 3.6 } }, {});
    await runAt(page, origin, LORA, "A first lantern", /^Run, price unknown$/);
    await page.getByText("After the first run there is an estimate.").waitFor();
    await expectMain(page, /Done waited .* s, ran .* s.* Cost: \$0\.0\d+ to \$0\.3\d/);
    await runAt(page, origin, MODEL, "A boat", /^Run, about \$0\.01$/);
    await page.getByLabel("How many").selectOption("4");
    await page.getByText("Run 4, about $0.04").waitFor();
    await page.getByLabel("How many").selectOption("1");
    await page.getByText(/base price of \$0\.01 per output; not a guaranteed minimum/).waitFor();
    await expectSuits(page);
    await expectMain(page, /Done waited .* s, ran .* s.* Cost: \$0\.01/);
    sandbox.setFaults(["lost-answer:submit*1"]);
    await runAt(page, origin, LORA, "A lost lantern", /^Run, \$0\.0\d+ to \$0\.3\d$/);
    await expectMain(page, /Failed .*It failed.* Cost: may have cost /);
    await page.goto(`${origin}/run/${encodeURIComponent(MODEL)}`);
    await promptOf(page).fill("[fail] A raft");
    await button(page, "Run").click();
    await expectMain(page, /Flux 2 Flash, .* ago .*It failed .*A raft/);

    await page.goto(`${origin}/jobs`);
    await page.getByRole("columnheader", { name: "Cost" }).waitFor();
    const cost = async (prompt: string) =>
      await page.getByRole("row", { name: prompt }).getByRole("gridcell").nth(-2).innerText();
    await expect.poll(() => cost("A boat"), SOON).toBe("$0.01");
    expect(await cost("A first lantern")).toMatch(/^\$0\.0\d+ to \$0\.3\d$/);
    expect(await cost("A lost lantern")).toMatch(/^may have cost/);
    await expect.poll(() => cost("[fail] A raft"), SOON).toBe("unknown");
    await page.getByRole("checkbox", { name: /loaded/ }).check();
    await button(page, "Run 4 again").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/In total: \$0\.02\d* to \$0\.7\d\./).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "[fail] A raft" }).click();
    await expectMain(page, /Cost unknown RunComfy/);

    await openAccount(page);
    await page.getByRole("link", { name: "Spending" }).click();
    await expectMain(
      page,
      /Everybody about \$0\.\d+ 4 jobs, 2 of unknown cost You about \$0\.\d+ .* Balance at RunComfy \$\d/,
    );
    await page.getByText("By day, as a table").click();
    expect(await main(page)).toMatch(
      /By deployment .* Paper Lantern – \$0\.3\d* 1 2 .* Flux 2 Flash \$0\.01 – 1 2/,
    );
    await expectSuits(page);
    await page.getByRole("link", { name: "Month before" }).click();
    await expectMain(page, /Everybody – no job has ended/);
  });

  test("a budget shows what is left, and what does not fit is refused with the next step", async () => {
    const { page, origin, sandbox } = await openPriced(
      { [MODEL]: { maxUsd: 0.01 } },
      { OWNER_BUDGET_USD_PER_DAY: "0.02" },
    );
    await runAt(page, origin, MODEL, "A boat", /^Run, about/);
    await expectMain(page, /Done/);
    sandbox.setFaults(["balance-negative:balance"]);
    await page.goto(`${origin}/spending`);
    await expectMain(page, /-\$0\.50 .*\. RunComfy starts nothing until it is topped up/);
    await expectMain(page, /You, \$0\.02 a day \$0\.01 left \$0\.01 spent, \$0\.00 reserved/);
    await runAt(page, origin, MODEL, "A second boat", /^Run, about/);
    await expectMain(page, /Done/);
    await runAt(page, origin, MODEL, "A third boat", /^Run, about/);
    const refusal = /may cost \$0\.01, and .* \$0\.00 of \$0\.02 left.* submit again then/;
    await page.getByRole("alert").getByText(refusal).waitFor();
    await openAccount(page);
    await page.getByRole("link", { name: "Spending 1 used up" }).click();
    await expectMain(page, /You, \$0\.02 a day used up/);
    await expectSuits(page);
  });

  test("operators see what each owner spent and every budget, and others their own alone", async () => {
    const keys = await createApiKeysFile();
    const submit = ["--scopes", "jobs:submit,jobs:read"];
    const own = await keys.create("anna", ...submit, "--budget-usd-per-month", "3");
    const other = await keys.create("ben", ...submit);
    const operator = await keys.create("ops", "--scopes", "jobs:read,jobs:read:all,operate");
    const { page, origin } = await openPriced(
      { [MODEL]: { maxUsd: 0.01 } },
      {
        ...{ AUTH: "api-keys", API_KEYS_FILE: keys.file, TRUSTED_DOCUMENTS: "" },
        BUDGET_USD_PER_DAY: "50",
      },
    );
    for (const key of [own, other, other])
      await ask(
        origin,
        `mutation ($id: ID!) { submitJob(deploymentId: $id, input: { prompt: "A boat" }, answerWithinSeconds: 20) {
          ... on SubmitJobSuccess { job { status } } } }`,
        { variables: { id: MODEL }, headers: { authorization: `Bearer ${key}` } },
      );
    // Without SIGN_IN, each load of the page asks for a key.
    const enter = async (key: string) => {
      await page.goto(`${origin}/spending`);
      await page.getByLabel("API key or token").fill(key);
      await page.keyboard.press("Enter");
      await page.getByText("By deployment").waitFor();
    };
    await enter(own);
    await expectMain(
      page,
      /Spending in .*You \$0\.01 1 job .*Your key, \$3\.00 a month \$2\.99 left/,
    );
    expect(await main(page)).not.toMatch(/Everybody|Balance|By owner|ben/);
    await enter(operator);
    await expectMain(
      page,
      /Everybody \$0\.03 3 jobs You – .*Everybody, \$50\.00 a day \$49\.97 left/,
    );
    await expectMain(page, /By owner .*ben \$0\.02 – – 2 .*anna \$0\.01 – – 1 /);
    await page.getByRole("link", { name: "ben" }).click();
    await expectMain(page, /2 jobs that fit/);
  });
});
