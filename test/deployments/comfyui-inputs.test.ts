import { expect, test } from "vitest";

import { readCatalogue } from "../../src/engine/deployments/load-catalogue.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { toTexts } from "../support/document-of.ts";

const INPUTS = {
  prompt: { node: "6", input: "text", required: true, description: "What to show." },
  seed: { node: "31", input: "seed", type: "integer", minimum: 0 },
  steps: { node: "31", input: "steps", type: "integer", minimum: 1, maximum: 50 },
  image: { node: "38:42", input: "image", format: "image_uri" },
  sampler: { node: "31", input: "sampler_name", enum: ["euler", "ddim"] },
};

function workflowOf(entry: object) {
  const catalogue = catalogueOf({ id: "w", name: "Robot", kind: "comfyui", ...entry });
  const workflow = catalogue.find("w");
  if (workflow?.input === null || workflow === null) throw new Error("It takes nothing.");
  const { input: contract } = workflow;
  return {
    ...workflow,
    contract,
    issuesOf: (input: JsonObject) => toTexts(contract.check(input, (path) => path).issues),
  };
}

test("callers have names, and what is sent has nodes", () => {
  const { toBody, contract, issuesOf } = workflowOf({ inputs: INPUTS });
  expect(contract.submitField).toBe("submitRobot");
  expect(
    contract.shape?.fields.map(({ name, shape, isRequired }) => [
      name,
      shape.kind === "scalar" ? shape.scalar : shape.kind,
      isRequired,
    ]),
  ).toEqual([
    ["prompt", "String", true],
    ["seed", "SafeInt", false],
    ["steps", "Int", false],
    ["image", "String", false],
    ["sampler", "enum", false],
  ]);
  const input = { steps: 4, prompt: "a tin robot", seed: 1234, image: "https://files.example/a" };
  expect(issuesOf(input)).toEqual([]);
  expect(toBody(input)).toEqual({
    overrides: {
      31: { inputs: { steps: 4, seed: 1234 } },
      6: { inputs: { text: "a tin robot" } },
      "38:42": { inputs: { image: "https://files.example/a" } },
    },
  });
  // The vendor demands the member even where nothing is overridden.
  expect(toBody({})).toEqual({ overrides: {} });
});

test("a name that the entry does not map is refused, a graph and its secrets among them", () => {
  const { issuesOf } = workflowOf({ inputs: INPUTS });
  const raw = { overrides: {}, workflow_api_json: {}, extra_data: {}, 6: {}, promt: "a" };
  const issues = issuesOf({ prompt: "a tin robot", ...raw });
  expect(issues.map((text) => text.split(": ")[0])).toEqual([
    ...['["6"]', "overrides", "workflow_api_json", "extra_data", "promt"],
  ]);
  expect(issues.at(-1)).toBe("promt: is not known here; did you mean prompt?");
  expect(issuesOf({ seed: -1, image: "in.webp" })).toHaveLength(3);
});

test("names that every object has are names only where they are mapped", () => {
  const { toBody, issuesOf } = workflowOf({
    inputs: { constructor: { node: "constructor", input: "toString" } },
  });
  const input = { constructor: "a" };
  expect(issuesOf(input)).toEqual([]);
  expect(toBody(input)).toEqual({ overrides: { constructor: { inputs: { toString: "a" } } } });
  expect(issuesOf({ toString: "b" })).toHaveLength(1);
});

test("the nodes whose files are the result are kept, and other inputs are only listed", () => {
  const others = { cfg: { node: 31 } };
  expect(workflowOf({ inputs: INPUTS, outputs: ["9", "20"], others }).outputs).toEqual(["9", "20"]);
  expect(workflowOf({ inputs: INPUTS }).outputs).toBeNull();
});

test("what is wrong with a mapping is reported at its place", () => {
  const { problems, warnings } = readCatalogue(
    {
      deployments: [
        {
          id: "w",
          name: "Robot",
          kind: "comfyui",
          inputs: {
            a: { node: 6, input: "text" },
            b: { node: "6" },
            c: { node: "6", input: "text", minimum: "0" },
            d: { node: "6", input: "text" },
            e: { node: "7", input: "text", required: ["x"] },
            f: "6.text",
          },
        },
        { id: "v", name: "Saved", kind: "comfyui" },
        { id: "o", name: "Outputs", kind: "comfyui", outputs: ["9", 20], inputSchema: {} },
        { id: "l", name: "Lora", inputs: INPUTS },
      ],
    },
    "runcomfy",
  );
  expect(problems.map((problem) => problem.replace("deployments[", ""))).toEqual([
    "0].inputs.a.node: must be a string",
    "0].inputs.b.input: is missing; it is required",
    "0].inputs.d: sets the same input of the same node as c; keep one",
    "0].inputs.e.required: must be true or false",
    '0].inputs.f: must be an object such as {"node":"6","input":"text"}',
    "0].inputs.c.minimum: must be a number",
    "2].inputSchema: says nothing of the kind comfyui; leave it out, or correct kind",
    "2].outputs[1]: must be a string",
    "3].inputs: says nothing of the kind lora; leave it out, or correct kind",
  ]);
  expect(warnings).toEqual([expect.stringContaining("[1].inputs: names no input")]);
});
