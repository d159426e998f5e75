import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { CREDENTIALS, startS3Server } from "../files/s3-server.ts";
import { readZip } from "../support/read-zip.ts";
import { SANDBOX, start as startWith } from "./open-gateway.ts";

const SUBMIT = `mutation ($prompt: String!, $seed: SafeInt) { submitPaperLantern(input: { prompt: $prompt, seed: $seed }, answerWithinSeconds: 20) {
  ... on SubmitJobSuccess { job { id status } }
} }`;
const CREATE = `mutation ($ids: [ID!]!) { createDownload(ids: $ids) {
  __typename ... on CreateDownloadSuccess { download { url expiresAt files bytes } } ... on Error { message }
} }`;
const ASSETS = `query ($id: ID!) { job(id: $id) { createdAt assets { keep keptUrl url bytes } } }`;

async function start(variables: Readonly<Record<string, string>> = {}) {
  const gateway = await startWith({ ...SANDBOX, ...variables });
  const { ask } = gateway;
  const create = async (ids: readonly string[]) => (await ask(CREATE, { ids })).createDownload;
  const read = async (id: string) => (await ask(ASSETS, { id })).job;
  const succeed = async (prompt: string, seed = 1) => {
    const { job } = (await ask(SUBMIT, { prompt, seed })).submitPaperLantern;
    expect(job.status).toBe("SUCCEEDED");
    return job.id;
  };
  const untilKept = (id: string) =>
    expect.poll(async () => (await read(id)).assets[0].keep).toBe("KEPT");
  return { ...gateway, create, read, succeed, untilKept };
}

async function unzip(url: string) {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  const { headers } = response;
  return { headers, files: await readZip(await response.bytes()) };
}

async function openBucket() {
  const s3 = await startS3Server();
  onTestFinished(s3.close);
  return {
    FILES_URL: `s3://files/p?endpoint=${s3.endpoint}`,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
}

test.each([
  ["a folder", async () => ({})],
  ["a bucket", openBucket],
])("kept files of many jobs come from %s as one ZIP, with what made each", async (_where, open) => {
  const gateway = await start(await open());
  const ids = [await gateway.succeed("A lantern", 7), await gateway.succeed("Another", 8)];
  for (const id of ids) await gateway.untilKept(id);
  const jobs = await Promise.all(ids.map(gateway.read));
  const { download } = await gateway.create([...ids, ...ids]);
  const bytes = jobs.flatMap(({ assets }) => assets).reduce((sum, one) => sum + one.bytes, 0);
  expect(download).toMatchObject({ files: 2, bytes });
  const { headers, files } = await unzip(gateway.here(download.url));
  const today = new Date().toISOString().slice(0, 10);
  expect(Object.fromEntries(headers)).toMatchObject({
    "content-type": "application/zip",
    "content-disposition": `attachment; filename="runcomfy-${today}.zip"`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  const names = ["001", "002"].map((number) => `${today}-paper-lantern-${number}.svg`);
  expect([...files.keys()]).toEqual(["jobs.json", ...names]);
  for (const [index, { assets }] of jobs.entries()) {
    const kept = await fetch(gateway.here(assets[0].keptUrl));
    expect(files.get(names[index] ?? "")).toEqual(Buffer.from(await kept.bytes()));
  }
  const told = JSON.parse(String(files.get("jobs.json")));
  expect(told).toMatchObject([
    {
      id: ids[0],
      deployment: { name: "Paper Lantern" },
      status: "SUCCEEDED",
      createdAt: jobs[0].createdAt,
      input: { prompt: "A lantern" },
      seed: 7,
      costUsd: null,
      files: [{ file: names[0], url: jobs[0].assets[0].url, contentType: "image/svg+xml" }],
    },
    { id: ids[1], seed: 8, files: [{ file: names[1] }] },
  ]);
  // A browser may ask twice, one time after the other.
  expect((await unzip(gateway.here(download.url))).files.size).toBe(3);
});

test("what is not kept is told with the reason, and so is a job that was deleted since", async () => {
  const gateway = await start({ KEEP_OUTPUTS: "false" });
  const ids = [await gateway.succeed("A lantern"), await gateway.succeed("Another")];
  const { download } = await gateway.create(ids);
  expect(download).toMatchObject({ files: 0, bytes: 0 });
  await gateway.ask(`mutation { deleteJob(id: "${ids[1]}") { __typename } }`);
  const { files } = await unzip(gateway.here(download.url));
  expect([...files.keys()]).toEqual(["jobs.json"]);
  expect(JSON.parse(String(files.get("jobs.json")))).toMatchObject([
    { id: ids[0], files: [{ file: null, why: expect.stringContaining("keepOutputs") }] },
    { id: ids[1], files: [], why: expect.stringContaining("deleted") },
  ]);
  expect(
    (await unzip(gateway.here((await gateway.create([])).download.url))).files.get("jobs.json"),
  ).toEqual(Buffer.from("[]\n"));
});

test("another owner's job is as one that does not exist, and whoever has the URL gets the ZIP", async () => {
  const keys = await createApiKeysFile();
  const [own, other] = [await keys.create("own"), await keys.create("other")];
  const gateway = await startWith({ ...SANDBOX, AUTH: "api-keys", API_KEYS_FILE: keys.file });
  const submitted = await gateway.answer(SUBMIT, { prompt: "A lantern" }, own);
  const [id = ""] = /job_[0-9a-f]+/.exec(JSON.stringify(submitted)) ?? [];
  const create = (ids: readonly string[], key: string) => gateway.answer(CREATE, { ids }, key);
  const refused = await create([id], other);
  expect(refused).toMatchObject({ data: { createDownload: { __typename: "JobNotFoundError" } } });
  const unknown = JSON.stringify(await create([`job_${"0".repeat(32)}`], other));
  expect(JSON.stringify(refused)).toBe(unknown.replaceAll(`job_${"0".repeat(32)}`, id));
  expect(await create(["no id"], own)).toMatchObject({
    data: { createDownload: { __typename: "JobNotFoundError" } },
  });
  const created = JSON.stringify(await create([id], own));
  const url = gateway.here(/http[^"]+/.exec(created)?.[0] ?? "");
  expect((await unzip(url)).files.size).toBeGreaterThan(0);
  for (const altered of [
    url.replace(/\/downloads\/./, "/downloads/z"),
    `${url}A`,
    url.replace(/expires=\d/, "expires=9"),
  ])
    expect((await fetch(altered)).status).toBe(404);
  const post = await fetch(url, { method: "POST" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
});

test("more than 500 jobs are too many for one download, which says what to do", async () => {
  const { create } = await start();
  const ids = Array.from({ length: 501 }, (_, index) => `job_${index}`);
  expect(await create(ids)).toEqual({
    __typename: "DownloadTooLargeError",
    message: expect.stringMatching(/at most 500 jobs, and 500 files of 2 GB in all. Choose fewer/),
  });
});
