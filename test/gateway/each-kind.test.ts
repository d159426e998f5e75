import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import deployments from "../../sandbox/src/deployments.json" with { type: "json" };
import models from "../../sandbox/src/models.json" with { type: "json" };
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { SANDBOX, start } from "./open-gateway.ts";

const FACTS = `... on SubmitJobSuccess { job {
  id status input cost { amount source }
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

const PICTURE = "https://example.com/in.png";
const RUNS = [
  ["google/nano-banana-2-lite/edit", { prompt: "x", image_urls: [PICTURE] }, ["IMAGE"]],
  ["wan-ai/wan-3.0/image-to-video", { prompt: "x", image_url: PICTURE, duration: 2 }, ["VIDEO"]],
  // It is named twice.
  ["acestep-ai/ace-step-1.5/text-to-audio", { tags: "piano", duration: 5 }, ["AUDIO"]],
  ["runcomfy/storyboard/text-to-video", { prompt: "x" }, ["VIDEO", "IMAGE", "IMAGE"]],
  ["runcomfy/krea2-turbo", { prompt: "x", loras: [{ path: "fox.safetensors" }] }, ["IMAGE"]],
] as const;

test("each of the sandbox's models runs once it is listed, and its files are kept", async () => {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const listed = models.models.map(({ item }) => ({
    id: item.model_id,
    kind: "model",
    name: item.display_name,
    inputSchema: item.input_schema,
  }));
  await writeFile(file, JSON.stringify({ deployments: listed }));
  const { ask } = await start({ ...SANDBOX, DEPLOYMENTS_FILE: file });
  for (const [id, input, kinds] of RUNS) {
    const { submitJob } = await ask(
      `mutation ($id: ID!, $input: JSON!) {
        submitJob(deploymentId: $id, input: $input, answerWithinSeconds: 20) { ${FACTS} }
      }`,
      { id, input },
    );
    const { job } = submitJob;
    expect(job, id).toMatchObject({ status: "SUCCEEDED" });
    expect(job.assets.map(({ kind }: { kind: string }) => kind)).toEqual(kinds);
    const read = async () =>
      (await ask(`{ job(id: "${job.id}") { cost { amount } assets { keep contentType } } }`)).job;
    await expect
      .poll(async () => await read(), { timeout: 10_000 })
      .toMatchObject({
        cost: { amount: expect.any(Number) },
        assets: kinds.map((kind) => ({
          keep: "KEPT",
          contentType: expect.stringMatching(new RegExp(`^${kind}/(png|webp|webm|wav)$`, "i")),
        })),
      });
  }
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
