import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { ask } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const SANDBOX = { UPSTREAM: "sandbox" };
const DEPLOYMENT = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const JOB = "id status version isPaused isCancellable queuePosition error { code }";
const KEYED = "... on SubmitJobSuccess { job { id } } ... on Error { __typename message }";

let upstream: FaultyUpstream;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  upstream.script(DEPLOYMENT, ["in_queue"]);
});

const account = (name?: string) => ({
  RUNCOMFY_BASE_URL: upstream.url,
  RUNCOMFY_API_TOKEN: upstream.token,
  ...(name !== undefined && { UPSTREAM_ACCOUNT: name }),
});

describe.each([
  ["SQLite", async () => `file:${join(await createTemporaryFolder(), "gateway.db")}`],
  ["Postgres", openPostgres],
])("with another upstream on the same %s", (kind, createUrl) => {
  let databaseUrl: string;
  beforeEach(async () => {
    databaseUrl = await createUrl();
  });

  async function start(variables: Readonly<Record<string, string>>) {
    const files = await createTemporaryFolder();
    const config = loadConfig({
      PORT: "0",
      SANDBOX_PORT: "0",
      SANDBOX_SPEED: "50",
      DATABASE_URL: databaseUrl,
      ...(kind === "Postgres" && { KEEP_OUTPUTS: "false" }),
      SANDBOX_DATA: files,
      ...variables,
    });
    const lines: string[] = [];
    const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
    const gateway = await startGateway(config, { log });
    let closing: Promise<void> | null = null;
    const close = () => (closing ??= gateway.close());
    onTestFinished(close);

    const post = (query: string) => ask(gateway.url, query);

    return {
      close,
      post,
      logged: () => lines.map((line): string => JSON.parse(line).msg),
      read: async (id: string) => (await post(`{ job(id: "${id}") { ${JOB} } }`)).job,
      async submit(key = "key") {
        return (await post(submitOf(key))).submitJob;
      },
    };
  }

  /** A job of the account that waits in its queue, seen there. */
  async function submitPaid() {
    const paid = await start(account());
    const { job } = await paid.submit();
    await upstream.whenRequested("status", 1);
    await paid.close();
    return job.id;
  }

  test("a paid job is paused, told so and left alone, and goes on when its account is back", async () => {
    const id = await submitPaid();
    const asked = upstream.requests.length;
    const sandbox = await start(SANDBOX);
    expect(sandbox.logged()).toContainEqual(
      expect.stringContaining(`1 job waits for ${upstream.url}`),
    );
    // Its own jobs are followed meanwhile.
    const { job: own } = await sandbox.submit("another");
    await expect.poll(async () => (await sandbox.read(own.id)).status).toBe("SUCCEEDED");
    expect(await sandbox.read(id)).toMatchObject({
      status: "IN_QUEUE",
      isPaused: true,
      isCancellable: false,
      error: null,
    });
    const { cancelJob } = await sandbox.post(`mutation { cancelJob(id: "${id}") {
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

    const back = await start(account());
    expect((await back.submit()).job.id).toBe(id);
    const { job } = await back.post(`{ job(id: "${id}") { requestId } }`);
    upstream.finish(job.requestId, { output: {} });
    await expect.poll(async () => (await back.read(id)).status).toBe("SUCCEEDED");
    expect(upstream.count("submit")).toBe(1);
  });

  test("a poll that fails after the return is made again soon", async () => {
    const id = await submitPaid();
    await (await start(SANDBOX)).close();
    upstream.setFault("html-502", ["status"]);
    const asked = upstream.count("status");
    const back = await start(account());
    await upstream.whenRequested("status", asked + 1);
    upstream.setFault(null);
    await upstream.whenRequested("status", asked + 3);
    expect(await back.read(id)).toMatchObject({ isPaused: false, isCancellable: true });
  });

  test("a job that its own account no longer knows is lost, also after a while away", async () => {
    const id = await submitPaid();
    await (await start(SANDBOX)).close();
    await execute(databaseUrl, "update jobs set created_at = created_at - 100000");
    upstream.setFault("not-found", ["status"]);
    const back = await start(account());
    await expect
      .poll(() => back.read(id), { timeout: 20_000 })
      .toMatchObject({ status: "FAILED", error: { code: "LOST" } });
  });

  test("a paused job may be deleted", async () => {
    const id = await submitPaid();
    const sandbox = await start(SANDBOX);
    const { deleteJob } = await sandbox.post(`mutation { deleteJob(id: "${id}") {
      __typename ... on DeleteJobSuccess { deletedJobId } } }`);
    expect(deleteJob).toEqual({ __typename: "DeleteJobSuccess", deletedJobId: id });
    expect(await sandbox.read(id)).toBe(null);
  });

  test("a job that RunComfy calls another account's is paused, and a start asks again", async () => {
    const id = await submitPaid();
    upstream.setFault("forbidden", ["status"]);
    const other = await start(account());
    await expect.poll(() => other.read(id)).toMatchObject({ isPaused: true, status: "IN_QUEUE" });
    expect(other.logged()).toContainEqual(expect.stringContaining("is another account's"));
    await other.close();
    upstream.setFault(null);
    const back = await start(account());
    await expect.poll(() => back.read(id)).toMatchObject({ isPaused: false, isCancellable: true });
  });

  test("a job of an account waits while another one is in use", async () => {
    const paid = await start(account("team-a"));
    const { job } = await paid.submit();
    await paid.close();
    const other = await start(account("team-b"));
    expect(other.logged()).toContainEqual(
      expect.stringContaining(`1 job waits for ${upstream.url} (account team-a)`),
    );
    expect(await other.read(job.id)).toMatchObject({ isPaused: true });
  });

  test("a job from before upstreams were stored is ended by nobody who does not know it", async () => {
    const id = await submitPaid();
    await execute(databaseUrl, "update jobs set upstream = null, created_at = created_at - 100000");
    const sandbox = await start(SANDBOX);
    await expect
      .poll(() => sandbox.read(id), { timeout: 20_000 })
      .toMatchObject({ isPaused: true, status: "IN_QUEUE" });
    // Whoever retries gets the job, which may be this upstream's.
    expect((await sandbox.submit()).job.id).toBe(id);
    await sandbox.close();
    const back = await start(account());
    await expect
      .poll(() => back.read(id))
      .toMatchObject({ isPaused: false, isCancellable: true, error: null });
    await back.close();
    const again = await start(SANDBOX);
    expect(await again.read(id)).toMatchObject({ isPaused: true });
    expect(await again.submit()).toMatchObject({ __typename: "IdempotencyConflictError" });
  });
});

test("a start with another upstream pauses no job that a gateway follows", async () => {
  const databaseUrl = await openPostgres();
  const open = async (variables: Readonly<Record<string, string>>) => {
    const config = loadConfig({
      PORT: "0",
      SANDBOX_PORT: "0",
      DATABASE_URL: databaseUrl,
      ...variables,
    });
    const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
    onTestFinished(() => gateway.close());
    return gateway;
  };
  const paid = await open(account());
  const { submitJob } = await ask(paid.url, submitOf("key"));
  await upstream.whenRequested("status", 1);
  const sandbox = await open({ ...SANDBOX, SANDBOX_DATA: await createTemporaryFolder() });
  const read = async (url: string) =>
    (await ask(url, `{ job(id: "${submitJob.job.id}") { isPaused } }`)).job;
  expect(await read(sandbox.url)).toEqual({ isPaused: true });
  expect(await read(paid.url)).toEqual({ isPaused: false });
});

async function openPostgres(): Promise<string> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  return url;
}

async function execute(databaseUrl: string, statement: string): Promise<void> {
  if (databaseUrl.startsWith("file:")) {
    using database = new DatabaseSync(databaseUrl.slice("file:".length));
    database.exec(statement);
    return;
  }
  const { default: pg } = await import("pg");
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query(statement);
  await client.end();
}

function submitOf(key: string): string {
  return `mutation { submitJob(
    deploymentId: "${DEPLOYMENT}", idempotencyKey: "${key}", input: { prompt: "a lantern" }
  ) { ${KEYED} } }`;
}
