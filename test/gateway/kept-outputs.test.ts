import { readdirSync } from "node:fs";
import { join } from "node:path";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { ask } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const log = pino({ level: "silent" });
const ASSETS = "assets { url keep keepError keptUrl thumbnailUrl contentType bytes width height }";
const SUBMIT = `mutation { submitPaperLantern(input: { prompt: "A lantern" }, answerWithinSeconds: 20) {
  ... on SubmitJobSuccess { job { id status version } }
} }`;

async function start(environment: Readonly<Record<string, string>> = {}) {
  const folder = await createTemporaryFolder();
  const config = loadConfig({
    PORT: "0",
    SANDBOX_PORT: "0",
    SANDBOX_SPEED: "50",
    DATABASE_URL: ":memory:",
    FILES_URL: `file:${folder}`,
    ...environment,
  });
  const started = await startGateway(config, { log });
  let closing: Promise<void> | null = null;
  const gateway = { ...started, close: () => (closing ??= started.close()) };
  onTestFinished(() => gateway.close());

  const post = (query: string) => ask(gateway.url, query);

  /** A job of the sandbox that has ended. */
  async function succeed() {
    const { job } = (await post(SUBMIT)).submitPaperLantern;
    expect(job.status).toBe("SUCCEEDED");
    return job;
  }

  const read = async (id: string) => (await post(`{ job(id: "${id}") { version ${ASSETS} } }`)).job;

  async function untilKept(id: string) {
    await expect
      .poll(async () => (await read(id)).assets[0].keep, { timeout: 10_000 })
      .toBe("KEPT");
    return await read(id);
  }

  return { gateway, post, succeed, read, untilKept };
}

test("a kept picture outlives the vendor's, and goes with its job", async () => {
  const { post, succeed, untilKept } = await start({ SANDBOX_FILES_EXPIRE_SECONDS: "1" });
  const { id, version } = await succeed();
  const job = await untilKept(id);
  expect(job.version).toBe(version + 1);
  const [asset] = job.assets;
  expect(asset).toMatchObject({
    keepError: null,
    contentType: "image/svg+xml",
    bytes: expect.any(Number),
    width: 1_024,
    height: 1_024,
  });
  await expect.poll(async () => (await fetch(asset.url)).status).toBe(404);
  const copy = await fetch(asset.keptUrl);
  expect(copy.headers.get("content-type")).toBe("image/svg+xml");
  // Opened by itself it could run what it holds.
  expect(copy.headers.get("content-disposition")).toMatch(/^attachment/);
  expect(await copy.text()).toMatch(/^<svg/);
  await post(`mutation { deleteJob(id: "${id}") { __typename } }`);
  expect((await post(`{ job(id: "${id}") { id } }`)).job).toBeNull();
});

test.each([
  { database: "SQLite", open: async () => ":memory:", gateways: 1 },
  {
    database: "Postgres",
    async open() {
      const database = await createDatabase();
      onTestFinished(() => database.drop());
      return database.url;
    },
    gateways: 2,
  },
])(
  "with $database a deleted job's pictures open nowhere from then on, and their bytes go soon",
  async ({ open, gateways }) => {
    const folder = await createTemporaryFolder();
    const environment = { DATABASE_URL: await open(), FILES_URL: `file:${folder}` };
    const started = [];
    for (let count = 0; count < gateways; count++) started.push(await start(environment));
    const [first] = started;
    if (first === undefined) throw new Error("a gateway was started");
    const jobs = [await first.succeed(), await first.succeed(), await first.succeed()];
    const urls: string[] = [];
    for (const { id } of jobs) {
      const { pathname, search } = new URL((await first.untilKept(id)).assets[0].keptUrl);
      for (const { gateway } of started) urls.push(`${gateway.url}${pathname}${search}`);
    }
    const statuses = async (headers = {}) =>
      await Promise.all(urls.map(async (url) => (await fetch(url, { headers })).status));
    expect(new Set(await statuses())).toEqual(new Set([200]));
    const etag = (await fetch(urls[0] ?? "")).headers.get("etag") ?? "";
    const [one, ...others] = jobs.map(({ id }) => JSON.stringify(id));
    await first.post(`mutation { deleteJob(id: ${one}) { __typename } }`);
    await first.post(`mutation { deleteJobs(ids: [${others.join()}]) { __typename } }`);
    expect(new Set(await statuses())).toEqual(new Set([404]));
    expect((await fetch(urls[0] ?? "", { headers: { "if-none-match": etag } })).status).toBe(404);
    const left = () =>
      readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((one) =>
        one.includes(".svg"),
      );
    await expect.poll(left).toEqual([]);
  },
);

test("without KEEP_OUTPUTS nothing is kept until keepOutputs asks for it", async () => {
  const { post, succeed, read, untilKept } = await start({ KEEP_OUTPUTS: "false" });
  const { id, version } = await succeed();
  expect((await read(id)).assets).toMatchObject([{ keep: "NOT_KEPT", keptUrl: null, bytes: null }]);
  const KEEP = `mutation { keepOutputs(jobId: "${id}") {
    ... on KeepOutputsSuccess { job { version assets { keep } } }
    ... on Error { message }
  } }`;
  const { job } = (await post(KEEP)).keepOutputs;
  expect(job).toEqual({ version: version + 1, assets: [{ keep: "PENDING" }] });
  expect((await untilKept(id)).version).toBe(version + 2);
  expect((await post(KEEP)).keepOutputs.job.version).toBe(version + 2);
  const missing = `mutation { keepOutputs(jobId: "job_0") { ... on Error { message } } }`;
  expect((await post(missing)).keepOutputs.message).toContain("You have no job");
});

test("where the place of a database's files is another one, a gateway does not start", async () => {
  const databaseUrl = `file:${join(await createTemporaryFolder(), "gateway.db")}`;
  const first = await start({ DATABASE_URL: databaseUrl });
  await first.gateway.close();
  await expect(start({ DATABASE_URL: databaseUrl })).rejects.toThrow(
    /FILES_URL leads to another place.*not mounted.*marker = null/,
  );
});

test("the feed tells that a file was kept", async () => {
  const { gateway, succeed, untilKept } = await start();
  const query = encodeURIComponent(
    `subscription { jobsUpdated(after: "") { job { version assets { keep } } } }`,
  );
  const leaving = new AbortController();
  const response = await fetch(`${gateway.url}/graphql?query=${query}`, {
    headers: { accept: "text/event-stream" },
    signal: leaving.signal,
  });
  let told = "";
  const reading = (async () => {
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? [])
      told += text;
  })().catch(() => undefined);
  const { id } = await succeed();
  const { version } = await untilKept(id);
  await expect.poll(() => told).toContain(`{"version":${version},"assets":[{"keep":"KEPT"}]}`);
  leaving.abort();
  await reading;
});

test("with Postgres a gateway that would keep files in another folder does not start", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const shared = `file:${await createTemporaryFolder()}`;
  await start({ DATABASE_URL: database.url, FILES_URL: shared });
  await start({ DATABASE_URL: database.url, FILES_URL: shared });
  await expect(start({ DATABASE_URL: database.url })).rejects.toThrow(/FILES_URL leads to another/);
});
