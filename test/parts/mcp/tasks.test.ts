import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { DATABASES, SANDBOX, start } from "../../gateway/open-gateway.ts";
import { startFaultyUpstream } from "../../support/faulty-upstream/faulty-upstream.ts";
import { runGateway } from "../../support/gateway-process.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";
import { ask, connect, read } from "./connect.ts";

const QUEUED = { deployment_id: "queued", input: { prompt: "Glow" } };
const SUBMIT = { name: "submit_job", arguments: QUEUED };
const OUTPUT = { images: ["https://a.runcomfy.net/1.png"] };

/** The id that RunComfy has given a deployment's last job. */
async function requestIdOf(
  { requests, whenRequested }: Awaited<ReturnType<typeof startFaultyUpstream>>,
  deployment: string,
): Promise<string> {
  await whenRequested("status", 1, deployment);
  const polls = requests.filter(
    ({ call, deploymentIds }) => call === "status" && deploymentIds.includes(deployment),
  );
  return polls.at(-1)?.requestId ?? "";
}

test("a submit is a task once RunComfy has accepted the job, which ends with what the tool would say", async () => {
  const { url, upstream } = await start();
  upstream.script("queued", ["in_queue"]);
  const task = await ask(url, "tools/call", SUBMIT);
  expect(task.result).toMatchObject({
    ...{ resultType: "task", status: "working", ttlMs: null },
    taskId: expect.stringMatching(/^job_/),
    pollIntervalMs: expect.any(Number),
  });
  const { taskId } = task.result;
  const get = () => ask(url, "tasks/get", { taskId });
  expect((await get()).result).toMatchObject({ resultType: "complete", taskId, status: "working" });
  expect((await ask(url, "tasks/update", { taskId, inputResponses: {} })).result).toMatchObject({
    resultType: "complete",
  });
  upstream.finish(await requestIdOf(upstream, "queued"), { output: OUTPUT });
  await expect.poll(async () => (await get()).result.status).toBe("completed");
  const { result } = (await get()).result;
  expect(result.structuredContent.job).toMatchObject({
    ...{ id: taskId, status: "SUCCEEDED" },
    assets: [{ url: OUTPUT.images[0] }],
  });
  expect(result.isError).toBeUndefined();
  // The official client reads the same state.
  const client = await connect(url);
  const found = await client.callTool({ name: "get_job", arguments: { id: taskId } });
  expect(read(found).job).toMatchObject({ status: "SUCCEEDED" });
});

test("the result of a task has its pictures, as a wait's has", async () => {
  const { url } = await start(SANDBOX);
  const call = { name: "submit_flux2_flash", arguments: { input: { prompt: "A lamp", seed: 1 } } };
  const { taskId } = (await ask(url, "tools/call", call)).result;
  const get = async () => (await ask(url, "tasks/get", { taskId })).result;
  const states: Awaited<ReturnType<typeof get>>[] = [];
  await expect
    .poll(async () => states[states.push(await get()) - 1].status, { interval: 1 })
    .toBe("completed");
  const { result } = states.at(-1);
  expect(result.structuredContent.job.assets).toMatchObject([{ kept_url: expect.any(String) }]);
  expect(result.content).toContainEqual(expect.objectContaining({ type: "image" }));
});

test("a run that fails completes its task as a tool's error, and a cancelled one is cancelled", async () => {
  const { url, upstream } = await start();
  upstream.script("broken", ["failed"]);
  upstream.script("queued", ["in_queue"]);
  const submit = async (deployment_id: string) => {
    const call = { name: "submit_job", arguments: { ...QUEUED, deployment_id } };
    return (await ask(url, "tools/call", call)).result.taskId;
  };
  const [broken, queued] = [await submit("broken"), await submit("queued")];
  const get = async (taskId: string) => (await ask(url, "tasks/get", { taskId })).result;
  await expect.poll(async () => (await get(broken)).status).toBe("completed");
  expect(await get(broken)).toMatchObject({
    result: { isError: true, structuredContent: { job: { status: "FAILED" } } },
  });
  for (const taskId of [queued, broken])
    expect((await ask(url, "tasks/cancel", { taskId })).result).toMatchObject({
      resultType: "complete",
    });
  expect(await get(queued)).toMatchObject({ status: "cancelled" });
  expect((await get(broken)).status).toBe("completed");
});

