import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { CREDENTIALS, startS3Server } from "../../files/s3-server.ts";
import { ask } from "../../support/graphql-client.ts";
import { readZip } from "../../support/read-zip.ts";
import { DATABASES, KINDS, SANDBOX, start as startWith } from "../../gateway/open-gateway.ts";

const SIZE = { width: 8, height: 8 };
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
  const reported = JSON.parse(String(files.get("jobs.json")));
  expect(reported).toMatchObject([
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

test("what is not kept is listed with the reason, and so is a job that was deleted since", async () => {
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

const GONE = "There is no such job, or it was deleted.";
const UNKNOWN = `job_${"0".repeat(32)}`;
const WARM_GLOW = "6f1c2a9e-3b47-4d0e-9a51-7c8e21d4b601";
const SUBMIT_JOB = `mutation ($input: JSON!) { submitJob(deploymentId: "${WARM_GLOW}", input: $input, answerWithinSeconds: 20) {
  ... on SubmitJobSuccess { job { id status } }
} }`;
const UPLOAD = `mutation ($bytes: SafeInt!) { createUpload(fileName: "a.png", contentType: "image/png", bytes: $bytes) {
  ... on CreateUploadSuccess { upload { id putUrl } }
} }`;

/** A gateway for two owners and an operator, who reads the jobs of both. */
async function startForMany(databaseUrl = ":memory:") {
  const keys = await createApiKeysFile();
  const anna = await keys.create("anna");
  const ben = await keys.create("ben");
  const operator = await keys.create("operator", "--scopes", "jobs:read:all");
  const gateway = await startWith({
    ...SANDBOX,
    AUTH: "api-keys",
    API_KEYS_FILE: keys.file,
    DATABASE_URL: databaseUrl,
  });
  const askAs = (key: string, query: string, variables: object = {}) =>
    ask(gateway.url, query, { variables, headers: { authorization: `Bearer ${key}` } });
  const keep = async (key: string, input: object) => {
    const { id } = (await askAs(key, SUBMIT_JOB, { input })).submitJob.job;
    const keepOf = async () => (await askAs(key, ASSETS, { id })).job.assets[0]?.keep;
    await expect.poll(keepOf).toBe("KEPT");
    return id;
  };
  const create = async (key: string, ids: readonly string[]) =>
    (await askAs(key, CREATE, { ids })).createDownload;
  const open = async (key: string, ids: readonly string[]) => {
    const { download } = await create(key, ids);
    const { files } = await unzip(gateway.here(download.url));
    const jobs = JSON.parse(String(files.get("jobs.json")));
    return { download, jobs, names: [...files.keys()].slice(1) };
  };
  return { ...gateway, anna, ben, operator, askAs, keep, create, open };
}

test.each(KINDS)(
  "on %s, an operator's download has the outputs of every owner, but nobody's uploads",
  async (kind) => {
    const gateway = await startForMany(await DATABASES[kind]());
    const { anna, ben, operator, askAs, keep, open } = gateway;
    const picture = await sharp({ create: { ...SIZE, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const { upload } = (await askAs(anna, UPLOAD, { bytes: picture.length })).createUpload;
    const put = { method: "PUT", body: new Uint8Array(picture) };
    expect((await fetch(gateway.here(upload.putUrl), put)).status).toBe(204);
    const given = `upload:${upload.id}`;
    const ids = [
      await keep(anna, { prompt: "A lantern", ctrl_img_1: given }),
      await keep(ben, { prompt: "Another", ctrl_img_1: "https://files.example.com/a.png" }),
    ];
    const { download, jobs, names } = await open(operator, ids);
    expect(download.files).toBe(2);
    expect(names).toEqual(["001", "002"].map((number) => expect.stringContaining(number)));
    expect(jobs).toMatchObject([
      { id: ids[0], input: { ctrl_img_1: given }, files: [{ file: names[0] }] },
      { id: ids[1], files: [{ file: names[1] }] },
    ]);
  },
);

test("what is gone, never was or is another owner's looks alike, and keeps nobody from the rest", async () => {
  const { anna, ben, askAs, keep, create, open } = await startForMany();
  const input = { prompt: "A lantern", ctrl_img_1: "https://files.example.com/a.png" };
  const [own, deleted, foreign] = [
    await keep(anna, input),
    await keep(anna, input),
    await keep(ben, input),
  ];
  await askAs(anna, `mutation { deleteJob(id: "${deleted}") { __typename } }`);
  const { download, jobs, names } = await open(anna, [foreign, own, UNKNOWN, deleted]);
  const alone = (await open(anna, [own])).download;
  expect([download.files, download.bytes]).toEqual([1, alone.bytes]);
  expect(names).toHaveLength(1);
  const toGone = (id: string) => ({ id, files: [], why: GONE });
  expect(jobs).toEqual([
    toGone(foreign),
    expect.objectContaining({ id: own }),
    toGone(UNKNOWN),
    toGone(deleted),
  ]);
  expect(await create(anna, ["no id"])).toMatchObject({ __typename: "JobNotFoundError" });
});

test("anyone with the URL gets the ZIP, and an altered one is none", async () => {
  const { anna, create, here } = await startForMany();
  const url = here((await create(anna, [])).download.url);
  expect((await unzip(url)).files.size).toBe(1);
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
