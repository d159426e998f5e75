import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { start } from "./open-gateway.ts";

const JOB = "... on SubmitJobSuccess { job { id input } } ... on Error { message }";
const SUBMIT = `mutation ($input: JSON!, $key: String) {
  submitJob(deploymentId: "dep", input: $input, idempotencyKey: $key) { ${JOB} }
}`;

async function open(variables: Readonly<Record<string, string>> = {}) {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const deployments = [
    { id: "dep", name: "Dep", model: "flux" },
    {
      ...{ id: "flow", name: "Flow", kind: "comfyui" },
      inputs: { seed: { node: "31", input: "seed", type: "integer", maximum: 9 } },
    },
  ];
  await writeFile(file, JSON.stringify({ deployments }));
  const opened = await start({ DEPLOYMENTS_FILE: file, ...variables });
  const bodies = () =>
    opened.upstream.requests
      .filter(({ call }) => call === "submit")
      .map(({ body }): unknown => JSON.parse(body));
  return { ...opened, bodies };
}

const INPUT = { prompt: "x", seed: -1 };
const DRAWN = { prompt: "x", seed: expect.toSatisfy((seed) => seed >= 0) };

test("a seed of -1 becomes a number that is stored and sent, by every way to submit", async () => {
  const { ask, bodies } = await open();
  const first = (await ask(SUBMIT, { input: INPUT, key: "k" })).submitJob.job;
  expect(first.input).toEqual(DRAWN);
  expect(bodies()).toEqual([first.input]);

  // A retry is of what was given.
  expect((await ask(SUBMIT, { input: INPUT, key: "k" })).submitJob.job).toEqual(first);
  expect((await ask(SUBMIT, { input: first.input, key: "k" })).submitJob.message).toMatch(
    /other settings/,
  );
  expect(bodies()).toHaveLength(1);

  const rerun = await ask(`mutation ($id: ID!) { rerunJob(id: $id) { ${JOB} } }`, first);
  expect(rerun.rerunJob.job.input).toEqual(first.input);
  const anew = await ask(
    `mutation ($id: ID!) { rerunJob(id: $id, changes: { seed: -1 }) { ${JOB} } }`,
    first,
  );
  expect(anew.rerunJob.job.input).toEqual(DRAWN);
  expect(anew.rerunJob.job.input).not.toEqual(first.input);

  const items = [INPUT, INPUT].map((input) => ({ deploymentId: "dep", input }));
  const { submitJobs } = await ask(
    `mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { ${JOB} } }`,
    { items },
  );
  const [one, other] = submitJobs;
  expect([one.job.input, other.job.input]).toEqual([DRAWN, DRAWN]);
  expect(one.job.input).not.toEqual(other.job.input);

  const typed = await ask(`mutation { submitDep(input: { prompt: "x", seed: -1 }) { ${JOB} } }`);
  expect(typed.submitDep.job.input).toEqual(DRAWN);
  expect(bodies()).toContainEqual(typed.submitDep.job.input);

  const flow = await ask(`mutation { submitFlow(input: { seed: -1 }) { ${JOB} } }`);
  const { seed } = flow.submitFlow.job.input;
  expect(seed).toSatisfy((number: number) => number >= 0 && number <= 9);
  expect(bodies()).toContainEqual({ overrides: { 31: { inputs: { seed } } } });
});

test("a check draws nothing", async () => {
  const { ask } = await open();
  const check = `query ($input: JSON!) {
    checkInput(deploymentId: "dep", input: $input) { issues { message } input }
  }`;
  const { checkInput } = await ask(check, { input: INPUT });
  expect(checkInput).toEqual({ issues: [], input: INPUT });
});

test("with DRAW_SEEDS=false RunComfy draws", async () => {
  const { ask, bodies } = await open({ DRAW_SEEDS: "false" });
  expect((await ask(SUBMIT, { input: INPUT })).submitJob.job.input).toEqual(INPUT);
  expect(bodies()).toEqual([INPUT]);
});
