import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeEach, expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { start as startWith } from "./open-gateway.ts";

const LISTED = [
  { id: "glow", name: "Warm Glow" },
  { id: "tide", name: "Slow Tide" },
];
const ALL = "{ deployments { id name } }";

let upstream: FaultyUpstream;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  upstream.setDeployments(LISTED);
});

const start = (variables: Readonly<Record<string, string>> = {}) =>
  startWith(variables, { upstream });

function submit(deploymentId: string): string {
  return `mutation { submitJob(deploymentId: "${deploymentId}", input: {prompt: "a"}) { __typename ... on SubmitJobSuccess { job { deployment { name } } } } }`;
}

test("without a file, the deployments are those that the upstream lists, also when it has gone away", async () => {
  const { ask } = await start();
  expect(await ask(ALL)).toEqual({ deployments: LISTED });
  expect(await ask(`{ deployment(id: "tide") { name } node(id: "glow") { id } }`)).toEqual({
    deployment: { name: "Slow Tide" },
    node: { id: "glow" },
  });
  expect(await ask(`{ deployment(id: "other") { name } }`)).toEqual({ deployment: null });
  expect(await ask(submit("tide"))).toEqual({
    submitJob: { __typename: "SubmitJobSuccess", job: { deployment: { name: "Slow Tide" } } },
  });
  // One that only a job names stands behind them.
  await ask(submit("other"));
  await upstream.close();
  const other = { id: "other", name: "other" };
  expect(await ask(ALL)).toEqual({ deployments: [...LISTED, other] });
  expect(await ask("{ jobs { edges { node { deployment { name } } } } }")).toEqual({
    jobs: { edges: ["other", "Slow Tide"].map((name) => ({ node: { deployment: { name } } })) },
  });
});

test("a workflow that the upstream lists runs only where the file lists it", async () => {
  upstream.setDeployments([...LISTED, { id: "robot", name: "Tin Robot", workflow_id: "5c1d" }]);
  const { ask } = await start();
  // What is offered can be run.
  expect(await ask(`{ deployments { id name } deployment(id: "robot") { name } }`)).toEqual({
    deployments: LISTED,
    deployment: null,
  });
  const refused = `mutation { submitJob(deploymentId: "robot", input: {prompt: "a"}) { ... on Error { message } } }`;
  expect(await ask(refused)).toEqual({
    submitJob: {
      message: expect.stringMatching(/does not list the workflow "robot",.* add it\.$/),
    },
  });
  expect(upstream.count("submit")).toBe(0);

  const file = join(await createTemporaryFolder(), "deployments.json");
  const inputs = { prompt: { node: "6", input: "text" } };
  const entry = { id: "robot", kind: "comfyui", name: "Tin Robot", inputs };
  await writeFile(file, JSON.stringify({ others: true, deployments: [entry] }));
  const listing = await start({ DEPLOYMENTS_FILE: file });
  expect(await listing.ask(submit("robot"))).toMatchObject({
    submitJob: { __typename: "SubmitJobSuccess" },
  });
  const sent = upstream.requests.find(({ call }) => call === "submit");
  expect(JSON.parse(sent?.body ?? "")).toEqual({
    overrides: { 6: { inputs: { text: "a" } } },
  });
});

test("a LoRA with a workflow_id runs, and is listed from then on", async () => {
  const payload = { workflow_api_json: null };
  const robot = { id: "robot", name: "Tin Robot", workflow_id: "5c1d", payload };
  upstream.setDeployments([...LISTED, robot, { ...robot, id: "fox" }]);
  const { ask } = await start();
  expect(await ask(ALL)).toEqual({ deployments: LISTED });
  expect(await ask(submit("robot"))).toEqual({
    submitJob: { __typename: "SubmitJobSuccess", job: { deployment: { name: "Tin Robot" } } },
  });
  const listed = [...LISTED, { id: "robot", name: "Tin Robot" }];
  expect(await ask(ALL)).toEqual({ deployments: listed });
  expect(await ask(`{ deployment(id: "fox") { name kind } }`)).toEqual({
    deployment: { name: "Tin Robot", kind: "LORA" },
  });
});

