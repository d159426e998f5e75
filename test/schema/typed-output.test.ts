import { expect, test } from "vitest";

import type { JsonValue } from "../../src/job/json.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
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

async function readTypedOutput(deploymentId: string, output: JsonValue) {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE_WITH_OUTPUTS });
  const job = await gateway.addJob({ deploymentId });
  await gateway.observe(job, { kind: "accepted", requestId: "request-1" });
  const accepted = await gateway.store.jobs.read(job.id);
  const query = `query ($id: ID!) { job(id: $id) { output ${TYPED_OUTPUT} } }`;
  const before = await gateway.answer(query, { id: job.id });
  expect(before.data).toEqual({ job: { output: null, typedOutput: null } });
  if (accepted === null) throw new Error("There is a job.");
  await gateway.observe(accepted, { kind: "succeeded", output, finishedAt: null });
  const { data, errors } = await gateway.answer(query, { id: job.id });
  expect(errors).toBeUndefined();
  return data;
}

test("an output that fits its schema is a type of its deployment, in camelCase", async () => {
  const output = {
    images: ["https://files.example/a.png"],
    kind: "still image",
    meta_data: { seed_used: 2 ** 40, "run-time": 1.5 },
    more: "of it",
  };
  expect(await readTypedOutput("wg", output)).toEqual({
    job: {
      output,
      typedOutput: {
        __typename: "WarmGlowOutput",
        images: output.images,
        kind: "STILL_IMAGE",
        metaData: { seedUsed: 2 ** 40, runTime: 1.5 },
        constructor_2: null,
      },
    },
  });
  const film = { video: { url: "https://files.example/a.mp4" } };
  expect(await readTypedOutput("pl", film)).toEqual({
    job: { output: film, typedOutput: { __typename: "PaperLanternOutput", ...film } },
  });
});

test("an output that can't be typed is null there, and whole in `output`", async () => {
  for (const [deploymentId, output] of [
    // An enum value that is not known, a member that is missing, another shape.
    ["wg", { images: [], kind: "hologram" }],
    ["wg", { images: [] }],
    ["wg", ["https://files.example/a.png"]],
    // No output schema, a deployment that is not listed, and what GraphQL has no type for.
    ["cl", { images: [] }],
    ["gone", { images: [] }],
    ["li", []],
  ] as const) {
    const told = await readTypedOutput(deploymentId, JSON.parse(JSON.stringify(output)));
    expect(told).toEqual({ job: { output, typedOutput: null } });
  }
});

test("where no output is known, there is no typedOutput", () => {
  const fieldsOfJob = (schema: ReturnType<typeof createSchema>) =>
    schema.getType("Job")?.toConfig();
  expect(fieldsOfJob(createSchema(CATALOGUE))).not.toHaveProperty("fields.typedOutput");
  expect(fieldsOfJob(createSchema(CATALOGUE_WITH_OUTPUTS))).toHaveProperty("fields.typedOutput");
});
