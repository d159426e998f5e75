import { expect, test } from "vitest";
import { z } from "zod";

import workflow from "../../sandbox/src/workflow.json" with { type: "json" };
import { openSandbox } from "./open-sandbox.ts";

const MINUTE_MS = 60_000;
const OUTPUTS = z.object({
  outputs: z.record(z.string(), z.record(z.string(), z.array(z.unknown()))),
});

test("a workflow runs by overrides, and gives files of two nodes, a preview and a text", async () => {
  const sandbox = await openSandbox();
  const overrides = { "6": { inputs: { text: "A tin robot" } }, "31": { inputs: { seed: 7 } } };
  const request = await sandbox.accept(workflow.id, { overrides });
  sandbox.clock.now += MINUTE_MS;
  expect(await sandbox.poll(request)).toMatchObject({ status: "completed", instance_id: /./ });
  const result = await sandbox.poll(request, "result");
  const item = (file: string, filename: string, type: string) => ({
    url: `${sandbox.url}/files/${request.id}/${file}`,
    filename,
    subfolder: "",
    type,
  });
  expect(result).toMatchObject({ status: "succeeded" });
  expect(OUTPUTS.parse(result).outputs).toEqual({
    "9": {
      images: [
        item("0.png", "harbour_00001_.png", "output"),
        item("1.png", "harbour_00002_.png", "output"),
      ],
    },
    "12": { images: [item("9.webp", "harbour_00001_.webp", "temp")] },
    "20": { gifs: [item("0.webm", "harbour_00001_.webm", "output")] },
    "38:42": { text: [["A tin robot"]] },
  });
});

test("a workflow refuses what it has no place for, and fails at what only its nodes find wrong", async () => {
  const sandbox = await openSandbox();
  const wrong = {
    "6": { inputs: { text: 5, txt: "x" } },
    "31": { inputs: { seed: 1.5, cfg: ["4", 0] } },
    "99": { inputs: {} },
  };
  expect((await sandbox.submit(workflow.id, { overrides: wrong })).answer).toMatchObject({
    error_code: 422_001,
  });
  expect(await sandbox.refuse(workflow.id, { overrides: wrong })).toEqual({
    '["body","overrides","6","inputs","text"]': "value_error",
    '["body","overrides","6","inputs","txt"]': "value_error",
    '["body","overrides","31","inputs","seed"]': "value_error",
    '["body","overrides","99"]': "value_error",
  });
  expect(await sandbox.refuse(workflow.id, { overrides: [] })).toEqual({
    '["body","overrides"]': "dict_type",
  });
  const inputs = { steps: 0, sampler_name: "magic" };
  const request = await sandbox.accept(workflow.id, { overrides: { "31": { inputs } } });
  sandbox.clock.now += MINUTE_MS;
  expect(await sandbox.poll(request, "result")).toMatchObject({
    status: "failed",
    error: [
      { error: "node 31: steps out of bounds" },
      { error: "node 31: sampler_name not in list" },
    ],
  });
});

test("the workflow is distinguished from LoRAs by its payload, which leads to what ComfyUI says of its nodes", async () => {
  const sandbox = await openSandbox({ deployments: [{ id: "own" }] });
  const query = "?includes=payload&includes=readme";
  const { answer } = await sandbox.call(`/prod/v2/deployments${query}`);
  const [own, record] = z.array(z.looseObject({ id: z.string() })).parse(answer);
  expect(own).not.toHaveProperty("payload");
  expect(record).toMatchObject({ id: workflow.id, readme: workflow.readme });
  const { payload } = z
    .object({ payload: z.looseObject({ object_info_url: z.string() }) })
    .parse((await sandbox.call(`/prod/v2/deployments/${workflow.id}${query}`)).answer);
  expect(payload).toMatchObject({ workflow_api_json: workflow.workflow_api_json });
  expect((await sandbox.submit(workflow.id, { overrides: payload["overrides"] })).status).toBe(200);
  const { pathname, origin } = new URL(payload.object_info_url);
  expect(origin).toBe(sandbox.url);
  expect((await sandbox.call(pathname)).answer).toEqual(workflow.object_info);
});

test("a workflow that only a deployments file knows takes any body, and has a picture for each output", async () => {
  const deployments = [{ id: "own", kind: "comfyui", outputs: ["4", "7"] }];
  const sandbox = await openSandbox({ deployments });
  const overrides = { "2": { inputs: { text: "A robot" } } };
  const request = await sandbox.accept("own", { overrides });
  sandbox.clock.now += MINUTE_MS;
  expect(Object.keys(OUTPUTS.parse(await sandbox.poll(request, "result")).outputs)).toEqual([
    "4",
    "7",
  ]);
});

test("a workflow of a deployments file shows a graph of the nodes that the file names, so that it differs from a LoRA", async () => {
  const inputs = {
    prompt: { node: "6", input: "text", default: "A robot" },
    seed: { node: "31", input: "seed", type: "integer" },
    steps: { node: "31", input: "steps", default: 20 },
  };
  const sandbox = await openSandbox({
    deployments: [{ id: "own", kind: "comfyui", inputs, outputs: ["9"] }, { id: "lora" }],
  });
  const graph = {
    6: { class_type: "Unknown", inputs: { text: "A robot" } },
    31: { class_type: "Unknown", inputs: { seed: null, steps: 20 } },
    9: { class_type: "Unknown", inputs: {} },
  };
  const shown = { id: "own", workflow_id: "own", payload: { workflow_api_json: graph } };
  const { answer } = await sandbox.call("/prod/v2/deployments?ids=own&ids=lora&includes=payload");
  expect(answer).toMatchObject([shown, { id: "lora" }]);
  expect((await sandbox.call("/prod/v2/deployments/own?includes=payload")).answer).toMatchObject(
    shown,
  );
  expect(
    (await sandbox.call("/prod/v2/deployments/lora?includes=payload")).answer,
  ).not.toHaveProperty("payload");
});