test("a workflow that nobody listed is refused also where nobody has asked for the list", async () => {
  upstream.setDeployments([{ id: "robot", name: "Tin Robot", workflow_id: "5c1d" }]);
  const release = upstream.hold("list");
  const { ask, answer } = await start();
  const refused = `mutation { submitJob(deploymentId: "robot", input: {prompt: "a"}) { ... on Error { message } } }`;
  const check = `{ checkInput(deploymentId: "robot", input: {prompt: "a"}) { issues { message } } }`;
  const message = expect.stringMatching(/does not list the workflow "robot",.* add it\.$/);
  const answered = ask(refused);
  release();
  expect(await answered).toEqual({ submitJob: { message } });
  expect(await answer(check)).toMatchObject({ errors: [{ message }] });
  expect(upstream.count("submit")).toBe(0);
});

test("an input of a workflow is never sent for what nobody lists as one", async () => {
  upstream.setFault("list-not-a-list", ["list"]);
  const { ask } = await start();
  const body = `{ overrides: { a: 1 } }`;
  const submit = `mutation { submitJob(deploymentId: "robot", input: ${body}) { ... on InvalidInputError { issues { path message } } } }`;
  expect(await ask(submit)).toEqual({
    submitJob: {
      issues: [
        { path: "overrides", message: expect.stringMatching(/^belongs to a workflow; ask/) },
      ],
    },
  });
  expect(upstream.count("submit")).toBe(0);
});

test("a start warns of entries without a kind under which the upstream lists a workflow", async () => {
  upstream.setDeployments([...LISTED, { id: "robot", name: "Tin Robot", workflow_id: "5c1d" }]);
  const file = join(await createTemporaryFolder(), "deployments.json");
  const deployments = ["robot", "tide"].map((id) => ({ id, name: id }));
  await writeFile(file, JSON.stringify({ others: true, deployments }));
  const { warnings } = await start({ DEPLOYMENTS_FILE: file });
  expect(warnings().map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      deploymentIds: ["robot"],
      msg: expect.stringMatching(/of another kind .* gives it its kind/),
    }),
  ]);
});

test("with others, the upstream's stand behind those of the file, and all may be submitted to", async () => {
  const own = { id: "tide", name: "My own name", model: "sdxl" };
  const file = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(file, JSON.stringify({ others: true, deployments: [own] }));
  const { ask } = await start({ DEPLOYMENTS_FILE: file });
  expect(await ask(ALL)).toEqual({ deployments: [{ id: "tide", name: "My own name" }, LISTED[0]] });
  expect(await ask(`{ deployment(id: "glow") { name submitField } }`)).toEqual({
    deployment: { name: "Warm Glow", submitField: null },
  });
  expect(await ask(submit("glow"))).toMatchObject({
    submitJob: { __typename: "SubmitJobSuccess" },
  });
  // Those of the file keep their check.
  const wide = `mutation { submitMyOwnName(input: {prompt: "a", width: 5}) { __typename } }`;
  expect(await ask(wide)).toEqual({ submitMyOwnName: { __typename: "InvalidInputError" } });
});

test("an upstream that gives no list leaves the deployments that jobs name, with a warning", async () => {
  upstream.setFault("list-not-a-list", ["list"]);
  const { ask, warnings } = await start();
  expect(await ask(ALL)).toEqual({ deployments: [] });
  await ask(submit("tide"));
  expect(await ask(ALL)).toEqual({ deployments: [{ id: "tide", name: "tide" }] });
  expect(warnings()).toEqual([expect.stringContaining("DEPLOYMENTS_FILE")]);
});

test("with an AUTH the upstream's list is for those who may read all jobs", async () => {
  const keys = await createApiKeysFile();
  const web = await keys.create("web");
  const operator = await keys.create("operator", "--scopes", "jobs:read:all,jobs:submit");
  const { answer } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  const ask = (query: string, key: string) => answer(query, {}, key);
  expect(await ask(ALL, web)).toEqual({ data: { deployments: [] } });
  const one = `{ deployment(id: "tide") { name } node(id: "tide") { id } }`;
  expect(await ask(one, web)).toEqual({ data: { deployment: null, node: null } });
  // Without the scope a job's deployment has no name either.
  expect(await ask(submit("tide"), web)).toMatchObject({
    data: { submitJob: { job: { deployment: { name: "tide" } } } },
  });
  expect(await ask(ALL, web)).toEqual({ data: { deployments: [{ id: "tide", name: "tide" }] } });
  expect(await ask(one, web)).toEqual({
    data: { deployment: { name: "tide" }, node: { id: "tide" } },
  });
  expect(await ask(ALL, operator)).toEqual({ data: { deployments: LISTED } });
  expect(await ask(one, operator)).toMatchObject({ data: { deployment: { name: "Slow Tide" } } });
});
