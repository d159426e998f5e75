import { readFile, writeFile } from "node:fs/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import { OF_KINDS, writeDeploymentsOfKinds } from "../support/deployments-of-kinds.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, KINDS, start } from "./open-gateway.ts";

const FILE = "https://files.runcomfy.net/output-1.png";
const JOB = `id status version kind isPaused isCancellable requestId output assets { url path kind }
  cost { source usd } deployment { kind } error { code }`;

const UNKNOWN = { source: "UNKNOWN", usd: null };

/** A job of each kind, what is POSTed for it, and where. */
const JOBS = [
  {
    kind: "LORA",
    id: OF_KINDS.lora,
    path: "/prod/v1/deployments/a-lora/inference",
    body: { prompt: "a kite", seed: 7 },
    paths: ["images[0]"],
    cost: UNKNOWN,
  },
  {
    kind: "COMFYUI",
    id: OF_KINDS.comfyui,
    path: "/prod/v1/deployments/a-workflow/inference",
    body: { overrides: { 6: { inputs: { text: "a kite" } }, 31: { inputs: { seed: 7 } } } },
    paths: ['["9"].images[0].url'],
    cost: UNKNOWN,
  },
  {
    kind: "MODEL",
    id: OF_KINDS.model,
    path: "/v1/models/blackforestlabs/flux-2.1/flash",
    body: { prompt: "a kite", seed: 7 },
    paths: ["image"],
    cost: { source: "EXACT", usd: 0.04 },
  },
] as const;

async function startUpstream() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  return upstream;
}

type Started = Pick<Awaited<ReturnType<typeof start>>, "ask">;

async function submit({ ask }: Started, deploymentId: string) {
  const { submitJob } = await ask(
    `mutation ($id: ID!) { submitJob(deploymentId: $id, input: { prompt: "a kite", seed: 7 }) {
      ... on SubmitJobSuccess { job { ${JOB} input } } ... on Error { __typename message } } }`,
    { id: deploymentId },
  );
  return submitJob;
}

const read = async ({ ask }: Started, id: string) =>
  (await ask(`{ job(id: "${id}") { ${JOB} } }`)).job;

describe.each(KINDS)("on %s", (database) => {
  test.each(JOBS)("a job of kind $kind runs to its end", async (given) => {
    const models = await startUpstream();
    const gateway = await start({
      DATABASE_URL: await DATABASES[database](),
      DEPLOYMENTS_FILE: await writeDeploymentsOfKinds(),
      RUNCOMFY_MODEL_URL: models.url,
    });
    const { job } = await submit(gateway, given.id);
    expect(job).toMatchObject({
      kind: given.kind,
      deployment: { kind: given.kind },
      cost: { source: expect.not.stringMatching("EXACT") },
    });
    expect(job.input).toEqual({ prompt: "a kite", seed: 7 });
    await expect.poll(async () => (await read(gateway, job.id)).status).toBe("SUCCEEDED");
    const ended = await read(gateway, job.id);
    expect(ended).toMatchObject({ cost: given.cost, error: null });
    expect(ended.assets).toMatchObject(given.paths.map((path) => ({ path, url: FILE })));
    const posts = [...gateway.upstream.requests, ...models.requests].filter(
      ({ call }) => call === "submit",
    );
    expect(posts.map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
      [given.path, given.body],
    ]);
    expect(models.count("submit")).toBe(given.kind === "MODEL" ? 1 : 0);
  });

  test("a cost that comes late makes a new version, and nobody waits for it", async () => {
    const models = await startUpstream();
    models.setFault("cost-late");
    const gateway = await start({
      DATABASE_URL: await DATABASES[database](),
      DEPLOYMENTS_FILE: await writeDeploymentsOfKinds(),
      RUNCOMFY_MODEL_URL: models.url,
    });
    const releaseFirst = models.hold("result");
    const { job } = await submit(gateway, OF_KINDS.model);
    await expect.poll(() => models.count("result")).toBe(1);
    releaseFirst();
    const releaseSecond = models.hold("result");
    await expect.poll(async () => (await read(gateway, job.id)).status).toBe("SUCCEEDED");
    const ended = await read(gateway, job.id);
    expect(ended.cost.source).not.toBe("EXACT");
    releaseSecond();
    await expect
      .poll(() => read(gateway, job.id), { timeout: 10_000 })
      .toMatchObject({ cost: { usd: 0.04 }, version: ended.version + 1 });
    expect(models.count("result")).toBe(2);
  });
});

