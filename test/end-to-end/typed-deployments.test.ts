import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { buildSchema } from "graphql";
import { expect, test } from "vitest";
import { z } from "zod";

import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { findModel, MODEL_NAMES } from "../../src/deployments/model-profile.ts";
import { linkProject } from "../support/gateway-process.ts";
import { ask } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";

const TYPED_EXAMPLE = {
  prompt: EXAMPLE_BODY.prompt,
  ctrlImg1: EXAMPLE_BODY.ctrl_img_1,
  width: 1024,
  height: 1024,
  guidanceScale: 4,
  sampleSteps: 25,
  networkMultiplier: 1.0,
  neg: "",
  seed: 42,
  sampler: "flowmatch",
  numFrames: 1,
  fps: 1,
};
const RESULT =
  "__typename ... on SubmitJobSuccess { job { input } warnings { path } } ... on InvalidInputError { issues { path message } } ... on Error { message }";

async function writeDeployments(deployments: readonly unknown[]): Promise<string> {
  const path = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(path, JSON.stringify({ deployments }));
  return path;
}

test("the vendor's example body reaches the upstream field for field, by both mutations", async () => {
  const { url: origin, upstream } = await start({
    DEPLOYMENTS_FILE: await writeDeployments([
      { id: "warm-glow", name: "Warm Glow", model: "flux_kontext" },
    ]),
  });
  const untyped = await ask(
    origin,
    `mutation ($input: JSON!) { result: submitJob(deploymentId: "warm-glow", input: $input) { ${RESULT} } }`,
    { variables: { input: EXAMPLE_BODY } },
  );
  const typed = await ask(
    origin,
    `mutation ($input: WarmGlowInput!) { result: submitWarmGlow(input: $input) { ${RESULT} } }`,
    { variables: { input: TYPED_EXAMPLE } },
  );
  const success = { __typename: "SubmitJobSuccess", job: { input: EXAMPLE_BODY }, warnings: [] };
  expect(untyped).toEqual({ result: success });
  expect(typed).toEqual({ result: success });
  const bodies = upstream.requests
    .filter(({ call }) => call === "submit")
    .map(({ body }): unknown => JSON.parse(body));
  expect(bodies).toEqual([EXAMPLE_BODY, EXAMPLE_BODY]);
});

test("each built-in model submits its minimum body, as the sandbox has it too", async () => {
  const { url: origin } = await start({
    ...SANDBOX,
    DEPLOYMENTS_FILE: await writeDeployments(
      MODEL_NAMES.map((model, index) => ({ id: `model-${index}`, name: model, model })),
    ),
  });
  const { deployments } = ANSWER.parse(await ask(origin, "{ deployments { model submitField } }"));
  expect(deployments.map(({ model }) => model)).toEqual(MODEL_NAMES);
  const isEdit = (model: string) => findModel(model)?.needsControlImage === true;
  const picture = ', ctrlImg: "https://files.example/a.png"';
  // As many as a document may have, as each document is compiled.
  for (let first = 0; first < deployments.length; first += 10) {
    const fields = deployments.slice(first, first + 10).map(({ model, submitField }) => {
      const input = `prompt: "a glow"${isEdit(model) ? picture : ""}`;
      return `${submitField}(input: { ${input} }) { ${RESULT} }`;
    });
    const accepted = await ask(origin, `mutation { ${fields.join()} }`);
    for (const [field, result] of Object.entries(accepted))
      expect(result, field).toMatchObject({ __typename: "SubmitJobSuccess", warnings: [] });
  }
  const edits = deployments.filter(({ model }) => isEdit(model)).slice(0, 10);
  const fields = edits.map(
    ({ submitField }) => `${submitField}(input: { prompt: "a" }) { ${RESULT} }`,
  );
  const message = expect.stringMatching(/ctrlImg, ctrlImg1, ctrlImg2 or/);
  expect(Object.values(await ask(origin, `mutation { ${fields.join()} }`))).toEqual(
    edits.map(() => expect.objectContaining({ issues: [{ path: expect.anything(), message }] })),
  );
});

const ANSWER = z.object({
  deployments: z.array(z.object({ model: z.string(), submitField: z.string() })),
});

test("a file with problems stops the start before anything is opened", async () => {
  const folder = await createTemporaryFolder();
  const starting = start({
    DATABASE_URL: `file:${folder}/gateway.db`,
    DEPLOYMENTS_FILE: await writeDeployments([
      { id: "a", name: "A", model: "flux_konext" },
      { id: "a", name: "B", inputSchema: { properties: { width: { type: "intger" } } } },
    ]),
  });
  await expect(starting).rejects.toThrow(
    /deployments\.json can't be used; correct it and start again:\n.*deployments\[0\]\.model: .*did you mean flux_kontext\?\n.*deployments\[1\]\.id: "a" is listed twice.*\n.*deployments\[1\]\.inputSchema\.properties\.width\.type: .*"integer"\?/,
  );
  expect(existsSync(`${folder}/gateway.db`)).toBe(false);
});

test("`npm run schema` prints the schema of a team's own catalogue, and nothing else", async () => {
  const run = promisify(execFile);
  const cwd = linkProject();
  const path = await writeDeployments([{ id: "a", name: "Slow Tide", model: "wan22_5b" }]);
  const command = ["run", "--silent", "schema", "--", "--deployments", path];
  const { stdout, stderr } = await run("npm", command, { cwd });
  expect(stderr).toBe("");
  const schema = buildSchema(stdout);
  expect(schema.getMutationType()?.getFields()).toHaveProperty("submitSlowTide");
  expect(String(schema.getType("SlowTideInput"))).toBe("SlowTideInput");

  const wrong = ["src/print-schema.ts", "--deployments", `${path}x`];
  await expect(run(process.execPath, wrong, { cwd })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("can't be read"),
  });
});
