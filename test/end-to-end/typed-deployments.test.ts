import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { buildSchema } from "graphql";
import { expect, test } from "vitest";
import { z } from "zod";

import { SANDBOX, start } from "../gateway/open-gateway.ts";
import { findModel, MODEL_NAMES } from "../../src/engine/deployments/model-profile.ts";
import { camelCase } from "../support/document-of.ts";
import { linkProject } from "../support/gateway-process.ts";
import { ask } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";

const TYPED_EXAMPLE = Object.fromEntries(
  Object.entries(EXAMPLE_BODY).map(([name, value]) => [camelCase([name]).join(), value]),
);
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
});

const ANSWER = z.object({
  deployments: z.array(z.object({ model: z.string(), submitField: z.string() })),
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
