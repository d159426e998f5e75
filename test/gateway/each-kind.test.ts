import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import deployments from "../../sandbox/src/deployments.json" with { type: "json" };
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { SANDBOX, start } from "./open-gateway.ts";

const FACTS = `... on SubmitJobSuccess { job {
  id status input cost { source usd }
  assets { path kind contentType url } error { message }
} } ... on Error { message }`;

test("without an account there is a deployment of each kind, and each runs by its own mutation", async () => {
  const { ask } = await start({ ...SANDBOX, KEEP_OUTPUTS: "false" });
  const { deployments } = await ask("{ deployments { name kind price { amount unit } } }");
  expect(deployments.map(Object.values)).toEqual([
    ["Warm Glow", "LORA", null],
    ["Paper Lantern", "LORA", null],
    ["Slow Tide", "LORA", null],
    ["Harbour Workflow", "COMFYUI", null],
    ["Flux 2 Flash", "MODEL", { amount: 0.01, unit: "output" }],
  ]);
  const flash = await ask(
    `mutation { submitFlux2Flash(input: { prompt: "A kite", outputFormat: WEBP }, answerWithinSeconds: 20) { ${FACTS} } }`,
  );
  expect(flash.submitFlux2Flash.job).toMatchObject({
    status: "SUCCEEDED",
    input: { prompt: "A kite", output_format: "webp" },
    assets: [{ path: "images[0]", kind: "IMAGE" }],
  });
  const harbour = await ask(
    `mutation { submitHarbourWorkflow(input: { prompt: "A tin robot", seed: 7 }, answerWithinSeconds: 20) { ${FACTS} } }`,
  );
  // Neither the preview nor the text is a file of the result.
  expect(harbour.submitHarbourWorkflow.job).toMatchObject({
    status: "SUCCEEDED",
    input: { prompt: "A tin robot", seed: 7 },
    assets: [{ kind: "IMAGE" }, { kind: "IMAGE" }, { kind: "VIDEO" }],
  });
});

const [, LANTERN, , WORKFLOW, MODEL] = deployments.deployments.map(({ id }) => id);

test("jobs of each kind read the same however RunComfy words its answers", async () => {
  const sandbox = await startSandbox({ port: 0, token: "t", speed: 50, dataFolder: null });
  onTestFinished(() => sandbox.close());
  const file = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(file, JSON.stringify(deployments));
  const { ask } = await start({
    ...{ RUNCOMFY_BASE_URL: sandbox.url, RUNCOMFY_MODEL_URL: sandbox.url, RUNCOMFY_API_TOKEN: "t" },
    DEPLOYMENTS_FILE: file,
  });
  const run = async (deploymentId: string | undefined, prompt: string) => {
    const { submitJob } = await ask(
      `mutation ($id: ID!, $input: JSON!) {
        submitJob(deploymentId: $id, input: $input, answerWithinSeconds: 20) { ${FACTS} }
      }`,
      { id: deploymentId, input: { prompt } },
    );
    return submitJob.job;
  };
  const usual = ["short-submit", "other-words", "no-position", "not-ready-400", "zoned-times"];
  sandbox.setFaults(usual);
  for (const [id, files] of [
    [LANTERN, 1],
    [WORKFLOW, 3],
    [MODEL, 1],
  ] as const) {
    const { status, assets } = await run(id, "A kite");
    expect([status, assets.length], id).toEqual(["SUCCEEDED", files]);
    for (const shape of ["error-text", "error-object", "error-list"]) {
      sandbox.setFaults([...usual, shape]);
      const failed = await run(id, "A kite [fail]");
      expect([failed.status, failed.error.message], shape).toEqual([
        "FAILED",
        expect.stringContaining("The prompt asks for a failure"),
      ]);
    }
    sandbox.setFaults(usual);
  }
  for (const [shape, files] of Object.entries({
    ...{ "output-string": 1, "output-list": 1, "output-objects": 1, "output-nested": 1 },
    ...{ "output-mixed": 1, "output-words": 0, "output-empty": 0 },
  })) {
    sandbox.setFaults([shape]);
    const { status, assets } = await run(MODEL, "A kite");
    expect([status, assets.length], shape).toEqual(["SUCCEEDED", files]);
  }
  sandbox.setFaults(["output-empty"]);
  expect(await run(WORKFLOW, "A kite")).toMatchObject({ status: "SUCCEEDED", assets: [] });
});
