import { expect, test } from "vitest";

import { InvalidInputError } from "../../src/engine/job/errors.ts";
import { InputChecker } from "../../src/engine/tracking/submission.ts";
import type { UploadsOfInputs } from "../../src/engine/tracking/submission.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";
import { NOTHING_LISTED } from "../support/tracking-settings.ts";

const CATALOGUE = catalogueOf(
  {
    id: "wg",
    name: "Warm Glow",
    model: "flux",
    inputSchema: {
      type: "object",
      required: ["prompt"],
      properties: {
        prompt: { type: "string", maxLength: 10 },
        width: { type: "integer", default: 512 },
        ctrl_img_1: { type: "string", format: "image_uri" },
      },
    },
  },
  { id: "strict", name: "Strict", model: "flux" },
  { id: "unknown-schema", name: "Unknown" },
  { id: "own", name: "Own", inputSchema: { properties: { overrides: { type: "object" } } } },
);
const CHECK = `query ($deploymentId: ID!, $input: JSON!) {
  checkInput(deploymentId: $deploymentId, input: $input) {
    issues { path message } warnings { path message } input
  }
}`;

async function open(
  options: { readonly mostAnswerBytes?: number; readonly uploads?: UploadsOfInputs["check"] } = {},
) {
  const { mostAnswerBytes = 33_554_432, uploads = async () => [] } = options;
  const checker = new InputChecker({
    catalogue: CATALOGUE,
    live: NOTHING_LISTED,
    uploads: { check: uploads },
  });
  const checkInput: Stubs["checkInput"] = (request) => checker.checkInput(request);
  const gateway = await openInProcessGateway({ mostAnswerBytes, tracking: { checkInput } });

  async function check(input: unknown, deploymentId = "wg") {
    const { data, errors } = await gateway.answer(CHECK, { deploymentId, input });
    expect(errors).toBeUndefined();
    return data?.["checkInput"];
  }
  return { gateway, check };
}

test("an input that fits is returned as it was given, with what will happen to it, and nothing is written", async () => {
  const { gateway, check } = await open();
  gateway.statements.length = 0;
  expect(await check({ prompt: "a glow" })).toEqual({
    issues: [],
    warnings: [],
    input: { prompt: "a glow" },
  });
  expect(await check({ prompt: "a glow", width: 1_000 })).toMatchObject({
    issues: [],
    warnings: [{ path: "width", message: expect.stringContaining("992") }],
  });
  expect(gateway.statements).toEqual([]);
});

test("an input that doesn't fit gets every issue, by its path in RunComfy's spelling", async () => {
  const { check } = await open();
  expect(await check({ prompt: "much too long", ctrl_img_1: "no" })).toMatchObject({
    issues: [
      { path: "prompt", message: expect.stringContaining("10") },
      { path: "ctrl_img_1", message: expect.stringContaining("https://") },
    ],
  });
  // Of what no job could keep, nothing would be sent.
  for (const input of [5, [{}], { prompt: "\u0000" }])
    expect(await check(input)).toEqual({
      issues: [{ path: expect.any(String), message: expect.any(String) }],
      warnings: [],
      input: {},
    });
});

test("what only workflows take is no input of a LoRA, unless its schema has it", async () => {
  const foreign = { workflow_api_json: {}, overrides: null, extra_data: {} };
  const asked = expect.stringContaining(
    'ask whoever runs this service to list the deployment with "kind": "comfyui"',
  );
  const issues = Object.keys(foreign).map((path) => ({ path, message: asked }));
  const { check } = await open();
  expect(await check({ prompt: "a glow", ...foreign })).toMatchObject({ issues, warnings: [] });
  expect(await check({ prompt: "a glow", ...foreign }, "strict")).toMatchObject({ issues });
  expect(await check(foreign, "unknown-schema")).toMatchObject({ issues });
  expect(await check({ overrides: { deep: 1 } }, "own")).toMatchObject({ issues: [] });
});

test("uploads that can't be used are issues too, and are looked up where all else fits", async () => {
  const asked: unknown[] = [];
  const { check } = await open({
    uploads: async (_input, { viewer }) => {
      asked.push(viewer.ownerId);
      throw new InvalidInputError([{ path: ["ctrl_img_1"], message: "names no upload of yours" }]);
    },
  });
  expect(await check({ prompt: "much too long" })).toMatchObject({ issues: [{ path: "prompt" }] });
  expect(asked).toEqual([]);
  expect(await check({ prompt: "a glow" })).toEqual({
    issues: [{ path: "ctrl_img_1", message: "names no upload of yours" }],
    warnings: [],
    input: { prompt: "a glow" },
  });
  expect(asked).toEqual(["local"]);
});

test("a deployment that nobody knows is NOT_FOUND", async () => {
  const { gateway } = await open();
  for (const deploymentId of ["unknown", "../x", "\u0000"]) {
    const { errors } = await gateway.answer(CHECK, { deploymentId, input: {} });
    expect(errors?.[0]?.toJSON()).toMatchObject({
      message: expect.stringContaining("Choose another one"),
      extensions: { code: "NOT_FOUND" },
    });
  }
});

test("a model that nobody listed is refused with whom to ask for it", async () => {
  const { gateway } = await open();
  const variables = { deploymentId: "google/veo-3", input: {} };
  const { errors } = await gateway.answer(CHECK, variables);
  expect(errors?.[0]?.message).toMatch(
    /model "google\/veo-3".* ask whoever runs this service to add it\.$/,
  );
});

test("what comes back often has room in the answer or is ANSWER_TOO_LARGE", async () => {
  const { gateway } = await open({ mostAnswerBytes: 1_000 });
  const ask = (names: readonly string[]) =>
    gateway.answer(
      `query ($input: JSON!) { ${names.map((name) => `${name}: checkInput(deploymentId: "wg", input: $input) { input }`).join(" ")} }`,
      { input: { prompt: "p", text: "x".repeat(400) } },
    );
  expect((await ask(["a", "b"])).errors).toBeUndefined();
  expect((await ask(["a", "b", "c"])).errors?.[0]?.extensions["code"]).toBe("ANSWER_TOO_LARGE");
});
