import { expect, test } from "vitest";

import { SANDBOX, start } from "../../gateway/open-gateway.ts";

const COST = "cost { source usd minUsd maxUsd reason }";
const SOON = { timeout: 10_000, interval: 200 };

/** A gateway with the sandbox's deployments, each of which runs and checks inputs by its name. */
async function open() {
  const { ask } = await start({ ...SANDBOX, KEEP_OUTPUTS: "false" });
  const { deployments } = await ask("{ deployments { id name } }");
  const byName = new Map<string, string>(
    deployments.map(({ name, id }: Record<"name" | "id", string>) => [name, id]),
  );
  return {
    async check(name: string, input: object) {
      const query = `query ($id: ID!, $input: JSON!) { checkInput(deploymentId: $id, input: $input) { ${COST} } }`;
      return (await ask(query, { id: byName.get(name), input })).checkInput.cost;
    },
    async run(name: string, input: object) {
      const mutation = `mutation ($id: ID!, $input: JSON!) {
        submitJob(deploymentId: $id, input: $input, answerWithinSeconds: 20) {
          ... on SubmitJobSuccess { job { status ${COST} } } ... on Error { message } } }`;
      const { submitJob } = await ask(mutation, { id: byName.get(name), input });
      expect(submitJob.job).toMatchObject({ status: "SUCCEEDED" });
      return submitJob.job.cost;
    },
  };
}

test("a model's input costs the base price, and after three runs with its settings what these did", async () => {
  const { check, run } = await open();
  const model = "Flux 2 Flash";
  expect(await check(model, { prompt: "p" })).toEqual({
    ...{ source: "ESTIMATED", usd: 0.01, minUsd: null, maxUsd: null },
    reason: expect.stringContaining("base price of $0.01 per output; not a guaranteed minimum"),
  });
  const { source, usd } = await run(model, { prompt: "one" });
  expect(source).toBe("EXACT");
  await run(model, { prompt: "two" });
  expect((await check(model, { prompt: "p" })).reason).toContain("base price");
  await run(model, { prompt: "three" });
  expect(await check(model, { prompt: "p", seed: 3 })).toMatchObject({
    ...{ source: "ESTIMATED", usd, reason: expect.stringContaining("last three runs") },
  });
  const others = await check(model, { prompt: "p", output_format: "webp" });
  expect(others.reason).toContain("base price");
});

test("a deployment's input costs nobody knows what, and after a run between its seconds and those of a cold start", async () => {
  const { check, run } = await open();
  const unknown = { source: "UNKNOWN", usd: null, minUsd: null, maxUsd: null };
  expect(await check("Paper Lantern", { prompt: "p" })).toMatchObject(unknown);
  await run("Paper Lantern", { prompt: "p" });
  await expect
    .poll(() => check("Paper Lantern", { prompt: "p" }), SOON)
    .toMatchObject({
      source: "ESTIMATED",
      usd: null,
      reason: expect.stringContaining("Past runs"),
    });
  const { minUsd, maxUsd } = await check("Paper Lantern", { prompt: "p" });
  expect(minUsd).toBeGreaterThan(0);
  // At least a cold start of five minutes at the least price of all hardware.
  expect(maxUsd).toBeGreaterThan(0.08);
});