test("a refused submit is the tool's error and no task, and one that may have been accepted is a task", async () => {
  const { url, upstream } = await start();
  const submit = async (deployment_id: string) =>
    (await ask(url, "tools/call", { name: "submit_job", arguments: { ...QUEUED, deployment_id } }))
      .result;
  const refused = await submit("fault-forbidden");
  expect(refused).toMatchObject({
    ...{ resultType: "complete", isError: true },
    structuredContent: { error: { code: "FORBIDDEN" } },
  });
  expect(refused.taskId).toBeUndefined();
  const { taskId } = await submit("fault-reset-before-answer--submit");
  expect((await ask(url, "tasks/get", { taskId })).result).toMatchObject({
    status: "completed",
    result: {
      isError: true,
      structuredContent: { job: { error: { code: "SUBMISSION_UNKNOWN", retryable: false } } },
    },
  });
  // A blind retry of that is not paid twice either.
  expect((await submit("fault-reset-before-answer--submit")).taskId).toBe(taskId);
  expect(upstream.count("submit", "fault-reset-before-answer--submit")).toBe(1);
});

test("a client that did not say that it takes tasks gets none, nor anything of them", async () => {
  const { url, upstream } = await start();
  upstream.script("queued", ["in_queue"]);
  const plain = { capabilities: {} };
  const submitted = await ask(url, "tools/call", SUBMIT, plain);
  expect(submitted.result).toMatchObject({
    resultType: "complete",
    structuredContent: { note: expect.stringContaining("wait_for_job") },
  });
  const taskId = submitted.result.structuredContent.job.id;
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const { error } = await ask(url, method, { taskId, inputResponses: {} }, plain);
    expect(error).toMatchObject({
      code: -32_021,
      data: { requiredCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } } },
    });
  }
});

test("nobody else's task is there, and a key that may not cancel does not", async () => {
  const keys = await createApiKeysFile();
  const mine = await keys.create("mine");
  const reader = await keys.create("mine", "--scopes", "jobs:read");
  const other = await keys.create("other");
  const { url, upstream } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  upstream.script("queued", ["in_queue"]);
  const { taskId } = (await ask(url, "tools/call", SUBMIT, { key: mine })).result;
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const { error } = await ask(url, method, { taskId, inputResponses: {} }, { key: other });
    expect(error).toMatchObject({ code: -32_602, message: expect.stringContaining(taskId) });
  }
  const refused = await ask(url, "tasks/cancel", { taskId }, { key: reader });
  expect(refused.error).toMatchObject({ code: -32_602, message: expect.stringContaining("scope") });
  const { result } = await ask(url, "tasks/get", { taskId }, { key: reader });
  expect(result).toMatchObject({ status: "working" });
});

test("a task outlives kill -9 of the gateway that made it: another one on its Postgres knows and ends it", async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream[Symbol.asyncDispose]());
  upstream.script("queued", ["in_queue"]);
  const variables = {
    DATABASE_URL: await DATABASES.Postgres(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  };
  const first = runGateway(variables);
  const { taskId } = (await ask(await first.url, "tools/call", SUBMIT)).result;
  await first.kill("SIGKILL");
  const { url } = await start(variables, { upstream });
  const get = async () => (await ask(url, "tasks/get", { taskId })).result;
  expect(await get()).toMatchObject({ status: "working" });
  // A client that did not get the answer asks once more.
  expect((await ask(url, "tools/call", SUBMIT)).result.taskId).toBe(taskId);
  upstream.finish(await requestIdOf(upstream, "queued"), { output: OUTPUT });
  await expect.poll(async () => (await get()).status, { timeout: 30_000 }).toBe("completed");
  expect((await get()).result.structuredContent.job).toMatchObject({ status: "SUCCEEDED" });
  expect(upstream.count("submit")).toBe(1);
});
