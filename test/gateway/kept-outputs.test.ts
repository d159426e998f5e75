import { readdirSync } from "node:fs";

import { expect, test } from "vitest";

import { greet, keepMessages, subscribe } from "../server/open-socket.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, SANDBOX, start as startWith } from "./open-gateway.ts";

const ASSETS = "assets { url keep keepError keptUrl thumbnailUrl contentType bytes width height }";
const SUBMIT = `mutation { submitPaperLantern(input: { prompt: "A lantern" }, answerWithinSeconds: 20) {
  ... on SubmitJobSuccess { job { id status version } }
} }`;

async function start(variables: Readonly<Record<string, string>> = {}) {
  const gateway = await startWith({ ...SANDBOX, ...variables });
  const { ask } = gateway;

  /** A job of the sandbox that has ended. */
  async function succeed() {
    const { job } = (await ask(SUBMIT)).submitPaperLantern;
    expect(job.status).toBe("SUCCEEDED");
    return job;
  }

  const read = async (id: string) => (await ask(`{ job(id: "${id}") { version ${ASSETS} } }`)).job;

  async function untilKept(id: string) {
    await expect.poll(async () => (await read(id)).assets[0].keep).toBe("KEPT");
    return await read(id);
  }

  return { ...gateway, succeed, read, untilKept };
}

test("a kept picture outlives the vendor's", async () => {
  const { succeed, untilKept } = await start({ SANDBOX_FILES_EXPIRE_SECONDS: "1" });
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
});

test("a deleted job's pictures open nowhere from then on, on no gateway, and their bytes go soon", async () => {
  const folder = await createTemporaryFolder();
  const variables = {
    DATABASE_URL: await DATABASES.Postgres(),
    FILES_URL: `file:${folder}`,
    SANDBOX_DATA: await createTemporaryFolder(),
  };
  const first = await start(variables);
  const gateways = [first, await start(variables)];
  const jobs = await Promise.all([first.succeed(), first.succeed()]);
  const urls: string[] = [];
  for (const { id } of jobs) {
    const { keptUrl } = (await first.untilKept(id)).assets[0];
    urls.push(...gateways.map(({ here }) => here(keptUrl)));
  }
  const statuses = async (headers = {}) =>
    new Set(await Promise.all(urls.map(async (url) => (await fetch(url, { headers })).status)));
  expect(await statuses()).toEqual(new Set([200]));
  const etag = (await fetch(urls[0] ?? "")).headers.get("etag") ?? "";
  const [one, other] = jobs.map(({ id }) => JSON.stringify(id));
  await first.ask(`mutation { deleteJob(id: ${one}) { __typename } }`);
  await first.ask(`mutation { deleteJobs(ids: [${other}]) { __typename } }`);
  expect(await statuses()).toEqual(new Set([404]));
  expect(await statuses({ "if-none-match": etag })).toEqual(new Set([404]));
  const list = () => readdirSync(folder, { recursive: true, encoding: "utf8" });
  await expect.poll(() => list().filter((name) => name.includes(".svg"))).toEqual([]);
});

test("without KEEP_OUTPUTS nothing is kept until keepOutputs asks for it, which the feed reports", async () => {
  const { url, ask, succeed, read, untilKept } = await start({ KEEP_OUTPUTS: "false" });
  const socket = await greet(`${url}/graphql`);
  const reported = keepMessages(socket);
  const feed = `subscription { jobsUpdated(after: "") { job { version assets { keep } } } }`;
  socket.send(subscribe("1", feed));
  const { id, version } = await succeed();
  expect((await read(id)).assets).toMatchObject([{ keep: "NOT_KEPT", keptUrl: null, bytes: null }]);
  const KEEP = `mutation { keepOutputs(jobId: "${id}") {
    ... on KeepOutputsSuccess { job { version assets { keep } } }
    ... on Error { message }
  } }`;
  const { job } = (await ask(KEEP)).keepOutputs;
  expect(job).toEqual({ version: version + 1, assets: [{ keep: "PENDING" }] });
  expect((await untilKept(id)).version).toBe(version + 2);
  expect((await ask(KEEP)).keepOutputs.job.version).toBe(version + 2);
  const missing = `mutation { keepOutputs(jobId: "job_0") { ... on Error { message } } }`;
  expect((await ask(missing)).keepOutputs.message).toContain("You have no job");
  await expect
    .poll(() => reported.join())
    .toContain(`{"version":${version + 2},"assets":[{"keep":"KEPT"}]}`);
});

test("a gateway that would keep the files of a database in another folder does not start", async () => {
  const DATABASE_URL = await DATABASES.SQLite();
  const first = await start({ DATABASE_URL });
  await first.close();
  await expect(start({ DATABASE_URL })).rejects.toThrow(
    /FILES_URL leads to another place.*not mounted.*marker = null/,
  );
  await start({ DATABASE_URL, FILES_URL: `file:${first.folder}` });
});
