import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import models from "../../sandbox/src/models.json" with { type: "json" };
import { startReceiver } from "../support/receiver.ts";

const LATER = { timeout: 20_000 };
const [, LORA = ""] = file.deployments.map(({ id }) => id);
const MODEL = models.models[0]?.item.model_id;
/** Five seconds, a hundred times as fast. */
const LATE_MS = 50;
const ENDED = z.object({ request_id: z.string(), finished_at: z.string() });
const ID = z.object({ request_id: z.string() });
const LISTED = z.array(z.object({ id: z.string(), name: z.string() }));
const TIME = expect.stringMatching(/^\d{4}-.*\d{6}$/);

/** A sandbox, and a server that it calls. */
async function start(
  switches: readonly string[],
  answer?: Parameters<typeof startReceiver>[0],
  speed = 100,
) {
  const sandbox = await startSandbox({
    ...{ port: 0, token: "sandbox", speed, dataFolder: null, faults: switches },
  });
  onTestFinished(() => sandbox.close());
  const receiver = await startReceiver(answer);
  const call = async (path: string, body?: object) => {
    const response = await fetch(`${sandbox.url}${path}`, {
      headers: { authorization: "Bearer sandbox" },
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
    const answered: unknown = await response.json();
    return { status: response.status, answered };
  };
  const submit = async (id: string, body: object, url = receiver.url) =>
    await call(`/prod/v1/deployments/${id}/inference?webhook=${encodeURIComponent(url)}`, body);
  const accept = async (...given: Parameters<typeof submit>) =>
    ID.parse((await submit(...given)).answered).request_id;
  return { ...sandbox, receiver, call, submit, accept };
}

test("an end is sent to the URL that a submit names, as a result reports it", async () => {
  const { call, accept, receiver } = await start([]);
  const listed = LISTED.parse((await call("/prod/v2/deployments")).answered);
  const workflow = listed.find(({ name }) => name === "Harbour Workflow")?.id ?? "";
  const succeeded = await accept(LORA, { prompt: "A lantern" });
  await expect.poll(() => receiver.calls.length, LATER).toBe(1);
  const failed = await accept(LORA, { prompt: "[fail]" });
  await expect.poll(() => receiver.calls.length, LATER).toBe(2);
  const ran = await accept(workflow, { overrides: {} });
  await expect.poll(() => receiver.calls.length, LATER).toBe(3);
  const times = { created_at: TIME, finished_at: TIME };
  expect(receiver.bodies()).toMatchObject([
    {
      ...{ request_id: succeeded, deployment_id: LORA, status: "succeeded", ...times },
      output: { images: [expect.any(String)] },
    },
    { request_id: failed, deployment_id: LORA, status: "failed", ...times, error: {} },
    { request_id: ran, deployment_id: workflow, status: "succeeded", ...times, outputs: {} },
  ]);
});

test("a cancelled job is reported at once, and a job without a URL to nobody", async () => {
  // So slow that it would not have ended by itself.
  const { call, accept, receiver } = await start([], undefined, 1);
  const unnamed = await call(`/prod/v1/deployments/${LORA}/inference`, { prompt: "[slow]" });
  const { request_id: silent } = ID.parse(unnamed.answered);
  await call(`/prod/v1/deployments/${LORA}/requests/${silent}/cancel`, {});
  const id = await accept(LORA, { prompt: "[slow]" });
  await call(`/prod/v1/deployments/${LORA}/requests/${id}/cancel`, {});
  await expect
    .poll(receiver.bodies, LATER)
    .toMatchObject([{ request_id: id, status: "cancelled" }]);
});

test("a call that gets no 2xx is made again", async () => {
  const { accept, receiver } = await start([], () => (receiver.calls.length < 3 ? 500 : 204));
  await accept(LORA, { prompt: "A lantern" });
  await expect.poll(() => receiver.calls.length, LATER).toBe(3);
});

test("calls are late, twice, never or forged if the sandbox is set so", async () => {
  const { accept, call, receiver, setFaults } = await start([]);
  const run = async (which: string) => {
    setFaults([`${which}*1`]);
    return await accept(LORA, { prompt: "A lantern" }, `${receiver.url}?signature=abc`);
  };
  const untold = await run("webhook-never");
  const status = async () =>
    (await call(`/prod/v1/deployments/${LORA}/requests/${untold}/status`)).answered;
  await expect.poll(status, LATER).toMatchObject({ status: "succeeded" });
  // The call is checked for at the moment of its end, or before.
  const twice = await run("webhook-twice");
  await expect
    .poll(receiver.bodies, LATER)
    .toMatchObject([1, 2].map(() => ({ request_id: twice })));
  await run("webhook-forged");
  await expect.poll(() => receiver.calls[2]?.path, LATER).toBe("/hook?signature=abA");
  const late = await run("webhook-late");
  await expect.poll(() => receiver.calls.length, LATER).toBe(4);
  const { request_id: id, finished_at: end } = ENDED.parse(receiver.bodies()[3]);
  expect(id).toBe(late);
  expect(Date.now() - Date.parse(`${end}Z`)).toBeGreaterThanOrEqual(LATE_MS);
});

test("what can't be called is refused, and a model calls nobody", async () => {
  const { accept, submit, call, receiver } = await start([]);
  const { status, answered } = await submit(LORA, { prompt: "A lantern" }, "ftp://a.example");
  expect(status).toBe(422);
  expect(answered).toMatchObject({ detail: [{ loc: ["query", "webhook"] }] });
  const webhook = encodeURIComponent(receiver.url);
  await call(`/v1/models/${MODEL}?webhook=${webhook}`, { prompt: "A lantern" });
  const last = await accept(LORA, { prompt: "A lantern" });
  await expect.poll(receiver.bodies, LATER).toMatchObject([{ request_id: last }]);
});
