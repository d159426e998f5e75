import { expect, test, vi } from "vitest";

import type { JsonObject } from "../../src/engine/job/json.ts";
import { toSubmission } from "../../src/engine/tracking/submission.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type SubmitJob = Stubs["submitJob"];

const INPUT_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["prompt"],
  properties: {
    prompt: { type: "string" },
    ctrl_img_1: { type: "string", format: "image_uri" },
    steps: { type: "integer", minimum: 1, maximum: 150, default: 25 },
    seed: { type: "integer", minimum: -1 },
    neg: { type: ["string", "null"] },
    loras: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["lora_path"],
        properties: {
          lora_path: { type: "string" },
          block_weights: { type: "array", items: { type: "array", items: { type: "number" } } },
        },
      },
    },
    extra: { type: "object" },
    choice: { oneOf: [{ type: "string" }, { type: "integer" }] },
  },
};

/** The gateway with one deployment; `submitted` are the inputs that would be sent upstream. */
async function openTyped(inputSchema: JsonObject = INPUT_SCHEMA) {
  const catalogue = catalogueOf({ id: "wg", name: "Warm Glow", inputSchema });
  const submitted: unknown[] = [];
  const submitJob = vi.fn<SubmitJob>(async (request) => {
    const { input, refusal, warnings } = toSubmission(request, { catalogue });
    if (refusal !== null) throw refusal;
    submitted.push(input);
    return { job: await gateway.addJob({ input }), warnings };
  });
  const gateway = await openInProcessGateway({ catalogue, tracking: { submitJob } });

  async function submit(input: unknown) {
    return await gateway.answer(
      `mutation ($input: WarmGlowInput!) { submitWarmGlow(input: $input, idempotencyKey: "key") { ${RESULT} } }`,
      { input },
    );
  }
  return { gateway, submitJob, submitted, submit };
}

const RESULT =
  "__typename ... on SubmitJobSuccess { job { input } } ... on InvalidInputError { issues { path message } }";

test("null counts as left out, unless the schema allows it, and a bare value is a list of one", async () => {
  const { submit, submitted, submitJob } = await openTyped();
  await submit({ prompt: "a", seed: null, neg: null, steps: null, loras: null, choice: null });
  await submit({ prompt: "a", loras: { loraPath: "a", blockWeights: 1 } });
  expect(submitted).toEqual([
    { prompt: "a", neg: null },
    { prompt: "a", loras: [{ lora_path: "a", block_weights: [[1]] }] },
  ]);
  expect(submitJob.mock.lastCall?.[0]).toMatchObject({ deploymentId: "wg", idempotencyKey: "key" });
  const { errors } = await submit({ neg: "b" });
  expect(errors?.[0]?.message).toContain('"prompt" of required type "String!" was not provided.');
});

test("every issue has its path in the spelling of the call", async () => {
  const { submit, submitted } = await openTyped();
  const { data } = await submit({
    prompt: "a",
    ctrlImg1: "http://10.0.0.1/a.png",
    steps: 500,
    loras: [{ loraPath: "a", blockWeights: [[1]] }],
    choice: true,
    extra: [],
  });
  expect(data).toMatchObject({
    submitWarmGlow: {
      __typename: "InvalidInputError",
      issues: expect.arrayContaining([
        { path: "ctrlImg1", message: expect.stringContaining("https://") },
        { path: "steps", message: expect.stringContaining("150") },
        { path: "choice", message: expect.any(String) },
        { path: "extra", message: expect.any(String) },
      ]),
    },
  });
  expect(submitted).toEqual([]);
});

test("a schema without fields takes any object, by a mutation of its own", async () => {
  const { gateway, submitted } = await openTyped({ type: "object" });
  await gateway.answer(`mutation { submitWarmGlow(input: { a_b: { c: 1 } }) { __typename } }`);
  expect(submitted).toEqual([{ a_b: { c: 1 } }]);
});