test("a model's job waits while models are off, and goes on where it was sent", async () => {
  const [upstream, models] = [await startUpstream(), await startUpstream()];
  const given = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
    DEPLOYMENTS_FILE: await writeDeploymentsOfKinds(),
  };
  const withModels = { ...given, RUNCOMFY_MODEL_URL: models.url };
  models.script(OF_KINDS.model, ["in_queue"]);
  const first = await start(withModels, { upstream });
  const { job } = await submit(first, OF_KINDS.model);
  await first.close();
  const asked = models.requests.length;
  const off = await start(given, { upstream });
  expect(await read(off, job.id)).toMatchObject({ isPaused: true });
  expect(off.lines.join()).toContain(`1 job waits for ${upstream.url} and ${models.url}`);
  expect(off.warnings().join()).toContain("models are off");
  expect(await submit(off, OF_KINDS.model)).toMatchObject({
    __typename: "UpstreamError",
    message: expect.stringContaining("is off"),
  });
  await off.close();
  expect(models.requests.length).toBe(asked);
  const back = await start(withModels, { upstream });
  models.finish(job.requestId, { output: {}, cost: 1 });
  await expect.poll(async () => (await read(back, job.id)).status).toBe("SUCCEEDED");
  expect(models.count("submit")).toBe(1);
});

test("a model's 400 with a code that nobody knows leaves a job's fate unknown, and one about a field is the caller's to correct", async () => {
  const upstream = await startUpstream();
  const gateway = await start(
    { DEPLOYMENTS_FILE: await writeDeploymentsOfKinds(), RUNCOMFY_MODEL_URL: upstream.url },
    { upstream },
  );
  const submitUnder = async (key: string) => {
    const { submitJob } = await gateway.ask(
      `mutation ($id: ID!, $key: String!) {
        submitJob(deploymentId: $id, input: { prompt: "a kite" }, idempotencyKey: $key) {
          __typename
          ... on UpstreamError { code retryable unconfirmedJob { id status error { code } } }
          ... on InvalidInputError { issues { path message } }
        }
      }`,
      { id: OF_KINDS.model, key },
    );
    return submitJob;
  };
  upstream.setFault("code-400003");
  const doubt = await submitUnder("doubt");
  expect(doubt).toMatchObject({
    ...{ __typename: "UpstreamError", code: "SUBMISSION_UNKNOWN", retryable: false },
    unconfirmedJob: { status: "FAILED", error: { code: "SUBMISSION_UNKNOWN" } },
  });
  upstream.setFault(null);
  expect(await submitUnder("doubt")).toEqual(doubt);
  expect(upstream.count("submit")).toBe(1);
  upstream.setFault("validation-field");
  expect(await submitUnder("field")).toEqual({
    __typename: "InvalidInputError",
    issues: [{ path: "width", message: "must be at least 64" }],
  });
  upstream.setFault(null);
  expect(await submitUnder("field")).toEqual({ __typename: "SubmitJobSuccess" });
});

test("what RunComfy finds wrong with a node's input is reported by the name that the caller knows", async () => {
  const gateway = await start({ DEPLOYMENTS_FILE: await writeDeploymentsOfKinds() });
  gateway.upstream.setFault("validation-node");
  const { submitJob } = await gateway.ask(
    `mutation ($id: ID!) { submitJob(deploymentId: $id, input: { prompt: "a kite" }) {
      ... on InvalidInputError { issues { path message } } } }`,
    { id: OF_KINDS.comfyui },
  );
  expect(submitJob.issues).toMatchObject([
    { path: "prompt", message: "must be shorter" },
    { path: 'overrides["99"]', message: "node not in workflow" },
  ]);
});

test("a workflow's job whose entry has gone shows every file that it saved, and is not run again as a LoRA's", async () => {
  const upstream = await startUpstream();
  const path = await writeDeploymentsOfKinds();
  const given = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
    DEPLOYMENTS_FILE: path,
  };
  upstream.script(OF_KINDS.comfyui, ["in_queue"]);
  const before = await start(given, { upstream });
  const { job } = await submit(before, OF_KINDS.comfyui);
  await before.close();
  const { deployments, ...file } = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...file, deployments: deployments.slice(0, 1) }));
  const after = await start(given, { upstream });
  const { requestId } = await read(after, job.id);
  const images = [
    { url: FILE, type: "output" },
    { url: `${FILE}?preview`, type: "temp" },
  ];
  upstream.finish(requestId, { outputs: { 77: { images } } });
  await expect.poll(async () => (await read(after, job.id)).status).toBe("SUCCEEDED");
  expect(await read(after, job.id)).toMatchObject({
    kind: "COMFYUI",
    assets: [{ path: '["77"].images[0].url' }],
  });
  const { rerunJob } = await after
    .ask(`mutation { rerunJob(id: "${job.id}") { ... on Error { __typename message } } }`)
    .catch((error: unknown) => ({ rerunJob: String(error) }));
  expect(JSON.stringify(rerunJob)).toMatch(/no deployment/);
  await after.close();

  const [entry] = deployments.slice(0, 1);
  const relisted = [
    ...deployments.slice(0, 1),
    { ...entry, id: OF_KINDS.comfyui, name: "Changed" },
  ];
  await writeFile(path, JSON.stringify({ ...file, deployments: relisted }));
  const changed = await start(given, { upstream });
  const again = `mutation { rerunJob(id: "${job.id}") { ... on Error { message } } }`;
  expect(await changed.ask(again)).toEqual({
    rerunJob: {
      message: expect.stringMatching(/runs something else than it did.* Submit a new job/),
    },
  });
  expect(upstream.count("submit")).toBe(1);
});
