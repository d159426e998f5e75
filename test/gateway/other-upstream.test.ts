import { DatabaseSync } from "node:sqlite";

import { beforeEach, expect, onTestFinished, test } from "vitest";

import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, SANDBOX, start as startWith } from "./open-gateway.ts";

const DEPLOYMENT = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const JOB = "id status version isPaused isCancellable queuePosition error { code }";

let upstream: FaultyUpstream;
let variables: { readonly DATABASE_URL: string; readonly FILES_URL: string };

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  upstream.script(DEPLOYMENT, ["in_queue"]);
  const FILES_URL = `file:${await createTemporaryFolder()}`;
  variables = { DATABASE_URL: await DATABASES.SQLite(), FILES_URL };
});

/** One of the account, or of what other variables say, on the test's database. */
async function start(other: Readonly<Record<string, string>> = {}) {
  const gateway = await startWith({ ...variables, ...other }, { upstream });
  return {
    ...gateway,
    read: async (id: string) => (await gateway.ask(`{ job(id: "${id}") { ${JOB} } }`)).job,
    async submit(key = "key") {
      const submit = `mutation { submitJob(
        deploymentId: "${DEPLOYMENT}", idempotencyKey: "${key}", input: { prompt: "a lantern" }
      ) { ... on SubmitJobSuccess { job { id } } ... on Error { __typename message } } }`;
      return (await gateway.ask(submit)).submitJob;
    },
  };
}

/** A job of the account that waits in its queue, seen there; the gateway has stopped. */
async function submitPaid(): Promise<string> {
  const paid = await start();
  const { job } = await paid.submit();
  await upstream.whenRequested("status", 1);
  await paid.close();
  return job.id;
}

test("a paid job is paused, shown as paused and left alone, and goes on when its account is back", async () => {
  const id = await submitPaid();
  const asked = upstream.requests.length;
  const sandbox = await start(SANDBOX);
  expect(sandbox.lines.join()).toContain(`1 job waits for ${upstream.url}`);
  // Its own jobs are followed meanwhile.
  const { job: own } = await sandbox.submit("another");
  await expect.poll(async () => (await sandbox.read(own.id)).status).toBe("SUCCEEDED");
  expect(await sandbox.read(id)).toMatchObject({
    status: "IN_QUEUE",
    isPaused: true,
    isCancellable: false,
    error: null,
  });
  const { cancelJob } = await sandbox.ask(`mutation { cancelJob(id: "${id}") {
      ... on UpstreamError { code retryable message } } }`);
  expect(cancelJob).toMatchObject({
    code: "PAUSED",
    retryable: false,
    message: expect.stringContaining("Wait"),
  });
  expect(await sandbox.submit()).toMatchObject({
    __typename: "IdempotencyConflictError",
    message: expect.stringContaining("another RunComfy account"),
  });
  expect(upstream.requests.length).toBe(asked);
  await sandbox.close();

  const back = await start();
  expect((await back.submit()).job.id).toBe(id);
  const { job } = await back.ask(`{ job(id: "${id}") { requestId } }`);
  upstream.finish(job.requestId, { output: {} });
  await expect.poll(async () => (await back.read(id)).status).toBe("SUCCEEDED");
  expect(upstream.count("submit")).toBe(1);
});

test("a job that RunComfy calls another account's is paused, and a start asks again", async () => {
  const id = await submitPaid();
  upstream.setFault("forbidden", ["status"]);
  const other = await start();
  await expect.poll(() => other.read(id)).toMatchObject({ isPaused: true, status: "IN_QUEUE" });
  expect(other.lines.join()).toContain("is another account's");
  await other.close();
  upstream.setFault(null);
  const back = await start();
  await expect.poll(() => back.read(id)).toMatchObject({ isPaused: false, isCancellable: true });
});

test("a job from before its account had a name is ended by no account that does not know it", async () => {
  const id = await submitPaid();
  const database = new DatabaseSync(variables.DATABASE_URL.slice("file:".length));
  database.exec("update jobs set sent_at = sent_at - 100000");
  database.close();
  upstream.setFault("not-found", ["status"]);
  const team = await start({ UPSTREAM_ACCOUNT: "team" });
  await expect
    .poll(() => team.read(id), { timeout: 20_000 })
    .toMatchObject({ isPaused: true, status: "IN_QUEUE" });
  // A retry gets the job, which may be this account's.
  expect((await team.submit()).job.id).toBe(id);
  await team.close();
  upstream.setFault(null);
  const back = await start();
  await expect
    .poll(() => back.read(id))
    .toMatchObject({ isPaused: false, isCancellable: true, error: null });
  await back.close();
  const again = await start(SANDBOX);
  expect(await again.read(id)).toMatchObject({ isPaused: true });
  expect(await again.submit()).toMatchObject({ __typename: "IdempotencyConflictError" });
});
