import { expect, test } from "vitest";

import type { JsonValue } from "../../src/engine/job/json.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { CATALOGUE, openInProcessGateway } from "./in-process-gateway.ts";

const OUTPUT_SCHEMA = {
  type: "object",
  required: ["images", "kind"],
  properties: {
    images: { type: "array", items: { type: "string", format: "uri" } },
    kind: { enum: ["still image", "film"] },
    meta_data: {
      type: "object",
      properties: { seed_used: { type: "integer" }, "run-time": { type: "number" } },
    },
    constructor: { type: "string" },
  },
};
const CATALOGUE_WITH_OUTPUTS = catalogueOf(
  { id: "wg", name: "Warm Glow", outputSchema: OUTPUT_SCHEMA },
  { id: "pl", name: "Paper Lantern", outputSchema: { properties: { video: {} } } },
  { id: "cl", name: "Cold Light" },
  { id: "li", name: "List", outputSchema: { type: "array", items: {} } },
);
const TYPED_OUTPUT = `typedOutput {
  __typename
  ... on WarmGlowOutput { images kind metaData { seedUsed runTime } constructor_2 }
  ... on PaperLanternOutput { video }
}`;

const READ = `query ($id: ID!) { job(id: $id) { output ${TYPED_OUTPUT} } }`;

/** How a gateway answers for the outputs of jobs. */
async function openReader() {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE_WITH_OUTPUTS });
  return async (deploymentId: string, output: JsonValue) => {
    const job = await gateway.addJob({ deploymentId });
    const before = await gateway.answer(READ, { id: job.id });
    expect(before.data).toEqual({ job: { output: null, typedOutput: null } });
    await gateway.observe(job, { kind: "succeeded", output, finishedAt: null });
    const { data, errors } = await gateway.answer(READ, { id: job.id });
    expect(errors).toBeUndefined();
    return data;
  };
}

test("an output that fits its schema is a type of its deployment, in camelCase", async () => {
  const read = await openReader();
  const output = {
    images: ["https://files.example/a.png"],
    kind: "still image",
    meta_data: { seed_used: 2 ** 40, "run-time": 1.5 },
    more: "of it",
  };
  const typedOutput = {
    __typename: "WarmGlowOutput",
    images: output.images,
    kind: "STILL_IMAGE",
    metaData: { seedUsed: 2 ** 40, runTime: 1.5 },
    constructor_2: null,
  };
  expect(await read("wg", output)).toEqual({ job: { output, typedOutput } });
  const film = { video: { url: "https://files.example/a.mp4" } };
  expect(await read("pl", film)).toEqual({
    job: { output: film, typedOutput: { __typename: "PaperLanternOutput", ...film } },
  });
});

test("an output that can't be typed is null there, and whole in `output`", async () => {
  const read = await openReader();
  const outputs: readonly (readonly [string, JsonValue])[] = [
    // An enum value that is not known, a member that is missing, another shape.
    ["wg", { images: [], kind: "hologram" }],
    ["wg", { images: [] }],
    ["wg", ["https://files.example/a.png"]],
    // No output schema, a deployment that is not listed, and what GraphQL has no type for.
    ["cl", { images: [] }],
    ["gone", { images: [] }],
    ["li", []],
  ];
  for (const [deploymentId, output] of outputs)
    expect(await read(deploymentId, output)).toEqual({ job: { output, typedOutput: null } });
});

test("where no output is known, there is no typedOutput", () => {
  const fieldsOfJob = (schema: ReturnType<typeof createSchema>) =>
    schema.getType("Job")?.toConfig();
  expect(fieldsOfJob(createSchema(CATALOGUE))).not.toHaveProperty("fields.typedOutput");
  expect(fieldsOfJob(createSchema(CATALOGUE_WITH_OUTPUTS))).toHaveProperty("fields.typedOutput");
});
